#!/usr/bin/env bash
# Logical decoding and replication of a table with two stores.
#
# What would break it: a change of a compressed row that is not decoded, or decoded with the wrong old key or TOAST value;
# a move, or the copy of a row made for decoding, that is decoded though no row changed; a subscriber whose
# look-up (SnapshotDirty) misses a row in a chunk, or one that moves between the stores meanwhile.
#
# Heap is the oracle: twins get the same statements; decoded lines and replicated rows must be equal.
#
# Environment: TSDB_AM=heap proves the script itself: every table on heap, movers do nothing.
# TSDB_SEED; UPDATES (2000), statements applied while the subscriber moves rows.
. "$(dirname "$0")/lib.sh"

use_twins
updates=${UPDATES:-2000}

# a little memory for decoding, so that large transactions are spilled
server_create pub
server_config pub "$(cat "$top/t/test.conf")" "wal_level = logical" "logical_decoding_work_mem = 64kB" "max_replication_slots = 20" "max_wal_senders = 20"
server_start pub
# debug1 tells of changes whose row was not found
server_create sub
server_config sub "$(cat "$top/t/test.conf")" "port = 5433" "wal_retrieve_retry_interval = 200ms" "log_min_messages = debug1" \
	"deadlock_timeout = 200ms" "max_logical_replication_workers = 6"
server_start sub

pub() { sql "$@"; }
sub() { server_port=5433 sql "$@"; }
pub -c "$extension"
sub -c "$extension"

# table NAME AM KIND: statements that create a table; KIND is how its rows are identified
table()
{
	printf 'CREATE TABLE %s (k int NOT NULL, host text, time timestamptz, v float8, note text, big text) USING %s;\n' "$1" "$2"
	printf 'ALTER TABLE %s ALTER big SET STORAGE EXTERNAL;\n' "$1"
	case $3 in
		pk|big) printf 'ALTER TABLE %s ADD PRIMARY KEY (k);\n' "$1" ;;
		unique) printf 'CREATE UNIQUE INDEX %s_u ON %s (k); ALTER TABLE %s REPLICA IDENTITY USING INDEX %s_u;\n' "$1" "$1" "$1" "$1" ;;
		full|fullbig|filter|direct) printf 'ALTER TABLE %s REPLICA IDENTITY FULL;\n' "$1" ;;
		nothing) printf 'ALTER TABLE %s REPLICA IDENTITY NOTHING;\n' "$1" ;;
	esac
}

# rows KIND FROM TO: what to insert
rows()
{
	local big=NULL
	case $1 in *big) big="i || repeat('x', 3000)" ;; esac
	printf "SELECT i, 'host_' || i %% 7, '2024-01-01'::timestamptz + i * interval '1 min', i, CASE WHEN i %% 40 = 0 THEN repeat('n', 2500) ELSE 'note ' || i END, %s FROM generate_series(%d, %d) i" "$big" "$2" "$3"
}

# in_chunks SERVER TABLE: are there chunks, and how many rows in the chunks?
in_chunks()
{
	"$1" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = '$2'::regclass"
}

#--------------------------------------------------------------------- decoded lines

# Lines of tables PREFIX_... from the changes on stdin, each with the number of its transaction; rows of a
# statement may come in any order, changes of one row may not.  A TOAST value that an UPDATE left alone may be written out.
decoded()
{
	perl -pe "s/big\[text\]:'(\d+)x{3000}'/big[text]:<value \$1>/g" | awk -v prefix="$1" '
		/^BEGIN/ { counted = 0; next }
		/^COMMIT/ { next }
		{
			if (index($0, "table public." prefix "_") != 1)
				next
			if (!counted) { transaction++; counted = 1 }
			key = "-"
			if (match($0, /k\[integer\]:[0-9]+/))
				key = substr($0, RSTART + 11, RLENGTH - 11)
			sub("public." prefix "_", "public.")
			sub(/big\[text\]:unchanged-toast-datum/, "big[text]:<value " key ">")
			printf "%d %s %d %s\n", transaction, key, NR, $0
		}' | sort -k 1,1n -k 2,2n -k 3,3n | cut -d ' ' -f 1,4-
}

