#!/usr/bin/env bash
# Strikes a running Presswork with random faults and says what came of it: the last line is a JSON object. It fails if a
# recipient was lost or sent to twice, or if more are uncertain than may be.
#
#   SEED=7 FAULTS=100 RECIPIENTS=50000 POLICY=hold scripts/chaos.sh
#
# All are optional. The same seed makes the same faults. LOGS=folder keeps what the processes write.
set -euo pipefail
cd "$(dirname "$0")/.."

export CHAOS_SEED=${SEED:-$((RANDOM * 32768 + RANDOM + 1))}
export CHAOS_FAULTS=${FAULTS:-100} CHAOS_RECIPIENTS=${RECIPIENTS:-50000} CHAOS_POLICY=${POLICY:-hold}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CHAOS_REPORT=$work/report CHAOS_LOGS=${LOGS:-}
[ -z "$CHAOS_LOGS" ] || { mkdir -p "$CHAOS_LOGS" && CHAOS_LOGS=$(cd "$CHAOS_LOGS" && pwd); }

echo "seed $CHAOS_SEED"
go test -c -o "$work/chaos.test" ./internal/chaos
status=0
cd internal/chaos
"$work/chaos.test" -test.run='^TestSiege$' -test.v -test.timeout=2h || status=$?
# Two blows that are aimed, and too heavy for every run of the tests.
CHAOS_LOGS='' "$work/chaos.test" -test.run='^TestChaos$/^(a_worker_is_killed_in_fan-out|everything_is_killed)$' \
  -test.v -test.timeout=20m || status=$?
if [ -s "$CHAOS_REPORT" ]; then cat "$CHAOS_REPORT"; fi
exit "$status"
