#!/usr/bin/env bash
# Damaged chunk stores, page checksums off: each statement gives the right result or ERRCODE_DATA_CORRUPTED
# (XX001), verify tells, and nothing crashes.  Checksums of ours made right over damaged bytes may give wrong values, but
# no crash and no other error.  Seed and number of damaged tables: TSDB_SEED, TSDB_TABLES.
. "$(dirname "$0")/lib.sh"

seed=${TSDB_SEED:-$(( $(date +%s) % 100000 ))}
tables=${TSDB_TABLES:-240}
note "seed $seed"

test_server main
sql <<SQL
CREATE EXTENSION tsdb_am;
-- every layout of column, with NULLs; forged bytes must meet only types that take any bits
CREATE TABLE rich (time timestamptz, host text, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, b bool, n numeric, j jsonb,
	u uuid, iv interval, ip inet, a int[], d date, c "char", name name);
CREATE TABLE plain (time timestamptz, host text, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, b bool, t bytea, u uuid, d date);
INSERT INTO rich SELECT '2024-01-01'::timestamptz + i * interval '10 s', 'host_' || i % 17, i % 100, CASE WHEN i % 50 <> 0 THEN i * 3 END, i * 1000003::int8,
	i / 7.0, CASE WHEN i % 3 <> 0 THEN i * 0.1 END, i % 5 = 0, i / 8.0, jsonb_build_object('k', i % 9, 'l', ARRAY[i, i + 1]),
	md5((i % 40)::text)::uuid, i * interval '1 min', ('10.0.' || i % 200 || '.1')::inet, ARRAY[i, NULL, i % 7], '2024-01-01'::date + i % 365, 'x', 'n' || i % 11
	FROM generate_series(1, 2500) i;
INSERT INTO plain SELECT time, host, i2, i4, i8, f4, f8, b, decode(md5(i4::text), 'hex'), u, d FROM rich;
DO \$\$
BEGIN
	FOR k IN 1 .. $tables LOOP
		-- (some small chunks beside a large one, and rows outside)
		EXECUTE format('CREATE TABLE t%s (LIKE %I) USING tsdb WITH (segmentby = ''host'', orderby = ''time'')', k, CASE WHEN k % 4 < 2 THEN 'plain' ELSE 'rich' END);
		EXECUTE format('INSERT INTO t%s SELECT * FROM %I', k, CASE WHEN k % 4 < 2 THEN 'plain' ELSE 'rich' END);
		EXECUTE format('INSERT INTO t%s SELECT * FROM %I LIMIT 1100', k, CASE WHEN k % 4 < 2 THEN 'plain' ELSE 'rich' END);
		EXECUTE format('INSERT INTO t%s SELECT * FROM %I LIMIT 5', k, CASE WHEN k % 4 < 2 THEN 'plain' ELSE 'rich' END);
		-- tombstones
		IF k % 3 <> 0 THEN
			EXECUTE format('DELETE FROM t%s WHERE i8 / 1000003 %% 23 = 0', k);
			EXECUTE format('UPDATE t%s SET i2 = i2 WHERE i8 / 1000003 %% 61 = 1', k);
		END IF;
	END LOOP;
END \$\$;
CREATE TABLE expected AS SELECT k, ''::text AS digest, 0 AS nrows FROM generate_series(1, $tables) k;
CREATE FUNCTION digest(k int) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT md5(string_agg(t::text, '','' ORDER BY t::text COLLATE "C")) FROM t%s t', k) INTO result;
	RETURN result;
END \$\$;
CREATE FUNCTION nrows(k int) RETURNS int LANGUAGE plpgsql AS \$\$ DECLARE n int; BEGIN EXECUTE format('SELECT count(*) FROM t%s', k) INTO n; RETURN n; END \$\$;
UPDATE expected SET digest = digest(k), nrows = nrows(k);
CREATE FUNCTION try(statement text) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN coalesce(result, 'null');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END \$\$;
CREATE FUNCTION try_copy(k int) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
	EXECUTE format('COPY (SELECT * FROM t%s) TO ''/dev/null'' (FORMAT binary)', k);
	RETURN 'right';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END \$\$;
SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname ~ '^t[0-9]+\$' ORDER BY substr(relname, 2)::int \g $scratch/files
SQL
is "$(sql -c "SELECT count(*) FROM tsdb.chunks")" $((2 * tables)) "all tables have chunks"
server_stop main

modes=(flip forge zero noise swap forge flip forge)
: > "$scratch/done"
k=0
while read -r file; do
	k=$((k + 1))
	mode=${modes[$((k % 8))]}
	# forged bytes only where every bit pattern is a value
	[ $((k % 4)) -lt 2 ] || [ $mode != forge ] || mode=noise
	printf '%d|%s|%s\n' $k $mode "$(perl "$top/t/corrupt.pl" $((seed + k)) $mode "$scratch/main/$file")" >> "$scratch/done"
done < "$scratch/files"
is "$(wc -l < "$scratch/done")" "$tables" "$tables tables damaged"