changes()
{
	pub -c "SELECT data FROM pg_logical_slot_get_changes('decode', NULL, NULL, 'include-xids', '0', 'skip-empty-xacts', '1')"
}

# Statements on @; $1 = kind.
decode_statements()
{
	cat <<'SQL'
UPDATE @ SET v = v + 0.5 WHERE k = 7;
UPDATE @ SET v = v + 1, host = NULL WHERE k % 3 = 0;
UPDATE @ SET k = k + 100000 WHERE k IN (11, 12, 611);
UPDATE @ SET k = k WHERE k IN (13, 613);
DELETE FROM @ WHERE k = 20;
DELETE FROM @ WHERE k % 50 = 1;
-- a row again and again
BEGIN;
UPDATE @ SET v = 1 WHERE k = 30;
UPDATE @ SET v = 2 WHERE k = 30;
DELETE FROM @ WHERE k = 30;
INSERT INTO @ VALUES (30, 'again');
UPDATE @ SET note = 'once more' WHERE k = 30;
COMMIT;
-- rolled back, wholly and in part
BEGIN;
UPDATE @ SET v = 3 WHERE k = 31;
SAVEPOINT a;
DELETE FROM @ WHERE k BETWEEN 31 AND 40;
UPDATE @ SET v = 4 WHERE k BETWEEN 41 AND 49;
ROLLBACK TO a;
DELETE FROM @ WHERE k = 32;
SAVEPOINT b;
UPDATE @ SET v = 5 WHERE k = 33;
RELEASE b;
COMMIT;
BEGIN;
DELETE FROM @;
ROLLBACK;
-- locks are no changes
BEGIN;
SELECT count(*) FROM (SELECT 1 FROM @ WHERE k BETWEEN 30 AND 50 FOR UPDATE) x;
SELECT count(*) FROM (SELECT 1 FROM @ WHERE k BETWEEN 30 AND 50 FOR KEY SHARE) x;
COMMIT;
UPDATE @ t SET v = s.v FROM (VALUES (34, 34.5), (634, 634.5)) s (k, v) WHERE t.k = s.k;
MERGE INTO @ t USING (VALUES (35, 1), (36, 2), (635, 3), (99999, 4)) s (k, v) ON t.k = s.k
	WHEN MATCHED AND s.v = 2 THEN DELETE WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT VALUES (s.k, 'merged');
SQL
	case $1 in
		pk|unique|big) printf "INSERT INTO @ (k, v) VALUES (37, 1), (637, 2), (99998, 3) ON CONFLICT (k) DO UPDATE SET v = -excluded.v, note = NULL;\n" ;;
	esac
	case $1 in
		*big) printf "UPDATE @ SET big = k || repeat('x', 3000) WHERE k IN (38, 638);\nUPDATE @ SET big = NULL WHERE k IN (39, 639);\n" ;;
	esac
	cat <<'SQL'
SELECT tsdb.compress('@');
UPDATE @ SET note = 'two' WHERE k % 25 = 0;
-- whole chunks
DELETE FROM @ WHERE k > 100;
UPDATE @ SET v = 0;
TRUNCATE @;
INSERT INTO @ VALUES (1, 'last');
SQL
}

kinds="pk unique full nothing big fullbig"
for kind in $kinds; do
	table "d_$kind" "$am" "$kind"
	table "h_$kind" heap "$kind"
	for prefix in d h; do
		printf 'INSERT INTO %s_%s %s;\n' $prefix "$kind" "$(rows "$kind" 1 600)"
		[ $prefix = h ] || printf "SELECT tsdb.compress('d_%s');\n" "$kind"
		printf 'INSERT INTO %s_%s %s;\n' $prefix "$kind" "$(rows "$kind" 601 900)"
	done
done > "$scratch/decode.sql"
pub -f "$scratch/decode.sql" >/dev/null
[ "$am" = heap ] || is "$(pub -c "SELECT DISTINCT chunk_rows || ' ' || row_store_rows FROM tsdb.tables")" "600 300" "rows of either store"

