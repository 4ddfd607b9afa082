"""The faults: each takes the fleet and its jobs' marker, and leaves everything running again."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.drills.fleet import Fleet, children, kill
from tests.drills.servers import away_for

CALLING, SUCCEEDED = "calling", "succeeded"


@dataclass
class Drill:
    """`may_be_unknown`: whether an answer may be lost. `asked`: J, counted by the drill."""

    name: str
    run: Callable[[Fleet, "Drill"], None]
    may_be_unknown: bool = False
    is_long: bool = False
    kills: int = 0
    asked: int = 0
    sequence: list[str] = field(default_factory=list)
    ended_at: float = 0.0

    @property
    def marker(self) -> str:
        return f"drill:{self.name.replace(' ', '-')}"

    def submit(
        self, fleet: Fleet, count: int, words: str = "", *, by: str = "", **fields: str
    ) -> list[str]:
        """So many jobs, over both web processes in turn."""
        made = []
        for _ in range(count):
            web = fleet.limited if by else fleet.webs[self.asked % len(fleet.webs)]
            prompt = f"{self.marker} {self.asked} {words}".strip()
            self.asked += 1
            made.append(web.submit(prompt, **fields))
        return made

    def wait_for_calls(self, fleet: Fleet, count: int) -> None:
        fleet.wait_until(
            lambda: list(fleet.states(self.marker).values()).count(CALLING) >= count,
            f"{count} of {self.marker} are calling",
            60,
        )


def _times(short: int, long: int) -> int:
    return long if os.environ.get("LONG") == "1" else short


dice = random.Random(20261120)


# --- the limiter ----------------------------------------------------------------------------

RPM = 30
LIMITER = "30 requests a minute"


def limited(fleet: Fleet, drill: Drill) -> None:
    """Somebody's key with 30 requests a minute, while all of the rest goes wrong. In the long
    form first a while alone, to see how much of the limit is used."""
    fleet.give_key(f"key-of-somebody-rpm{RPM}")
    drill.submit(fleet, _times(75, 140), by="limited")
    if _times(0, 1):
        fleet.wait_until(
            lambda: len(fleet.upstream.calls(drill.marker)) >= 4 * RPM, "four minutes' calls", 300
        )


# --- processes ------------------------------------------------------------------------------


def killed_at_random(kind: str, short: int, long: int) -> Callable[[Fleet, Drill], None]:
    def run(fleet: Fleet, drill: Drill) -> None:
        for _ in range(_times(short, long)):
            drill.submit(fleet, 3, f"[[slow {dice.choice([0, 0, 1, 3])}]]")
            time.sleep(dice.uniform(0, 1.6))
            kill(dice.choice(fleet.of(kind)), signal.SIGKILL)
            drill.kills += 1
        drill.submit(fleet, 3)

    return run


def children_killed(fleet: Fleet, drill: Drill) -> None:
    for _ in range(_times(4, 20)):
        drill.submit(fleet, 4)
        time.sleep(dice.uniform(0.8, 1.8))
        for worker in fleet.of("worker"):
            for child in children(worker):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                drill.kills += 1


def deployed(number: int) -> Callable[[Fleet, Drill], None]:
    """All workers get the signal while they call; new ones come."""

    def run(fleet: Fleet, drill: Drill) -> None:
        for _ in range(_times(1, 4)):
            drill.submit(fleet, 12, "[[slow 5]]")
            drill.wait_for_calls(fleet, 3)
            old = [worker.process for worker in fleet.of("worker")]
            for worker in fleet.of("worker"):
                assert worker.process
                worker.process.signal(number)
            fleet.wait_until(
                lambda: not any(process and process.is_running for process in old),  # noqa: B023
                "the old workers end",
                90,
            )

    return run


def told_twice(fleet: Fleet, drill: Drill) -> None:
    """A second SIGTERM ends at once."""
    drill.submit(fleet, 8, "[[slow 15]]")
    drill.wait_for_calls(fleet, 4)
    for worker in fleet.of("worker"):
        process = worker.process
        assert process
        process.signal(signal.SIGTERM)
        time.sleep(1)
        began = time.monotonic()
        while process.is_running:
            process.signal(signal.SIGTERM)
            time.sleep(0.2)
            assert time.monotonic() - began < 5, "the second signal did not end it"


def long_call(fleet: Fleet, drill: Drill) -> None:
    """Longer than a lease, beside idle workers."""
    drill.submit(fleet, 2, "[[slow 28]]")
    drill.wait_for_calls(fleet, 2)


# --- doorbells and Redis --------------------------------------------------------------------

_QUEUE_WITHOUT_BELL = """
from generations.models import User
from generations.services import bell, generation
bell.ring = lambda **kwargs: None
for number in range({first}, {last}):
    generation.submit(
        User.objects.get(role="admin"),
        model="z-image-turbo",
        parameters={{"prompt": f"{marker} {{number}}", "width": 64, "height": 64}},
    )
"""
_ONE_BELL = """
from generations.tasks import work
work.apply_async(queue="drill")
"""
_SWEEP = """
from generations.services import queue
for _ in range(40):
    queue.sweep(16)
