#!/usr/bin/env bash
# kill -9 of the server at random moments while rows are loaded, inserted, compressed and moved back:
# after recovery each committed row is there once, and no other.
#
# Each transaction writes one batch into two tables and notes it in a third; so whatever the notes
# say must hold.  Seed and rounds: TSDB_SEED, TSDB_ROUNDS.
. "$(dirname "$0")/lib.sh"

seed=${TSDB_SEED:-$(( $(date +%s) % 32768 ))}
RANDOM=$seed
note "seed $seed"
rounds=${TSDB_ROUNDS:-10}

test_server main
sql <<'SQL'
CREATE EXTENSION tsdb_am;
-- the batch number comes from a setting, so that COPY can load it
CREATE TABLE loaded (batch int DEFAULT current_setting('test.batch')::int, i int, time timestamptz DEFAULT '2024-01-01', host text, v float8)
	USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE indexed (LIKE loaded INCLUDING DEFAULTS) USING tsdb;
CREATE INDEX ON indexed (batch);
CREATE TABLE notes (batch int PRIMARY KEY, nrows int);
SQL
for i in $(seq 1 3000); do
	printf '%d,host_%d,%d.5\n' "$i" $((i % 13)) "$i"
done > "$scratch/batch.csv"
chmod 644 "$scratch/batch.csv"

# a script of transactions from batch $1 on; each tells on stdout when it is committed
writer()
{
	local batch
	for batch in $(seq "$1" $(($1 + 400))); do
		printf "SET test.batch = %d;\nBEGIN;\n" "$batch"
		case $((batch % 5)) in
			0)	printf "COPY loaded (i, host, v) FROM '%s' (FORMAT csv);\nINSERT INTO notes VALUES (%d, 3000);\n" "$scratch/batch.csv" "$batch" ;;
			1)	printf "INSERT INTO loaded (i, host, v) SELECT i, 'host_' || i %% 13, i + 0.5 FROM generate_series(1, 20) i;\nINSERT INTO notes VALUES (%d, 20);\n" "$batch" ;;
			2)	# a load that is rolled back to a savepoint, then a smaller one
				printf "SAVEPOINT s;\nCOPY loaded (i, host, v) FROM '%s' (FORMAT csv);\nROLLBACK TO s;\n" "$scratch/batch.csv"
				printf "INSERT INTO loaded (i, host, v) SELECT i, 'host_' || i %% 13, i + 0.5 FROM generate_series(1, 1500) i;\nINSERT INTO notes VALUES (%d, 1500);\n" "$batch" ;;
			3)	printf "COPY loaded (i, host, v) FROM '%s' (FORMAT csv);\nROLLBACK;\nBEGIN;\nINSERT INTO loaded (i, host, v) VALUES (1, 'x', 1.5);\nINSERT INTO notes VALUES (%d, 1);\n" "$scratch/batch.csv" "$batch" ;;
			4)	printf "INSERT INTO loaded (i, host, v) SELECT i, 'host_' || i %% 13, i + 0.5 FROM generate_series(1, 1200) i;\nINSERT INTO notes VALUES (%d, 1200);\n" "$batch" ;;
		esac
		printf "INSERT INTO indexed SELECT * FROM loaded WHERE batch = %d AND i <= 40;\nCOMMIT;\n\\\\echo %d\n" "$batch" "$batch"
	done
}

mover()
{
	local i
	for i in $(seq 1 300); do
		case $((RANDOM % 6)) in
			0|1|2) printf "SELECT tsdb.compress('loaded');\nSELECT tsdb.compress('indexed');\n" ;;
			3) printf "SELECT tsdb.recompress('loaded');\nSELECT tsdb.recompress('indexed');\n" ;;
			4) printf "SELECT tsdb.decompress('indexed');\nSELECT tsdb.decompress('loaded');\n" ;;
			5) printf "BEGIN;\nSELECT tsdb.compress('loaded');\nROLLBACK;\nVACUUM loaded, indexed;\n" ;;
		esac
	done
}