pub -c "SELECT pg_create_logical_replication_slot('decode', 'test_decoding')" >/dev/null
for kind in $kinds; do
	for prefix in d h; do
		statements=$(decode_statements "$kind")
		# (heap has nothing to compress)
		[ $prefix = d ] || statements=$(grep -v 'tsdb\.' <<<"$statements")
		errors=$(sed "s/@/${prefix}_$kind/g" <<<"$statements" | pub 2>&1 >/dev/null) || true
		is "$errors" "" "decoding, $kind: statements on ${prefix}_$kind"
	done
	changes > "$scratch/changes"
	decoded d < "$scratch/changes" > "$scratch/changes_d"
	decoded h < "$scratch/changes" > "$scratch/changes_h"
	is "$(diff "$scratch/changes_h" "$scratch/changes_d" | head -n 4)" "" "decoding, $kind: the same lines as heap's"
	note "$kind: $(wc -l < "$scratch/changes_h") lines, $(grep -c 'unchanged-toast' "$scratch/changes" || true) with unchanged TOAST values"
	is "$(grep -vcE '^(BEGIN|COMMIT|table public\.[dh]_)' "$scratch/changes" || true)" 0 "decoding, $kind: nothing else"
done

# moves, with rows in either store, changed and deleted ones among them
moves="SELECT tsdb.compress('d_move'); SELECT tsdb.compress('d_move_big'); SELECT tsdb.recompress('d_move'); SELECT tsdb.recompress('d_move_big');
	SELECT tsdb.decompress('d_move'); SELECT tsdb.decompress('d_move_big'); BEGIN; SELECT tsdb.compress('d_move'); ROLLBACK;
	SELECT tsdb.compress('d_move'); VACUUM d_move; VACUUM d_move_big; SELECT tsdb.compress('d_move_big');"
{
	table d_move "$am" full
	table d_move_big "$am" big
	printf "INSERT INTO d_move %s; SELECT tsdb.compress('d_move'); INSERT INTO d_move %s;\n" "$(rows full 1 1500)" "$(rows full 1501 3000)"
	printf "INSERT INTO d_move_big %s; SELECT tsdb.compress('d_move_big'); INSERT INTO d_move_big %s;\n" "$(rows big 1 150)" "$(rows big 151 300)"
} | pub >/dev/null
changes >/dev/null
printf '%s' "$moves" | pub >/dev/null
is "$(changes)" "" "moves are not decoded"
errors=$(pub -c "UPDATE d_move SET v = 0 WHERE k % 10 = 0" -c "DELETE FROM d_move WHERE k % 10 = 1" \
	-c "UPDATE d_move_big SET v = 0 WHERE k % 10 = 0" -c "DELETE FROM d_move_big WHERE k % 10 = 1" 2>&1) || true
is "$errors" "" "changes between moves"
is "$(changes | grep -cE '^table public\.d_move(_big)?: (UPDATE|DELETE)')" 660 "changes between moves are decoded"
printf '%s' "$moves" | pub >/dev/null
is "$(changes)" "" "moves of changed tables are not decoded"

# direct load: off for decoded tables, unless the option waives it
if [ "$am" = tsdb ]; then
	{
		printf "CREATE TABLE d_off (k int, host text, time timestamptz, v float8, note text, big text) USING tsdb;\n"
		printf "CREATE TABLE d_on (LIKE d_off) USING tsdb WITH (direct_load = on);\nCREATE TABLE h_on (LIKE d_off) USING heap;\n"
		printf "ALTER TABLE d_on REPLICA IDENTITY FULL;\nALTER TABLE h_on REPLICA IDENTITY FULL;\n"
	} | pub
	pub -c "INSERT INTO d_off $(rows full 1 2000)"
	is "$(in_chunks pub d_off)" 0 "direct load is off at wal_level = logical"
	is "$(changes | grep -c '^table public.d_off: INSERT')" 2000 "its rows are decoded"
	pub -c "INSERT INTO d_on $(rows full 1 2000)"
	is "$(in_chunks pub d_on)" 2000 "option direct_load = on loads directly"
	is "$(changes | grep -vE '^(BEGIN|COMMIT)')" "" "its rows are not decoded"
	pub -c "INSERT INTO h_on $(rows full 1 2000)" -c "INSERT INTO d_on $(rows full 2001 2100)" -c "INSERT INTO h_on $(rows full 2001 2100)"
	is "$(changes | grep -c '^table public.d_on: INSERT')" 100 "rows of a small insert are decoded"
	errors=
	for t in d_on h_on; do
		errors+=$(pub -c "UPDATE $t SET v = -1 WHERE k % 100 = 0" -c "DELETE FROM $t WHERE k BETWEEN 1001 AND 1010" 2>&1) || true
	done
	is "$errors" "" "changes of rows loaded directly"
	changes > "$scratch/changes"
	is "$(diff <(decoded h < "$scratch/changes") <(decoded d < "$scratch/changes") | head -n 4)" "" "changes of rows loaded directly are decoded as heap's"
