"""`make test`: everything that can be tested here. What could not be is named at the end.

With CI=true something missing is a failure. Further arguments go to pytest. Real processes and a
real browser share their machine with whatever else runs there: what failed in them is run once
more by itself, and named at the end, for it has to be looked at all the same.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

POSTGRES = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")
# More than this is no accident.
MOST_AGAIN = 3
shaky: list[str] = []


def main() -> int:
    missing: list[str] = []
    failed = [name for name, run in PARTS if not run(missing)]
    for sentence in missing:
        print(f"Not tested: {sentence}")
    for test in shaky:
        print(f"Failed, and passed when it ran again: {test}")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return 1 if failed or (missing and os.environ.get("CI") == "true") else 0


def pytest(name: str, *arguments: str, **environment: str) -> bool:
    print(f"\n== {name}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", *arguments, *sys.argv[1:]]
    return subprocess.run(command, env={**os.environ, **environment}).returncode == 0


def with_second_chance(name: str, *arguments: str) -> bool:
    LAST_FAILED.unlink(missing_ok=True)
    if pytest(name, *arguments):
        return True
    failed = list(json.loads(LAST_FAILED.read_text())) if LAST_FAILED.exists() else []
    if not 0 < len(failed) <= MOST_AGAIN or not pytest(f"{name}, again", *failed):
        return False
    shaky.extend(failed)
    return True


def everywhere(missing: list[str]) -> bool:
    return pytest("SQLite", "-n", "2", "-m", "not browser and not processes")


def processes(missing: list[str]) -> bool:
    if not shutil.which("npm"):
        missing.append("OpenAI's SDK for Node: there is no npm on the PATH.")
    if not shutil.which("caddy"):
        missing.append("the studio behind its proxy: there is no caddy on the PATH.")
    return with_second_chance("real processes", "-m", "processes")


def browser(missing: list[str]) -> bool:
    if not shutil.which("chromium"):
        missing.append("pages in a browser: there is no chromium on the PATH.")
        return True
    return with_second_chance("Chromium", "-n", "2", "-m", "browser")


def services(missing: list[str]) -> bool:
    away = [
        f"{name}: nothing answers at {urlsplit(url).hostname}:{urlsplit(url).port}."
        for name, url in (("PostgreSQL", POSTGRES), ("Redis", REDIS))
        if not _answers(url)
    ]
    if away:
        missing.extend(away)
        return True
    return pytest(
        "PostgreSQL and Redis", "-n", "2", "-m", "services", DATABASE_URL=POSTGRES, REDIS_URL=REDIS
    )


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=2).close()
    except OSError:
        return False
    return True


PARTS = (
    ("SQLite", everywhere),
    ("PostgreSQL and Redis", services),
    ("real processes", processes),
    ("Chromium", browser),
)

if __name__ == "__main__":
    sys.exit(main())
