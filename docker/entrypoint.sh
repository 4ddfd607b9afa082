#!/bin/sh
# web, worker, beat, prepare, healthy, or any command of manage.py.
set -eu
# Each open page and each program that waits is an open file.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
case "${1:-web}" in
  web) exec granian --interface asginl --host "${VENICEWEB_HOST:-0.0.0.0}" --port "${PORT:-8000}" \
    --log-level warning --workers-kill-timeout 5 --backlog 4096 --backpressure 10000 veniceweb.asgi:application ;;
  worker) exec celery --quiet -A veniceweb worker --loglevel INFO --without-gossip --without-mingle ;;
  beat) exec celery --quiet -A veniceweb beat --loglevel WARNING --pidfile "" --schedule /tmp/beat ;;
  # Before the others start, once: a wrong setting ends it with one sentence.
  prepare)
    python manage.py check --deploy --fail-level ERROR
    python docker/bucket.py
    exec python manage.py migrate --noinput ;;
  healthy) exec python docker/healthy.py "${2:-web}" ;;
  *) exec python manage.py "$@" ;;
esac
