"""What the benchmarks share: an installation of their own, and what processes use.

Processes are started as the fault tests start theirs; nothing here is imported by the studio.
"""

import base64
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.faults.studio import (
    ADMIN,
    MODEL,
    PASSWORD,
    Process,
    Studio,
    Upstream,
    environment,
    free_port,
    wait_for,
)

POSTGRES = "postgres://postgres@127.0.0.1:5432/"
REDIS = "redis://127.0.0.1:6379/8"
# One picture for every job, so that the stand-in paints once and then hands out ready bytes.
PROMPT = "Dahlias in a garden, morning light"
PICTURE = {"prompt": PROMPT, "seed": 7, "width": 1024, "height": 1024, "format": "webp"}
TICKS = os.sysconf("SC_CLK_TCK")


# --- an installation ------------------------------------------------------------------------


@contextmanager
def installation(
    folder: Path, upstream: Upstream, *, on_servers: bool, redis: str = "", **changes: str
) -> Iterator[dict[str, str]]:
    """A migrated, empty installation; yields the environment for its processes.

    `redis`: the address of another Redis than the usual one, for what empties it.
    Django is set up in this process too, on the same data: call it once a process.
    """
    env = environment(
        folder / "data",
        VENICE_BASE_URL=upstream.url,
        VENICE_API_KEY="key-of-the-benchmark-0123456789",
        SECRET_KEY=base64.urlsafe_b64encode(os.urandom(40)).decode(),
        VENICEWEB_ENCRYPTION_KEYS=base64.urlsafe_b64encode(os.urandom(32)).decode(),
        MALLOC_ARENA_MAX="2",
        DJANGO_SETTINGS_MODULE="veniceweb.settings",
        **changes,
    )
    with _servers(redis or REDIS) if on_servers else _no_servers() as addresses:
        env |= addresses
        os.environ |= env
        import django

        django.setup()
        stock()
        yield env


@contextmanager
def _no_servers() -> Iterator[dict[str, str]]:
    yield {}


@contextmanager
def _servers(address: str) -> Iterator[dict[str, str]]:
    """A PostgreSQL database of our own, dropped afterwards, and a database of Redis."""
    import psycopg
    import redis

    name = f"veniceweb_benchmark_{os.getpid()}"
    broker = redis.Redis.from_url(address)
    with psycopg.connect(f"{POSTGRES}postgres", autocommit=True) as server:
        server.execute(f"create database {name}")
        try:
            yield {"DATABASE_URL": f"{POSTGRES}{name}", "REDIS_URL": address}
        finally:
            server.execute(f"drop database {name} with (force)")
            for key in broker.scan_iter("veniceweb:*"):
                broker.delete(key)
            broker.close()


def stock() -> None:
    """Migrate the database, and put in catalogue, key and first admin."""
    from django.core.management import call_command

    from generations.services import catalogue, key
    from generations.services import user as users

    call_command("migrate", verbosity=0)
    catalogue.refresh()
    team = key.team_key()
    assert team is not None
    key.test(team)  # learns the stand-in's limit, which is out of reach
    users.first_admin(ADMIN, PASSWORD)


def submit(count: int, **changes: Any) -> None:
    from generations.models import User
    from generations.services import generation

    user = User.objects.get()
    for _ in range(count):
        generation.submit(user, model=MODEL, parameters={**PICTURE, **changes})


def warm_up(**changes: Any) -> None:
    """Let the stand-in paint the picture: sixteen first calls at once would paint it each."""
    from generations.services import key
    from generations.venice.types import ImageRequest

    with key.client_for(key.team_key()) as venice:
        venice.generate(ImageRequest(model=MODEL, safe_mode=True, **{**PICTURE, **changes}))


def worker(env: dict[str, str], log: Path, parallel: int = 16) -> Process:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "veniceweb", "worker"]
    command += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle"]
    return Process(command, {**env, "VENICEWEB_WORKERS": str(parallel)}, log)


# --- jobs that finish -----------------------------------------------------------------------


def wait_for_work(finished: int) -> None:
    """Until more than so many jobs are finished (0: until the first is)."""
    from generations.models import Generation

    while Generation.objects.exclude(finished_at=None).count() <= finished:
        time.sleep(0.5)


def rate(parallel: int, *, rounds: int, warm_up: int, run_out: int) -> float:
    """Jobs a second, without the first and the last rounds of so many parallel ones."""
    from generations.models import Generation

    ends = sorted(Generation.objects.values_list("finished_at", flat=True))
    first, last = ends[warm_up * parallel - 1], ends[-run_out * parallel - 1]
    return (rounds - warm_up - run_out) * parallel / (last - first).total_seconds()


# --- what processes use ---------------------------------------------------------------------


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    return found


def cpu_seconds(pid: int | None) -> float:
    """CPU time so far of the process tree; None: of the whole machine."""
    if pid is None:
        ticks = [int(field) for field in Path("/proc/stat").read_text().split()[1:9]]
        return (sum(ticks) - ticks[3] - ticks[4]) / TICKS  # all but idle and waiting for disks
    total = 0.0
    for member in tree(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(") ")[2].split()
            total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def memory_mb(pid: int) -> float:
    """PSS of the process tree: shared pages are counted once."""
    total = 0
    for member in tree(pid):
        with suppress(OSError, IndexError, ValueError):
            text = Path(f"/proc/{member}/smaps_rollup").read_text()
            total += int(text.partition("\nPss:")[2].split()[0])
    return total / 1024


class Watch:
    """Samples a process tree's memory until `stop`; knows the CPU time used meanwhile.

    None watches the CPU time of the whole machine: what others used blurs every figure.
    """

    def __init__(self, pid: int | None, every: float = 0.2) -> None:
        self._pid, self._every, self._done = pid, every, threading.Event()
        self.peak_mb = 0.0
        self._began, self._cpu = time.monotonic(), cpu_seconds(pid)
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while self._pid and not self._done.wait(self._every):
            self.peak_mb = max(self.peak_mb, memory_mb(self._pid))

    def stop(self) -> float:
        """Returns the cores used on average."""
        self._done.set()
        self._thread.join()
        return (cpu_seconds(self._pid) - self._cpu) / (time.monotonic() - self._began)


# --- saying it ------------------------------------------------------------------------------


def p50_p95(values: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]


def machine() -> str:
    load = os.getloadavg()[0]
    return (
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, "
        f"CPython {platform.python_version()}, load before the run {load:.1f}"
    )


# What the benchmarks take from the fault tests.
__all__ = ["MODEL", "Process", "Studio", "Upstream", "environment", "free_port", "wait_for"]