# batches whose rows are not exactly those that were committed
check_loaded="SELECT count(*) FROM (SELECT batch, count(*) n, count(DISTINCT i) d, min(i) lo, max(i) hi, sum(v) s FROM loaded GROUP BY batch) l
	FULL JOIN notes USING (batch) WHERE n IS DISTINCT FROM nrows OR d <> n OR lo <> 1 OR hi <> n OR s <> n * (n + 1) / 2.0 + n * 0.5"
check_indexed="SELECT count(*) FROM (SELECT batch, count(*) n, count(DISTINCT i) d FROM indexed GROUP BY batch) l
	FULL JOIN notes USING (batch) WHERE n IS DISTINCT FROM least(nrows, 40) OR d <> n"
# the same through the index
check_index="SELECT count(*) FROM notes, LATERAL (SELECT count(*) n FROM indexed i WHERE i.batch = notes.batch) x WHERE n <> least(nrows, 40)"

: > "$scratch/acked"
acked_errors=0 bad=0 damage=0 unclean=0
for round in $(seq 1 "$rounds"); do
	writer $((round * 10000)) > "$scratch/w1.sql"
	writer $((round * 10000 + 5000)) > "$scratch/w2.sql"
	mover > "$scratch/m.sql"
	sql -f "$scratch/w1.sql" >> "$scratch/acked" 2>"$scratch/w1.err" & w1=$!
	sql -f "$scratch/w2.sql" >> "$scratch/acked" 2>"$scratch/w2.err" & w2=$!
	# the mover's own errors (a busy chunk, say) must not stop it
	sql -v ON_ERROR_STOP=0 -f "$scratch/m.sql" >/dev/null 2>"$scratch/m.err" & m=$!
	sleep "$((RANDOM % 3)).$((RANDOM % 10))$((RANDOM % 10))"
	[ $((RANDOM % 3)) != 0 ] || sql -c CHECKPOINT >/dev/null 2>&1 || true
	server_kill main
	wait $w1 $w2 $m 2>/dev/null || true
	# errors before the kill are ours to explain
	grep -hE 'ERROR: ' "$scratch"/w[12].err "$scratch/m.err" | sort | uniq -c > "$scratch/errors" || true
	if [ -s "$scratch/errors" ]; then
		unclean=$((unclean + 1))
		note "round $round: $(cat "$scratch/errors")"
	fi
	if ! server_start main; then
		not_ok "round $round: server starts again"
		done_testing
		exit 1
	fi
	missing=$(sql -c "SELECT batch FROM notes" | sort > "$scratch/noted"; sort -u "$scratch/acked" | comm -23 - "$scratch/noted" | wc -l)
	acked_errors=$((acked_errors + missing))
	for query in "$check_loaded" "$check_indexed" "SET enable_seqscan = off; $check_index"; do
		result=$(sql -c "$query" 2>&1) || true
		if [ "$result" != 0 ]; then
			bad=$((bad + 1))
			note "round $round: $result wrong batches: $query"
		fi
	done
	for table in loaded indexed; do
		result=$(sql -c "SELECT * FROM tsdb.verify('$table') LIMIT 5" 2>&1) || true
		if [ -n "$result" ]; then
			damage=$((damage + 1))
			note "round $round: verify: $result"
		fi
	done
done
note "$(sql -c "SELECT count(*) || ' batches, ' || sum(nrows) || ' rows in ' || (SELECT count(*) FROM tsdb.chunks) || ' chunks' FROM notes")"
is $acked_errors 0 "$rounds kills: every acknowledged transaction is there"
is $bad 0 "$rounds kills: each batch whole, once, and only if committed"
is $damage 0 "$rounds kills: verify finds nothing"
is $unclean 0 "$rounds kills: no errors before them"
is "$(sql -c "SELECT count(*) > 0 FROM notes")" t "something was committed"
sql -c "VACUUM FREEZE loaded, indexed" -c "SELECT tsdb.compress('loaded')" -c "SELECT tsdb.recompress('loaded')" -c "SELECT tsdb.recompress('indexed')" >/dev/null
is "$(sql -c "$check_loaded")$(sql -c "$check_indexed")" 00 "the tables go on working"
no_crash main
done_testing