fi
pub -c "SELECT pg_drop_replication_slot('decode')" >/dev/null

#--------------------------------------------------------------------- replication

# KIND_PS: access methods of publisher and subscriber
tables=
for kind in pk unique full big; do
	tables+=" ${kind}_tt ${kind}_th ${kind}_ht"
done
tables+=" filter_tt direct_tt"

pub -c "CREATE TABLE all_keys (k int)" -c "INSERT INTO all_keys SELECT generate_series(1, 2000)"
nrows() { case $1 in full_*|filter_*|big_*) echo 300 ;; *) echo 1000 ;; esac; }
for t in $tables; do
	kind=${t%_*}
	p=$am s=$am
	case $t in *_ht) p=heap ;; *_th) s=heap ;; esac
	table "$t" "$p" "$kind" >&3
	table "$t" "$s" "$kind" >&4
	[ "$t$p" != direct_tttsdb ] || printf "ALTER TABLE direct_tt SET (direct_load = on);\n" >&3
	if [ "$t" = direct_tt ]; then
		printf "INSERT INTO direct_tt %s;\n" "$(rows direct 1 2000)" >&3
	else
		# half of the rows compressed, if the publisher can
		n=$(nrows "$t")
		printf "INSERT INTO %s %s;\n" "$t" "$(rows "$kind" 1 $((n / 2)))" >&3
		[ "$p" = heap ] || printf "SELECT tsdb.compress('%s');\n" "$t" >&3
		printf "INSERT INTO %s %s;\n" "$t" "$(rows "$kind" $((n / 2 + 1)) "$n")" >&3
	fi
done 3>"$scratch/pub.sql" 4>"$scratch/sub.sql"
# a table on which look-ups stop: comparing 999 takes a second
pub -c "CREATE TABLE overtaken (s int, k int, v text) USING heap" -c "ALTER TABLE overtaken REPLICA IDENTITY FULL"
sub 2>/dev/null <<SQL
CREATE TYPE slow;
CREATE FUNCTION slow_in(cstring) RETURNS slow IMMUTABLE STRICT LANGUAGE internal AS 'int4in';
CREATE FUNCTION slow_out(slow) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'int4out';
CREATE TYPE slow (INPUT = slow_in, OUTPUT = slow_out, LIKE = int4);
CREATE FUNCTION slow_eq(a slow, b slow) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN
	IF a::text = ''999'' OR b::text = ''999'' THEN PERFORM pg_sleep(1); END IF;
	RETURN a::text = b::text;
END';
CREATE FUNCTION slow_hash(slow) RETURNS int IMMUTABLE STRICT LANGUAGE internal AS 'hashint4';
CREATE OPERATOR = (LEFTARG = slow, RIGHTARG = slow, FUNCTION = slow_eq, HASHES);
CREATE OPERATOR CLASS slow_ops DEFAULT FOR TYPE slow USING hash AS OPERATOR 1 =, FUNCTION 1 slow_hash(slow);
CREATE TABLE overtaken (s slow, k int, v text) USING $am;
ALTER TABLE overtaken ALTER v SET STORAGE PLAIN;
ALTER TABLE overtaken SET (autovacuum_enabled = off);
SQL
pub -f "$scratch/pub.sql" >/dev/null
sub -f "$scratch/sub.sql" >/dev/null
others=$(sed 's/ filter_tt//; s/^ //; s/ /, /g' <<<"$tables")
pub -c "CREATE PUBLICATION p FOR TABLE $others, overtaken, TABLE filter_tt WHERE (v >= 100)"
sub -c "CREATE SUBSCRIPTION sub CONNECTION 'host=$scratch port=5432 user=postgres dbname=postgres' PUBLICATION p" 2>/dev/null