server_config main "restart_after_crash = on" "autovacuum = off"
server_start main
bad=0 silent=0 caught=0 crashes=0
while IFS='|' read -r k mode what; do
	rows=$(sql -F '|' -c "SELECT try('SELECT CASE WHEN digest($k) = (SELECT digest FROM expected WHERE k = $k) THEN ''right'' ELSE ''wrong'' END'),
		try('SELECT CASE WHEN count(*) = (SELECT nrows FROM expected WHERE k = $k) THEN ''right'' ELSE ''wrong'' END FROM t$k'), try_copy($k),
		try('SELECT sum(i8 + i4)::text IS NULL FROM t$k'),
		try('SELECT count(*) > 0 FROM tsdb.verify(''t$k'')'),
		try('SELECT count(*) > 0 FROM tsdb.columns WHERE relation = ''t$k''::regclass'),
		-- whoever changes rows meets tombstones too; the next statement finds what this one left
		try('WITH d AS (UPDATE t$k SET i4 = i4 + 1 WHERE i8 / 1000003 % 7 = 0 RETURNING 1) SELECT count(*) > 0 FROM d'),
		try('SELECT count(*) > 0 FROM (SELECT 1 FROM t$k WHERE i8 / 1000003 % 61 < 3 FOR UPDATE) s'),
		try('WITH d AS (DELETE FROM t$k WHERE i8 / 1000003 % 5 = 0 RETURNING 1) SELECT count(*) > 0 FROM d'),
		try('SELECT tsdb.recompress(''t$k'') >= 0')" 2>"$scratch/error") || {
		crashes=$((crashes + 1))
		note "t$k: $what: $(tail -n 2 "$scratch/error")"
		for n in $(seq 1 100); do sql -c "SELECT 1" >/dev/null 2>&1 && break; sleep 0.1; done
		continue
	}
	IFS='|' read -r digest count copy sum verify columns update lock delete merge <<<"$rows"
	case $mode in
		# with a right checksum, a version number may have become a later one (0A000)
		forge) allowed='right|wrong|XX001|0A000|true|false|220..' ;;
		*) allowed='right|XX001|true|false' ;;
	esac
	for result in "$digest" "$count" "$copy" "$sum" "$columns" "$update" "$lock" "$delete" "$merge"; do
		if ! grep -qE "^($allowed)$" <<<"$result"; then
			bad=$((bad + 1))
			note "t$k: $what: read gives \"$result\" ($rows)"
		fi
	done
	# verify reads all there is: it answers, and it knows of every fault that a query met
	if [ "$verify" != true ] && [ "$verify" != false ] && [ "$mode $verify" != "forge 0A000" ]; then
		bad=$((bad + 1))
		note "t$k: $what: verify fails: $verify"
	elif [ "$verify" = false ] && grep -q XX001 <<<"$digest $count $copy"; then
		silent=$((silent + 1))
		note "t$k: $what: verify finds nothing, but a query did: $rows"
	elif [ "$verify" = true ]; then
		caught=$((caught + 1))
	fi
done < "$scratch/done"
is $crashes 0 "no statement crashes or loses its connection"
is $bad 0 "each statement gives the right result or XX001"
is $silent 0 "verify finds what queries met"
note "$caught of $tables damages found by verify"
if [ $caught -gt $((tables / 3)) ]; then ok "verify finds damage"; else not_ok "verify finds damage"; fi

# a damaged table can be dropped, truncated and vacuumed
result=$(sql -c "DROP TABLE t1" -c "TRUNCATE t2" -c "SELECT count(*) FROM t2" 2>&1) || true
is "$result" 0 "damaged tables can be dropped and truncated"

# a chunk store of a later format
sql -c "CREATE TABLE later (LIKE plain) USING tsdb" -c "INSERT INTO later SELECT * FROM plain"
file=$(sql -c "SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname = 'later'")
server_stop main
perl "$top/t/corrupt.pl" 1 newer "$scratch/main/$file" >/dev/null
server_start main
for statement in "INSERT INTO later SELECT * FROM plain" "SELECT tsdb.compress('later')"; do
	like "$(sql_error -c "INSERT INTO later VALUES (now())" -c "$statement")" 'HINT' "later format: error with a hint: ${statement%% *}"
done
is "$(sql -c "SELECT pg_relation_filepath(reltoastrelid) = '$file' FROM pg_class WHERE relname = 'later'")" t "later format: table untouched"

# summaries: verify compares them with the rows, nobody trusts their lengths, and those of a later version are left alone
whats=(filter unlisted later length twice columns bounds lengths)
for what in "${whats[@]}"; do
	sql -c "CREATE TABLE section_$what (time timestamptz, host text, v int) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
		-c "INSERT INTO section_$what SELECT time, host, i4 FROM plain"
done
is "$(sql -c "SELECT count(*) FROM tsdb.verify('section_filter')")" 0 "summaries hold as they were written"
sql -F ' ' -c "SELECT relname, pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname ~ '^section_'" > "$scratch/files"
server_stop main
while read -r name file; do
	perl "$top/t/corrupt.pl" 1 "section-${name#section_}" "$scratch/main/$file" >/dev/null
done < "$scratch/files"
server_start main
declare -A says=(
	[filter]='is not in the directory.s series filter' [unlisted]='Series filter of entry 1 names column 0' [length]='Series filter of entry 1 has 71 bytes'
	[twice]='two sections with tag 1' [columns]='Column ranges do not add up' [bounds]='lies outside of the directory.s range of the column' [lengths]='range has flags 0'
)
for what in "${whats[@]}"; do
	result=$(sql -c "SELECT problem FROM tsdb.verify('section_$what')")
	if [ $what = later ]; then
		is "$result" '' "summaries of a later version: no problem"
		is "$(sql -c "SELECT count(*) FROM tsdb.chunk_ranges('section_later')" -c "SELECT count(*) FROM section_later WHERE host = 'host_1'")" "$(printf '0\n%s' "$(sql -c "SELECT count(*) FROM plain WHERE host = 'host_1'")")" "summaries of a later version: not used"
	else
		like "$result" "${says[$what]}" "damaged summary, $what: verify tells"
	fi
done
like "$(sql_error -c "SELECT * FROM tsdb.chunk_ranges('section_columns')")" 'XX001' "damaged summary: error"

no_crash main
done_testing