"""


def no_bells(fleet: Fleet, drill: Drill) -> None:
    fleet.shell(_QUEUE_WITHOUT_BELL.format(first=0, last=6, marker=drill.marker))
    drill.asked += 6


def many_bells(fleet: Fleet, drill: Drill) -> None:
    """Ten thousand copies of one message, while jobs come."""
    fleet.shell(_ONE_BELL)
    fleet.redis.copy("veniceweb:drill", "veniceweb:celery", 10_000)
    drill.submit(fleet, 10)
    fleet.wait_until(lambda: not fleet.redis.length("veniceweb:celery"), "all are heard", 60)


def two_sweepers(fleet: Fleet, drill: Drill) -> None:
    drill.submit(fleet, 10, "[[slow 2]]")
    with ThreadPoolExecutor(3) as pool:
        for sweeper in [pool.submit(fleet.shell, _SWEEP) for _ in range(3)]:
            sweeper.result()


def redis_flushed(fleet: Fleet, drill: Drill) -> None:
    for _ in range(_times(3, 10)):
        drill.submit(fleet, 4)
        fleet.redis.flush()


def redis_away(fleet: Fleet, drill: Drill) -> None:
    drill.submit(fleet, 6, "[[slow 2]]")
    drill.wait_for_calls(fleet, 1)
    away = threading.Thread(target=away_for, args=[fleet.redis, _times(10, 60)])
    away.start()
    time.sleep(1)
    drill.submit(fleet, 4)
    away.join()


# --- PostgreSQL -----------------------------------------------------------------------------


def postgres_restarted(fleet: Fleet, drill: Drill) -> None:
    fleet.tell_true_time()
    for number in range(_times(2, 8)):
        drill.submit(fleet, 6, "[[slow 1]]")
        drill.wait_for_calls(fleet, 1)
        time.sleep(dice.uniform(0, 1.5))
        fleet.postgres.stop("immediate" if number % 2 else "fast")
        fleet.postgres.start()


def postgres_away_while_settling(fleet: Fleet, drill: Drill) -> None:
    fleet.tell_true_time()
    drill.submit(fleet, 6, "[[slow 5]]")
    drill.wait_for_calls(fleet, 3)
    away_for(fleet.postgres, _times(12, 30))


# --- storage --------------------------------------------------------------------------------


def storage_away(fleet: Fleet, drill: Drill) -> None:
    """A file stands where the folder of the images should be, so that none can be written."""
    images, aside = fleet.data / "images", fleet.data / "images-aside"
    images.mkdir(exist_ok=True)
    drill.submit(fleet, 5, "[[slow 1]]")
    images.rename(aside)
    images.touch()
    paid = len(fleet.upstream.calls(drill.marker))
    fleet.wait_until(lambda: len(fleet.upstream.calls(drill.marker)) >= 5 > paid - 1, "paid", 30)
    time.sleep(3)
    images.unlink()
    aside.rename(images)


# --- what Venice does -----------------------------------------------------------------------


def upstream_faults(fleet: Fleet, drill: Drill) -> None:
    for words in ("cut-before", "cut-inside", "cut-after", "504", "524", "500", "hang"):
        drill.submit(fleet, 1, f"[[{words}]]")
    for words in ("once 503", "once 429-absent", "once overloaded"):
        drill.submit(fleet, 1, f"[[{words}]]")


# --- people ---------------------------------------------------------------------------------


def one_form_twenty_times(fleet: Fleet, drill: Drill) -> None:
    for _ in range(_times(2, 10)):
        prompt, token = f"{drill.marker} {drill.asked}", f"token-{drill.marker}-{drill.asked}"
        drill.asked += 1
        with ThreadPoolExecutor(20) as pool:
            posts = [
                pool.submit(fleet.webs[n % 2].submit, prompt, form_token=token) for n in range(20)
            ]
            assert len({post.result() for post in posts}) == 1


def cancelled(fleet: Fleet, drill: Drill) -> None:
    """While it waits it costs nothing; while it runs it cannot be unsent."""
    running = drill.submit(fleet, 1, "[[slow 3]]")
    drill.wait_for_calls(fleet, 1)
    fleet.webs[0].post(f"/generations/{running[0]}/cancel/")
    # Nobody rings for these, so that most of them still wait.
    fleet.shell(_QUEUE_WITHOUT_BELL.format(first=1, last=11, marker=drill.marker))
    drill.asked += 10
    for job in fleet.states(drill.marker):
        fleet.webs[1].post(f"/generations/{job}/cancel/")


DRILLS: list[Any] = [
    Drill(LIMITER, limited, may_be_unknown=True),
    Drill("Venice's own faults", upstream_faults, may_be_unknown=True),
    Drill("call longer than a lease", long_call),
    Drill("worker killed", killed_at_random("worker", 14, 150), may_be_unknown=True),
    Drill("decoders killed", children_killed),
    Drill("web killed", killed_at_random("web", 4, 30)),
    Drill("beat killed", killed_at_random("beat", 3, 20)),
    Drill("one form posted 20 times", one_form_twenty_times),
    Drill("cancelled", cancelled),
    Drill("bells lost", no_bells),
    Drill("10,000 bells for nothing", many_bells),
    Drill("three sweepers at once", two_sweepers),
    Drill("Redis emptied", redis_flushed),
    Drill("Redis away and restarted", redis_away),
    Drill("PostgreSQL restarted", postgres_restarted, may_be_unknown=True),
    Drill("PostgreSQL away while settling", postgres_away_while_settling),
    Drill("storage takes nothing", storage_away),
    Drill("SIGTERM to all workers", deployed(signal.SIGTERM)),
    Drill("SIGQUIT to all workers", deployed(signal.SIGQUIT), may_be_unknown=True),
    Drill("SIGTERM twice", told_twice, may_be_unknown=True),
]