# Waits until the subscriber has applied what the publisher has committed.
catch_up()
{
	local lsn n
	lsn=$(pub -c "SELECT pg_current_wal_lsn()")
	for n in $(seq 1 600); do
		if [ "$(pub -c "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'sub' AND state = 'streaming' AND replay_lsn >= '$lsn'")" = 1 ]; then
			return 0
		fi
		sleep 0.1
	done
	not_ok "subscriber catches up"
	tail -n 5 "$scratch/sub.log" | while read -r line; do note "$line"; done
}

initial_copy()
{
	local n
	for n in $(seq 1 600); do
		[ "$(sub -c "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')")" != 0 ] || return 0
		sleep 0.1
	done
	not_ok "initial copy ends"
}

# digests: one query for all tables, "table rows md5"
digests()
{
	local t
	for t in $tables; do
		[ "$t" != direct_tt ] || continue
		printf "SELECT '%s', count(*), md5(string_agg(t::text, E'\\\\n' ORDER BY k)) FROM %s t%s;\n" "$t" "$t" "$([ "$t" != filter_tt ] || echo ' WHERE v >= 100')"
	done
}
digests > "$scratch/digests.sql"

# compare NAME: subscriber's rows are the publisher's; tables of one kind, which got the same statements, are equal too
compare()
{
	catch_up
	pub -f "$scratch/digests.sql" > "$scratch/digests_pub"
	sub -f "$scratch/digests.sql" > "$scratch/digests_sub"
	is "$(diff "$scratch/digests_pub" "$scratch/digests_sub" | grep '^[<>]' | head -n 6)" "" "$1: the subscriber has the publisher's rows"
	is "$(sed -E 's/_[a-z]{2}\|/ /' "$scratch/digests_pub" | sort -u | wc -l)" 5 "$1: as on heap"
	is "$(awk -F '|' '$2 == 0' "$scratch/digests_pub")" "" "$1: no table is empty"
}

initial_copy
compare "initial copy"
[ "$am" = heap ] || is "$(in_chunks sub direct_tt)" 2000 "initial copy loads directly"

# Statements on @ around keys from $1 on.
statements()
{
	sed "s/%r/$1/g" <<'SQL'
UPDATE @ SET v = v + 90, note = 'updated' WHERE k BETWEEN %r AND %r + 59;
UPDATE @ SET k = k + 100000 WHERE k BETWEEN %r + 10 AND %r + 14;
DELETE FROM @ WHERE k BETWEEN %r + 20 AND %r + 24;
INSERT INTO @ (k, host, v) VALUES (%r + 20, 'again', 20), (%r + 21, 'again', 210);
UPDATE @ SET v = -v WHERE k = %r + 21;
BEGIN;
UPDATE @ SET v = v + 1 WHERE k = %r + 30;
SAVEPOINT a;
DELETE FROM @ WHERE k >= %r;
SAVEPOINT b;
INSERT INTO @ (k) VALUES (%r + 30);
ROLLBACK TO a;
UPDATE @ SET v = v + 1 WHERE k = %r + 31;
DELETE FROM @ WHERE k = %r + 32;
COMMIT;
BEGIN;
UPDATE @ SET v = 1000;
DELETE FROM @;
ROLLBACK;
BEGIN;
UPDATE @ SET v = v + 1 WHERE k = %r + 40;
UPDATE @ SET v = v + 1, host = NULL WHERE k = %r + 40;
DELETE FROM @ WHERE k = %r + 40;
INSERT INTO @ (k, note) VALUES (%r + 40, 'a new one');
UPDATE @ SET v = 4 WHERE k = %r + 40;
COMMIT;
UPDATE @ SET host = NULL, time = NULL WHERE k = %r + 50;
UPDATE @ SET big = 'short' WHERE k = %r + 51;
UPDATE @ SET big = k || repeat('y', 5000) WHERE k = %r + 52;
SQL
}

# everywhere STATEMENTS: on all tables; replaces @
everywhere()
{
	local t
	for t in $tables; do
		[ "$t" = direct_tt ] || sed "s/@/$t/g" <<<"$1"
	done
}

# run NAME STATEMENTS
run()
{
	local errors
	errors=$(everywhere "$2" | pub 2>&1 >/dev/null) || true
	is "$errors" "" "$1: statements"
}

# moves SERVER MOVER...: on the tables with two stores there
moves()
{
	local server=$1 mover t
	shift
	for mover in "$@"; do
		for t in $tables; do
			case $server$t in pub*_ht|sub*_th) continue ;; esac
			printf "SELECT tsdb.%s('%s');\n" "$mover" "$t"
		done
	done | $server >/dev/null
}

