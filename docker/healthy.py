"""Is this container's process well? `healthy.py web|worker|beat`; exit 0 when it is.

None of it asks Venice, and web's answer asks nothing but web: a database that is away is not cured
by starting web again.
"""

import os
import socket
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# Seconds that a worker may be silent; it reports every five.
SILENCE = 60
# Celery's beat writes its schedule down every three minutes.
SCHEDULE, WRITTEN = Path("/tmp/beat"), 300  # noqa: S108  (a tmpfs of this container)


def web() -> bool:
    port = int(os.environ.get("PORT") or 8000)
    # The only name that it answers to.
    host = urlsplit(os.environ.get("VENICEWEB_URL", "")).netloc or "127.0.0.1"
    connection = HTTPConnection("127.0.0.1", port, timeout=8)
    connection.request("GET", "/healthz", headers={"Host": host})
    return connection.getresponse().status == 200


def worker() -> bool:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "veniceweb.settings")
    import django

    django.setup()
    from datetime import timedelta

    from django.db.models.functions import Now

    from generations.models import Worker

    here = f"{socket.gethostname()[:40]}:"
    recent = Now() - timedelta(seconds=SILENCE)
    return Worker.objects.filter(holder__startswith=here, seen_at__gte=recent).exists()


def beat() -> bool:
    written = [path.stat().st_mtime for path in SCHEDULE.parent.glob(f"{SCHEDULE.name}*")]
    return bool(written) and time.time() - max(written) < WRITTEN


if __name__ == "__main__":
    try:
        is_well = {"web": web, "worker": worker, "beat": beat}[sys.argv[1]]()
    except OSError as problem:
        sys.exit(str(problem))
    sys.exit(0 if is_well else 1)
