#!/usr/bin/env bash
# Random queries on heap tables and on tables of the same contents on tsdb, where TsdbScan runs them: the same rows, or both
# an error.  Between them rows are changed, and on tsdb alone moved between the stores.  scan_random.pl makes the statements.
#
# Environment: TSDB_SEED (from the clock), SCAN_QUERIES (500), SCAN_SECONDS (40: no further query after that),
# TSDB_AM=heap: heap against heap, which must find nothing.
. "$(dirname "$0")/lib.sh"
use_twins
test_server scan
sql -q -c "$extension"

script=$scratch/scan_random.sql
perl "$(dirname "$0")/scan_random.pl" "$seed" "${SCAN_QUERIES:-500}" "${SCAN_SECONDS:-40}" "$am" > "$script"
chmod 644 "$script"
status=0
sql -At -v VERBOSITY=terse -v ON_ERROR_STOP=1 -f "$script" > "$scratch/scan_random.out" 2> "$scratch/scan_random.err" || status=$?
is "$status" 0 "all statements run"
[ "$status" = 0 ] || note "seed $seed: $(tail -n 3 "$scratch/scan_random.err")"
is "$(grep -c '^noticed' "$scratch/scan_random.out" || true)" 1 "a difference is noticed"
different=$(grep -c '^DIFFERENT' "$scratch/scan_random.out" || true)
is "$different" 0 "rows are those of heap"
if [ "$different" != 0 ]; then
	note "TSDB_SEED=$seed runs them again"
	grep '^DIFFERENT' "$scratch/scan_random.out" | head -n 20 | cut -c 1-2000 | while IFS= read -r line; do printf '# %s\n' "$line"; done
fi
is "$(grep '^damage' "$scratch/scan_random.out" || true)" "" "nothing is damaged"
ran=$(sed -n 's/^ran //p' "$scratch/scan_random.out")
note "${ran:-no} queries, $(sed -n 's/^errors //p' "$scratch/scan_random.out") of them with an error"
no_crash scan
done_testing