run "subscriber's rows as copied" "$(statements 1)"
compare "subscriber's rows as copied"

moves sub compress
run "subscriber compressed" "$(statements 61)"
compare "subscriber compressed"
run "subscriber compressed, publisher's row store" "$(statements 201)"
compare "subscriber compressed, publisher's row store"

moves pub decompress compress
moves sub compress recompress
run "both compressed anew" "$(statements 121; statements 1)"
compare "both compressed anew"
moves pub recompress decompress
moves sub decompress
run "both decompressed" "$(statements 181)"
compare "both decompressed"

# many rows in one transaction, spilled by the decoder
moves pub compress
moves sub compress
run "many rows at once" "BEGIN; UPDATE @ SET v = v + 1; UPDATE @ SET note = NULL WHERE k % 2 = 0; DELETE FROM @ WHERE k % 9 = 0; COMMIT;"
compare "many rows at once"
for t in $tables; do
	case $t in *_tt|*_ht) sub -c "SELECT '$t', * FROM tsdb.verify('$t')" ;; esac
done > "$scratch/damage"
is "$(cat "$scratch/damage")" "" "verify on the subscriber"

# rows loaded directly: not replicated, but their changes are, and meet no row
is "$(grep -c 'did not find row' "$scratch/sub.log" || true)" 0 "each change found its row"
if [ "$am" = tsdb ]; then
	moves sub compress
	before=$(sub -c "SELECT count(*) FROM direct_tt")
	pub -c "INSERT INTO direct_tt $(rows direct 3001 4500)" -c "INSERT INTO direct_tt $(rows direct 5001 5010)"
	errors=$(pub -c "UPDATE direct_tt SET v = -1 WHERE k % 1000 = 0 OR k = 5001" -c "DELETE FROM direct_tt WHERE k IN (2, 3002, 5002)" 2>&1) || true
	is "$errors" "" "direct load: changes"
	catch_up
	is "$(sub -c "SELECT count(*), count(*) FILTER (WHERE k BETWEEN 3001 AND 4500), count(*) FILTER (WHERE v = -1), count(*) FILTER (WHERE k IN (2, 5002)) FROM direct_tt")" \
		"$((before + 10 - 2))|0|3|0" "direct load: rows waived, changes replicated"
	is "$(grep -c 'did not find row' "$scratch/sub.log" || true)" 2 "direct load: two changes met no row"
fi
missed_before=$(grep -c 'did not find row' "$scratch/sub.log" || true)

# TRUNCATE, of rows in chunks too
run "truncate" "TRUNCATE @; INSERT INTO @ VALUES (1, 'after truncate', NULL, 1000);"
compare "truncate"
moves sub compress
run "truncate again" "TRUNCATE @; INSERT INTO @ $(rows pk 1 300);"
compare "truncate again"

#--------------------------------------------------------------------- the subscriber moves rows while changes come

