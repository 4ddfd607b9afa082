"""The processes of `load.py`, and what they use while it runs."""

import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from crowd import Book
from measure import (
    TICKS,
    Process,
    Upstream,
    cpu_seconds,
    free_port,
    memory_mb,
    wait_for,
    worker,
)

EVERY = 5.0


class Fleet:
    def __init__(self, folder: Path, env: dict[str, str], upstream: Upstream, options: Any) -> None:
        from django.core.management import call_command

        from generations.management import web

        web.allow_many_files()  # the crowd has as many as the studio
        call_command("collectstatic", interactive=False, verbosity=0)
        self.upstream = upstream
        self.ports = [free_port() for _ in range(options.web)]
        self.processes: dict[str, list[Process]] = {
            "web": [_web(env, folder / f"web-{port}.log", port) for port in self.ports],
            "worker": [
                worker(env, folder / f"worker-{n}.log", options.places)
                for n in range(options.workers)
            ],
            "beat": [_beat(env, folder)],
        }

    def __enter__(self) -> Self:
        for port in self.ports:
            wait_for(lambda: _is_up(port), "the web process answers", 30)  # noqa: B023
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        told = [line for some in self.processes.values() for p in some for line in _alarming(p)]
        for some in self.processes.values():
            for process in some:
                process.end()
        print(f"warnings and errors in the logs: {len(told)}", *told[:10], sep="\n  ")


def _web(env: dict[str, str], log: Path, port: int) -> Process:
    from generations.management import web

    return Process(web.command("127.0.0.1", port), env, log)


def _beat(env: dict[str, str], folder: Path) -> Process:
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "veniceweb", "beat"]
    command += ["--loglevel", "WARNING", "--pidfile", "", "--schedule", str(folder / "schedule")]
    return Process(command, env, folder / "beat.log")


def _is_up(port: int) -> bool:
    with suppress(httpx.TransportError):
        address = f"http://127.0.0.1:{port}/healthz"
        return httpx.get(address, trust_env=False).is_success
    return False


def _alarming(process: Process) -> list[str]:
    words = ("WARNING", "ERROR", "CRITICAL", "Traceback")
    return [line for line in process.log.splitlines() if any(word in line for word in words)]


class Sampler:
    """Memory of the studio's processes every few seconds, and CPU seconds, while it is entered."""

    def __init__(self, fleet: Fleet, book: Book) -> None:
        self._fleet, self._book = fleet, book
        self._done = threading.Event()
        # Seconds since the beginning, requests that wait, and MB by part.
        self.samples: list[tuple[float, int, dict[str, float]]] = []
        self.cpu: dict[str, float] = {}
        self.seconds = 0.0
        self.images = 0

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._before, self._made = self._cpu(), _made()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        after = self._cpu()
        self.cpu = {name: after[name] - self._before[name] for name in after}
        self.seconds = time.monotonic() - self._began
        self._done.set()
        self._thread.join()
        self.images = _made() - self._made

    def _sample(self) -> None:
        while True:
            parts = {
                name: sum(memory_mb(process.pid) for process in some)
                for name, some in self._fleet.processes.items()
            }
            self.samples.append((time.monotonic() - self._began, self._book.waiting, parts))
            if self._done.wait(EVERY):
                return

    def _cpu(self) -> dict[str, float]:
        parts = {
            name: sum(cpu_seconds(process.pid) for process in some)
            for name, some in self._fleet.processes.items()
        }
        return parts | {
            "PostgreSQL": _of_all("postgres"),
            "Redis": _of_all("redis-server"),
            "stand-in": cpu_seconds(self._fleet.upstream.process.pid),
            "load generator": time.process_time(),
            "whole machine": cpu_seconds(None),
        }


def _made() -> int:
    """In a thread of its own: where the load runs, a loop runs, and Django refuses to ask there."""
    found: list[int] = []

    def count() -> None:
        from django.db import connection

        from generations.models import Image

        found.append(Image.objects.count())
        connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    return found[0]


def _of_all(name: str) -> float:
    """CPU seconds of every process of that name with what its ended children used: the server is
    shared with whatever else runs on this machine."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "comm").read_text().strip() != name:
                continue
            fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            is_first = (Path("/proc") / fields[1] / "comm").read_text().strip() != name
            total += sum(map(int, fields[11:15] if is_first else fields[11:13])) / TICKS
    return total
