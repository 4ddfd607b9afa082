"""Our queue and plain Celery under the same kills: how often a job is paid for, and what is lost.

Every call is counted by the stand-in, which knows each job by a mark in its prompt. Workers are
killed with all their children (SIGKILL), one after the other, each at a moment after it has become
ready that a seed chooses, and started again at once. Then everything runs until nothing moves.

Plain Celery is `plain_celery.py`, acknowledging early (Celery's own way, Redis' visibility timeout
of an hour) and late (visibility timeout 30 s). All have a Redis of their own, which is started
here; ours has a PostgreSQL database of its own as well.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from measure import (
    Process,
    Upstream,
    environment,
    free_port,
    installation,
    machine,
    submit,
    wait_for,
    warm_up,
)

JOBS, KILLS, LATENCY, SEED = 60, 8, 2.0, 4
WORKERS, PLACES = 2, 4
# Celery's Redis transport looks only every 100 s for what nobody has acknowledged in time.
LONG_CALL, LONG_JOBS, VISIBILITY = 150, 4, 30
WAITING = 10
FAULTS = ("kills", "long", "emptied")
HOUR = 3600
KEY = "key-of-the-benchmark-0123456789"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", choices=FAULTS, nargs="+", default=FAULTS)
    options = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name:
        folder = Path(name)
        upstream = Upstream(folder, latency=LATENCY)
        try:
            with (
                redis_server(folder) as address,
                installation(
                    folder, upstream, on_servers=True, redis=f"{address}/0", **_OURS
                ) as env,
            ):
                warm_up(width=64, height=64)
                _compare(env, address, folder, upstream, options)
        finally:
            upstream.end()


_OURS = {"VENICEWEB_WORKERS": str(PLACES)}


def _compare(
    env: dict[str, str], address: str, folder: Path, upstream: Upstream, options: Any
) -> None:
    def each() -> Iterator["Queue"]:
        yield Ours("ours", f"{address}/0", folder, upstream, env)
        for number, name in enumerate(("early", "late"), 1):
            yield Plain(
                f"Celery, {name} ack",
                f"{address}/{number}",
                folder,
                upstream,
                late=name == "late",
                visibility=VISIBILITY if name == "late" else HOUR,
            )

    if "kills" in options.only:
        _kills(each(), options)
    if "long" in options.only:
        print(f"\n{LONG_JOBS} healthy calls of {LONG_CALL} s, visibility timeout {VISIBILITY} s")
        with ThreadPoolExecutor() as threads:
            list(threads.map(long_calls, each()))
    if "emptied" in options.only:
        print(f"\nRedis emptied while {WAITING} jobs wait")
        for queue in each():
            emptied(queue)


def _kills(queues: Iterable["Queue"], options: Any) -> None:
    print(f"\n{options.jobs} jobs, {options.kills} kills of {WORKERS} workers with {PLACES} places")
    for queue in queues:
        with queue.running():
            killed(queue, options.jobs, options.kills, random.Random(options.seed))


# --- the faults -----------------------------------------------------------------------------


def killed(queue: "Queue", jobs: int, kills: int, chance: random.Random) -> None:
    queue.ask([queue.prompt(number) for number in range(jobs)])
    done = 0
    for number in range(kills):
        moment = chance.uniform(0.5, 4.0)
        if queue.is_finished():
            break
        queue.wait_until_ready(number % WORKERS)
        time.sleep(moment)
        queue.kill(number % WORKERS)
        done += 1
    queue.report(jobs, f"{done} kills")


def long_calls(queue: "Queue") -> None:
    marks = f"[[slow {LONG_CALL}]]"
    queue.ask([queue.prompt(number, marks) for number in range(LONG_JOBS)])
    with queue.running():
        queue.report(LONG_JOBS, "no kill", longest=LONG_CALL + LATENCY)


def emptied(queue: "Queue") -> None:
    queue.ask([queue.prompt(number) for number in range(WAITING)])
    queue.broker.flushdb()
    with queue.running():
        queue.report(WAITING, "emptied")


# --- the queues -----------------------------------------------------------------------------


@dataclass
class Queue(ABC):
    name: str
    address: str
    folder: Path
    upstream: Upstream
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def __post_init__(self) -> None:
        self.broker = redis.Redis.from_url(self.address)
        self.broker.flushdb()
        self.workers: list[Process] = []

    def prompt(self, number: int, marks: str = "") -> str:
        return f"Run {self.run}, job-{number} {marks}"

    @abstractmethod
    def ask(self, prompts: list[str]) -> None: ...

    @abstractmethod
    def start_worker(self, log: Path) -> Process: ...

    @abstractmethod
    def is_finished(self) -> bool: ...

    @abstractmethod
    def fates(self) -> Counter[str]:
        """How many jobs are done, unknown (and said to be), or waiting."""

    @contextmanager
    def running(self) -> Iterator[None]:
        try:
            for _ in range(WORKERS):
                self.workers.append(self._started())
            yield
        finally:
            for process in self.workers:
                kill(process)
            self.workers.clear()
            self.broker.close()

    def _started(self) -> Process:
        return self.start_worker(self.folder / f"{uuid.uuid4().hex}.log")

    def wait_until_ready(self, number: int) -> None:
        process = self.workers[number]
        wait_for(lambda: " ready." in process.log, f"{self.name} is ready\n{process.log}", 60)

    def kill(self, number: int) -> None:
        kill(self.workers[number])
        self.workers[number] = self._started()

    def calls(self) -> Counter[str]:
        """Paid calls of each job."""
        entries = self.upstream.calls(f"Run {self.run},")
        return Counter(e["prompt"].split()[2] for e in entries if float(e["usd"]))

    def report(self, jobs: int, what: str, longest: float = LATENCY) -> None:
        began = time.monotonic()
        _wait_until_quiet(lambda: (self.is_finished(), sum(self.calls().values())), longest)
        paid, fates = self.calls(), self.fates()
        lost = jobs - sum(fates.values())
        print(
            f"  {self.name:<18} {what}: J {jobs}, P {sum(paid.values())}"
            f" | paid twice or more {sum(n > 1 for n in paid.values())}"
            f", never {jobs - len(paid)}"
            f" | done {fates['done']}, told unknown {fates['unknown']}"
            f", still waiting {fates['waiting']}, lost without a word {lost}"
            f" | quiet after {time.monotonic() - began:.0f} s",
            flush=True,
        )


def _wait_until_quiet(look: Callable[[], tuple[bool, int]], longest: float) -> None:
    """Until all is over, or so long nothing has moved that what is given out again has been.

    What is over may still have calls under way: those of a dead worker, which the stand-in counts
    when they end, and with early acknowledgement all.
    """
    seen, since, end = look(), time.monotonic(), time.monotonic() + MOST
    while time.monotonic() < end:
        if time.monotonic() - since > (longest + 5 if seen[0] else longest + QUIET):
            return
        time.sleep(0.5)
        if (now := look()) != seen:
            seen, since = now, time.monotonic()


# A visibility timeout of 30 s, and Celery's 100 s between two looks.
QUIET, MOST = 135, 480


class Ours(Queue):
    def __init__(
        self, name: str, address: str, folder: Path, upstream: Upstream, env: dict[str, str]
    ) -> None:
        self.env = env
        super().__init__(name, address, folder, upstream)

    @contextmanager
    def running(self) -> Iterator[None]:
        command = [sys.executable, "-m", "celery", "-A", "veniceweb", "beat"]
        beat = Process(
            [*command, "--schedule", str(self.folder / "beat"), "--pidfile="],
            self.env,
            self.folder / "beat.log",
        )
        try:
            with super().running():
                yield
        finally:
            kill(beat)

    def ask(self, prompts: list[str]) -> None:
        for prompt in prompts:
            submit(1, prompt=prompt, width=64, height=64)

    def start_worker(self, log: Path) -> Process:
        return Process(_worker("veniceweb", "--pool", "threads"), self.env, log)

    def is_finished(self) -> bool:
        return not self._jobs().filter(state__in=("queued", "calling")).exists()

    def _jobs(self) -> Any:
        from generations.models import Generation

        return Generation.objects.filter(prompt__startswith=f"Run {self.run},")

    def fates(self) -> Counter[str]:
        names = {
            "succeeded": "done",
            "unknown": "unknown",
            "queued": "waiting",
            "calling": "waiting",
        }
        states = self._jobs().values_list("state", flat=True)
        return Counter(names.get(state, "failed") for state in states)


class Plain(Queue):
    def __init__(
        self,
        name: str,
        address: str,
        folder: Path,
        upstream: Upstream,
        *,
        late: bool,
        visibility: int,
    ) -> None:
        super().__init__(name, address, folder, upstream)
        self.done = folder / f"done-{self.run}"
        self.done.mkdir()
        self.env = environment(
            folder,
            REDIS_URL=address,
            VENICE_BASE_URL=upstream.url,
            VENICE_API_KEY=KEY,
            PLAIN_LATE=str(int(late)),
            PLAIN_VISIBILITY=str(visibility),
            PLAIN_DONE=str(self.done),
            PYTHONPATH=str(Path(__file__).parent),
        )

    def ask(self, prompts: list[str]) -> None:
        from celery import Celery

        with Celery("asking", broker=self.address) as app:
            for prompt in prompts:
                app.send_task("paint", [prompt])

    def start_worker(self, log: Path) -> Process:
        return Process(_worker("plain_celery", "--concurrency", str(PLACES)), self.env, log)

    def is_finished(self) -> bool:
        return not self._waiting() and not self.broker.hlen("unacked")

    def _waiting(self) -> int:
        return sum(self.broker.llen(key) for key in self.broker.keys("celery*"))

    def fates(self) -> Counter[str]:
        """What is done may be handed out once more: it waits only while it is not done."""
        done = {path.name for path in self.done.iterdir()}
        waiting = self._jobs_in(self.broker.hvals("unacked"))
        for key in self.broker.keys("celery*"):
            waiting |= self._jobs_in(self.broker.lrange(key, 0, -1))
        return Counter(done=len(done), waiting=len(waiting - done))

    def _jobs_in(self, messages: list[bytes]) -> set[str]:
        import base64
        import json
        import re

        found = set()
        for message in messages:
            told = json.loads(message)
            body = (told[0] if isinstance(told, list) else told)["body"]
            found |= set(re.findall(r"job-\d+", base64.b64decode(body).decode()))
        return found


def _worker(app: str, *options: str) -> list[str]:
    command = [sys.executable, "-m", "celery", "-A", app, "worker", *options]
    name = f"{uuid.uuid4().hex[:8]}@localhost"
    return [*command, "--loglevel", "INFO", "--without-gossip", "--without-mingle", "-n", name]


def kill(process: Process) -> None:
    """It and all its children, at once."""
    if process.is_running:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = Process([*command, "--dir", str(folder)], dict(os.environ), folder / "redis.log")
    address = f"redis://127.0.0.1:{port}"
    try:
        wait_for(lambda: "Ready to accept" in process.log, "Redis is up")
        yield address
    finally:
        process.end()


if __name__ == "__main__":
    main()
