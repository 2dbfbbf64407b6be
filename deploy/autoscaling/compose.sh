#!/usr/bin/env bash
# Follows the contract on one host: scales the service "worker" of docker-compose.yml to what the scheduler asks for. Stopped
# workers finish their sends by themselves (stop_grace_period). Stop it with Ctrl-C; the workers stay as they are.
#
#   POOL=all deploy/autoscaling/compose.sh
set -euo pipefail
pool=${POOL:-all}
ops=${PRESSWORK_OPS_URL:-http://127.0.0.1:9090}
: "${PRESSWORK_API_KEY:?set PRESSWORK_API_KEY}"

scaled=
while true; do
  # The key goes by standard input, so that no list of processes shows it.
  desired=$(printf 'header = "Authorization: Bearer %s"\n' "$PRESSWORK_API_KEY" |
    curl --silent --show-error --fail --max-time 10 --config - "$ops/autoscale/v1/pools/$pool" |
    sed -n 's/.*"desired_replicas":\([0-9]*\).*/\1/p') || desired=
  # If it could not be asked, keep what there is.
  if [[ -n $desired && $desired != "$scaled" ]]; then
    # What fails is tried again with the next look.
    if docker compose up --detach --no-recreate --scale "worker=$desired" worker; then
      scaled=$desired
    fi
  fi
  sleep 10
done
