#!/bin/sh
# Builds the image and runs what is in it, without Docker: as uid 10001, its file system read-only.
#
#   DATABASE_URL=postgres://…  REDIS_URL=redis://…  docker/prove.sh [options of buildah build]
#
# With VENICEWEB_STORAGE_URL and its AWS_… images lie in that bucket, which is made.
# The database must be empty: it is migrated. Needs root, buildah and util-linux. IMAGE names an image
# that was built already.
set -eu
cd "$(dirname "$0")/.."
for tool in buildah unshare chroot; do
  command -v "$tool" >/dev/null || { echo "Not proved: there is no $tool on the PATH."; exit 0; }
done
[ "$(id -u)" = 0 ] || { echo "Not proved: this needs root."; exit 0; }
: "${DATABASE_URL:?names an empty PostgreSQL database}" "${REDIS_URL:?names a Redis}"

build() { buildah --storage-driver vfs "$@"; }
if [ -z "${IMAGE:-}" ]; then
  IMAGE=localhost/veniceweb:proof
  build bud --isolation chroot --format docker -f docker/Dockerfile -t "$IMAGE" "$@" . >/dev/null
fi
container=$(build from --pull-never "$IMAGE")
ROOT=$(build mount "$container")
WORK=$(mktemp -d)
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export ROOT WORK PORT
install -d -o 10001 -g 10001 "$WORK/data"
end() {
  # shellcheck disable=SC2046  # one word for each process
  kill $(cat "$WORK"/*.pid) 2>/dev/null || true
  wait
  build rm "$container" >/dev/null
  rm -rf "$WORK"
}
trap end EXIT

# Only what the image sets, and what compose.yaml would give it.
cat > "$WORK/environment" <<EOF
PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin
HOME=/tmp
PYTHONUNBUFFERED=1
PYTHONDONTWRITEBYTECODE=1
MALLOC_ARENA_MAX=2
VENICEWEB_DATA=/data
VENICEWEB_HOST=127.0.0.1
PORT=$PORT
VENICEWEB_URL=http://127.0.0.1:$PORT
VENICE_BASE_URL=http://127.0.0.1:$((PORT + 1))/api/v1
VENICE_API_KEY=key-of-the-proof-0123456789
VENICEWEB_PASSWORD=a-long-enough-password
SECRET_KEY=$(od -An -tx1 -N40 /dev/urandom | tr -d ' \n')
VENICEWEB_ENCRYPTION_KEYS=$(head -c 32 /dev/urandom | base64 | tr "+/" "-_")
DATABASE_URL=$DATABASE_URL
REDIS_URL=$REDIS_URL
EOF
# Images in a bucket, where one is named.
env | grep -E '^(VENICEWEB_STORAGE_URL|AWS_[A-Z_]+)=' >>"$WORK/environment" || true

# The image's entry point in mounts of its own: what Compose's read_only, tmpfs and user make of it.
cat > "$WORK/inside" <<'EOF'
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -o remount,ro,bind "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount --bind "$WORK/data" "$ROOT/data"
exec chroot --userspec=10001:10001 "$ROOT" env -i $(cat "$WORK/environment") \
  sh -c 'cd /app && exec "$@"' - "$@"
EOF
inside() { unshare -m sh "$WORK/inside" "$@"; }
start() {
  name=$1
  shift
  # Not through inside(): its process would be a shell that passes no signal on.
  unshare -m sh "$WORK/inside" "$@" >"$WORK/$name.log" 2>&1 &
  echo $! >"$WORK/$name.pid"
}
until_well() {
  for _ in $(seq 60); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 1
  done
  cat "$WORK"/*.log
  echo "Not within a minute: $*"
  exit 1
}

# shellcheck disable=SC2016  # the shell inside reads it
inside sh -c 'test "$(id -u)" = 10001 && ! touch /app/x 2>/dev/null && ! touch /venv/x 2>/dev/null'
echo "It runs as uid 10001 and cannot write its own code."
inside /entrypoint.sh prepare >"$WORK/prepare.log" 2>&1 || { cat "$WORK/prepare.log"; exit 1; }
echo "prepare: checked and migrated."
start standin /entrypoint.sh standin --port $((PORT + 1)) --latency 0.2
start web /entrypoint.sh web
start worker /entrypoint.sh worker
# In the same mounts as its health check, which looks at its schedule in /tmp.
start beat sh -c '/entrypoint.sh beat & echo $! >/data/beat; sleep 5
  until /entrypoint.sh healthy beat; do sleep 5; done; touch /data/beat-is-well; wait'
until_well inside /entrypoint.sh healthy web
until_well inside /entrypoint.sh healthy worker
echo "web and worker are healthy."
inside /entrypoint.sh catalogue >/dev/null
inside /entrypoint.sh adduser ada@example.com --role admin >/dev/null
TOKEN=$(inside /entrypoint.sh token ada@example.com --name proof | grep -o 'vw_[A-Za-z0-9_-]*' | head -n 1)
inside python - "$PORT" "$TOKEN" <<'EOF'
import base64, io, json, sys, urllib.request
from PIL import Image
port, token = sys.argv[1:]
request = urllib.request.Request(
    f"http://127.0.0.1:{port}/v1/images/generations",
    json.dumps({"prompt": "A stone bridge", "response_format": "b64_json"}).encode(),
    {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=120) as answer:
    data = json.load(answer)["data"]
picture = Image.open(io.BytesIO(base64.b64decode(data[0]["b64_json"])))
picture.load()
print(f"A picture came: {picture.format}, {picture.width} × {picture.height}.")
EOF
until_well test -e "$WORK/data/beat-is-well"
echo "beat is healthy."
kill "$(cat "$WORK/worker.pid")"
if wait "$(cat "$WORK/worker.pid")"; then
  echo "SIGTERM ended the worker in order."
else
  cat "$WORK/worker.log"
  echo "SIGTERM did not end the worker in order."
  exit 1
fi
rm "$WORK/worker.pid"
kill "$(cat "$WORK/data/beat")" 2>/dev/null || true
