# Helpers for the transcripts in README.md and docs/: `. docs/session.sh`. They need bash, curl and Python.
URL=${URL:-http://127.0.0.1:${PORT:-8000}}

# sign_in EMAIL: an access token. Everybody of the demonstration has the password clustr-demo.
sign_in() {
  curl -s "$URL/_allauth/app/v1/auth/login" -H "Content-Type: application/json" \
    -d "{\"email\": \"$1\", \"password\": \"${2:-clustr-demo}\"}" | show meta.access_token
}

# as TOKEN VERB PATH [BODY] [curl's options]: the answer to one request.
as() {
  local token=$1 verb=$2 path=$3 body=${4:-}
  shift $(($# < 4 ? 3 : 4))
  curl -s -X "$verb" "$URL$path" -H "Authorization: Bearer $token" ${body:+-H "Content-Type: application/json" -d "$body"} "$@"
}

# show NAME...: fields of the JSON on standard input, one a line (`results.0.id`); all of it without names.
show() {
  python3 -c '
import json, sys
answer = json.load(sys.stdin)
for name in sys.argv[1:]:
    value = answer
    for key in name.split("."):
        value = value[int(key)] if key.isdigit() else value[key]
    print(value if isinstance(value, str) else json.dumps(value))
if not sys.argv[1:]:
    print(json.dumps(answer, indent=2))' "$@"
}

# new_key: an Idempotency-Key.
new_key() { python3 -c 'import uuid; print(uuid.uuid4())'; }
