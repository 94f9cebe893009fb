#!/usr/bin/env bash
# Random aggregate queries on heap tables and on tables of the same contents on tsdb, where TsdbAgg computes them: the same groups, or
# both an error.  Between them rows are changed, and on tsdb alone moved between the stores.  agg_random.pl makes the statements.
#
# Environment: TSDB_SEED (from the clock), AGG_QUERIES (600), AGG_SECONDS (30: no further query after that),
# TSDB_AM=heap: heap against heap, which must find nothing.
. "$(dirname "$0")/lib.sh"
use_twins
test_server agg
sql -q -c "$extension"

script=$scratch/agg_random.sql
perl "$(dirname "$0")/agg_random.pl" "$seed" "${AGG_QUERIES:-600}" "${AGG_SECONDS:-30}" "$am" > "$script"
chmod 644 "$script"
status=0
sql -At -v VERBOSITY=terse -v ON_ERROR_STOP=1 -f "$script" > "$scratch/agg_random.out" 2> "$scratch/agg_random.err" || status=$?
is "$status" 0 "all statements run"
[ "$status" = 0 ] || note "seed $seed: $(tail -n 3 "$scratch/agg_random.err")"
is "$(grep -c '^noticed' "$scratch/agg_random.out" || true)" 1 "a difference is noticed"
different=$(grep -c '^DIFFERENT' "$scratch/agg_random.out" || true)
is "$different" 0 "groups are those of heap"
if [ "$different" != 0 ]; then
	note "TSDB_SEED=$seed runs them again"
	grep '^DIFFERENT' "$scratch/agg_random.out" | head -n 20 | cut -c 1-2000 | while IFS= read -r line; do printf '# %s\n' "$line"; done
fi
is "$(grep '^damage' "$scratch/agg_random.out" || true)" "" "nothing is damaged"
ran=$(sed -n 's/^ran //p' "$scratch/agg_random.out")
note "${ran:-no} queries, $(sed -n 's/^errors //p' "$scratch/agg_random.out") of them with an error, $(sed -n 's/^used //p' "$scratch/agg_random.out") with TsdbAgg, $(sed -n 's/^shared //p' "$scratch/agg_random.out") of these below Parallel Append"
no_crash agg
done_testing
