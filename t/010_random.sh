#!/usr/bin/env bash
# Random statements on heap tables and on tsdb tables, by one to three sessions: answers, errors, waits and contents are equal.
# On tsdb, rows move between the stores meanwhile.  random_statements.pl says how.
#
# Environment: RANDOM_SEED (from the clock), RANDOM_SECONDS (120; a few fixed seeds come on top), RANDOM_ROUND: this round of the seed alone,
# RANDOM_SESSIONS: this many in every round, RANDOM_STEPS: statements a round (150), RANDOM_SHRINK=1: shortens the statements of a round that failed, RANDOM_NO_FIXED=1: no fixed seeds,
# RANDOM_TWIN=heap: heap against heap with other plans, which must find nothing; RANDOM_SABOTAGE=1: changes one twin
# now and then, which must be found; RANDOM_TOLERATE_0A000=1: what tsdb refuses as not supported is rolled back on both sides.
# With TSDB_KEEP=1 the scratch directory keeps all statements of failed rounds.
. "$(dirname "$0")/lib.sh"
driver=$(dirname "$0")/random_statements.pl
export RANDOM_SEED=${RANDOM_SEED:-$(date +%s)}
note "seed $RANDOM_SEED"

test_server random
# a session that closes a circle must be the one that finds it: see settle() there
server_config random "deadlock_timeout = 10ms" "log_lock_waits = off" "log_min_messages = log" "autovacuum_naptime = 1s"
server_stop random
server_start random
sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE EXTENSION amcheck;
-- hardly compressible text of 32 bytes a piece
CREATE FUNCTION public.big(seed int, pieces int) RETURNS text IMMUTABLE LANGUAGE sql AS
	$$ SELECT string_agg(md5(seed::text || i::text), '') FROM generate_series(1, pieces) i $$;
SQL

export RANDOM_PSQL=$pg_bin/psql RANDOM_HOST=$scratch RANDOM_PORT=$server_port RANDOM_LOG=$scratch
results=$scratch/random_results
status=0
perl "$driver" > >(tee "$results" | grep --line-buffered '^# ') 2>&1 || status=$?
wait
while IFS= read -r line; do
	case $line in
		"ok - "*) ok "${line#ok - }" ;;
		"not ok - "*) not_ok "${line#not ok - }" ;;
		"# "*) ;;
		*) note "$line" ;;
	esac
done < "$results"
is "$status" 0 "the driver runs to its end"
no_crash random
done_testing