# overtake MOVER KEY: it moves the row between the moments when the look-up has passed one place and comes to the other
overtake()
{
	local n
	pub -c "UPDATE overtaken SET v = '$1' WHERE k = $2"
	for n in $(seq 1 100); do
		[ "$(sub -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'logical replication worker' AND wait_event = 'PgSleep'")" = 0 ] || break
		sleep 0.05
	done
	sub -c "SELECT tsdb.$1('overtaken')" >/dev/null
	catch_up
	is "$(sub -c "SELECT k FROM overtaken WHERE v = '$1'")" "$2" "$1 overtakes a look-up by sequential scan"
}
# the slow row fills the row store's last page
pub -c "INSERT INTO overtaken SELECT i, i, 'x' FROM generate_series(1, 100) i"
catch_up
sub -c "SELECT tsdb.compress('overtaken')" >/dev/null
pub -c "INSERT INTO overtaken VALUES (999, 999, repeat('x', 7500))"
catch_up
overtake decompress 50
# two chunks, the slow row in the first
sub -c "SELECT tsdb.compress('overtaken')" >/dev/null
pub -c "INSERT INTO overtaken SELECT i, i, 'x' FROM generate_series(101, 200) i"
catch_up
sub -c "SELECT tsdb.compress('overtaken')" >/dev/null
overtake recompress 150
pub -c "INSERT INTO overtaken SELECT i, i, 'x' FROM generate_series(201, 300) i"
catch_up
overtake compress 250

moves pub compress
moves sub compress
moving="pk_tt pk_ht unique_tt full_tt full_ht big_tt"
touch "$scratch/moving"
for t in $moving; do
	for mover in decompress compress decompress compress recompress; do
		printf "SELECT tsdb.%s('%s');\n" $mover "$t"
	done
done > "$scratch/sub_moves.sql"
{
	# a deadlock with the apply worker is no fault
	while [ -e "$scratch/moving" ]; do
		sub -v ON_ERROR_STOP=0 -f "$scratch/sub_moves.sql" 2>&1 >/dev/null
		echo round
	done
} > "$scratch/sub_moves.log" & mover=$!

for i in $(seq 1 "$updates"); do
	k=$((RANDOM % 300 + 1))
	# tables of one kind get the same; those searched by sequential scan fewer
	targets="pk_tt pk_th pk_ht unique_tt unique_th unique_ht"
	[ $((i % 4)) != 0 ] || targets="full_tt full_th full_ht big_tt big_th big_ht"
	for t in $targets; do
		case $((i % 23)) in
			7) printf "DELETE FROM %s WHERE k = %d; INSERT INTO %s (k, host, v) VALUES (%d, 'again', %d);\n" $t $k $t $k $i ;;
			11) printf "BEGIN; UPDATE %s SET k = -k WHERE k = %d; UPDATE %s SET k = %d WHERE k = -%d; COMMIT;\n" $t $k $t $k $k ;;
			17) printf "BEGIN; UPDATE %s SET v = v + 1 WHERE k BETWEEN %d AND %d; COMMIT;\n" $t $k $((k + 9)) ;;
			*) printf "UPDATE %s SET v = v + 1 WHERE k = %d;\n" $t $k ;;
		esac
	done
	case $((i % 200)) in
		50) printf "SELECT tsdb.compress('pk_tt'); SELECT tsdb.compress('full_tt'); SELECT tsdb.compress('unique_tt'); SELECT tsdb.compress('big_tt');\n" ;;
		150) printf "SELECT tsdb.decompress('full_tt'); SELECT tsdb.recompress('pk_tt');\n" ;;
	esac
done > "$scratch/load.sql"
errors=$(pub -f "$scratch/load.sql" 2>&1 >/dev/null) || true
is "$errors" "" "while the subscriber moves rows: statements"
compare "while the subscriber moves rows"
rm "$scratch/moving"
wait $mover
note "$(grep -c round "$scratch/sub_moves.log") rounds of moves"
is "$(grep ERROR "$scratch/sub_moves.log" | grep -v 'deadlock detected' | head -n 3)" "" "while the subscriber moves rows: movers"
note "$(grep -c 'deadlock detected' "$scratch/sub.log" || true) deadlocks"
is "$(grep -c 'did not find row' "$scratch/sub.log" || true)" "$missed_before" "while the subscriber moves rows: each change found its row"
compare "after the moves"

no_crash pub
no_crash sub
done_testing
