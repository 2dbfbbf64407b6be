#!/usr/bin/env bash
# A walk through the API with curl: topic, way out, sender, brand, readers, article, publication, progress, figures.
#
#   bin/presswork all            in one terminal
#   examples/publish.sh          in another, from the same folder
#
# It may be run again: what is there already stays, and the publication is a new one each time. No mail leaves
# unless SMTP_URL names a server: without it the e-mail channel is a placeholder that logs instead of sending.
set -euo pipefail

api=${PRESSWORK_API_URL:-http://localhost:8080}/api/v1
key=${PRESSWORK_API_KEY:-$(cat "${PRESSWORK_DATA_DIR:-.presswork}/api-key")}
command -v jq >/dev/null || { echo "this script needs jq" >&2; exit 1; }

# call METHOD PATH [curl options] prints the answer's body; one of 400 and above goes to stderr and is a failure.
call() {
  local method=$1 path=$2 answer
  shift 2
  answer=$(curl --silent --show-error --fail-with-body --request "$method" "$api$path" \
    --header "Authorization: Bearer $key" "$@") || { echo "$method $api$path: $answer" >&2 && return 1; }
  echo "$answer"
}

# send METHOD PATH BODY [curl options] is call with a JSON body.
send() { call "$1" "$2" --header 'Content-Type: application/json' --data "$3" "${@:4}"; }

# find LIST FIELD VALUE prints the id of the item with that value, nothing if there is none.
find() { call GET "/$1?limit=200" | jq --raw-output --arg v "$3" "first(.items[] | select(.$2 == \$v) | .id) // empty"; }

# ensure LIST FIELD VALUE BODY prints the id of that item, made if it was not there.
ensure() {
  local id
  id=$(find "$1" "$2" "$3") || return 1
  [ -n "$id" ] || id=$(send POST "/$1" "$4" | jq --raw-output .id) || return 1
  echo "$id"
}

echo "== A topic that readers can choose"
ensure topics slug gardening '{"name": "Gardening"}'

echo "== A way out for e-mail: of several that are enabled, the one that was made first is used"
way=$(jq --null-input --arg url "${SMTP_URL:-}" '{kind: "email", name: "example-email", enabled: true} +
  if $url == "" then {provider: "placeholder", secrets: {}} else {provider: "smtp", secrets: {url: $url}} end')
channel=$(ensure channels name example-email "$way")
send PUT "/channels/$channel" "$way" --header 'If-Match: *' | jq --compact-output '{id, kind, provider, enabled, secret_names}'

echo "== Who the mail is from"
sender=$(ensure senders name example '{
  "name": "example", "from_name": "The Garden Post", "from_email": "post@example.org",
  "postal_address": "1 Garden Row, Exampletown"}')
echo "$sender"

echo "== What it appears as: a brand has a name, colours, and pages of its own, as in /p/subscribe?brand=garden-post"
brand=$(ensure brands slug garden-post "$(jq --null-input --arg sender "$sender" '{
  name: "The Garden Post", slug: "garden-post", color: "#2f6b3a", link_color: "#2f6b3a", postal_address: "1 Garden Row, Exampletown",
  imprint_url: "https://example.org/imprint", support_email: "help@example.org", sender_id: $sender}')")
echo "$brand"

echo "== Readers, from a CSV file: all of it is stored, or none"
call POST '/subscribers/import?duplicates=update' --header 'Content-Type: text/csv' --data-binary @- <<'CSV' | jq --compact-output .
email,name,language,timezone,topics,consent_source
ada@example.org,Ada Lindqvist,en,Europe/Stockholm,gardening,example
bruno@example.org,Bruno Keller,de,Europe/Berlin,gardening,example
chloe@example.org,Chloé Martin,fr,Europe/Paris,gardening,example
CSV

echo "== Something to read"
content=$(send POST /contents '{
  "title": "Moving a fig tree", "summary": "When, how deep, and what it will hold against you.",
  "format": "markdown", "language": "en", "topics": ["gardening"], "url": "https://example.org/fig",
  "body": "Wait until it **sleeps**. Cut the roots where the crown ends, lift, and do not look back.\n\n[More on figs](https://example.org/figs)"}' |
  jq --raw-output .id)
echo "$content"

echo "== The publication. With the same Idempotency-Key it is stored once, however often the request is sent"
request="{\"title\": \"The Garden Post\", \"publication_type\": \"newsletter\", \"channels\": [\"email\"],
  \"audience\": {\"topics\": [\"gardening\"]}, \"content_ids\": [\"$content\"], \"brand_id\": \"$brand\"}"
once="example-$content"
publication=$(send POST /publications "$request" --header "Idempotency-Key: $once" | jq --raw-output .id)
again=$(send POST /publications "$request" --header "Idempotency-Key: $once" | jq --raw-output .id)
echo "$publication"
[ "$publication" = "$again" ] || { echo "the repetition made another publication: $again" >&2; exit 1; }

echo "== Its progress, until everything is settled"
for _ in $(seq 120); do
  progress=$(call GET "/publications/$publication/progress")
  state=$(jq --raw-output .state <<<"$progress")
  case $state in completed | completed_with_failures | cancelled | failed) break ;; esac
  sleep 0.5
done
jq --compact-output '{state, all}' <<<"$progress"

echo "== What readers did with it (opens and clicks are counted every five seconds)"
call GET "/publications/$publication/analytics" | jq --compact-output '.channels[]'
[ "$state" = completed ]
