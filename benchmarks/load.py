"""Everybody at once, on PostgreSQL and Redis: people, pages left open, programs that wait, and
clients that take a few bytes a second; two web processes, workers, beat and the stand-in.

`--only waiting` is the other question: what hundreds of waiting programs cost the pages and the
memory, in four steps from none to all of them.
"""

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import crowd
from fleet import Fleet, Sampler
from measure import REDIS, Upstream, installation, machine, submit, wait_for_work, warm_up
from report import errors, images, kinds, memory, processors, steps

STEPS = (0, 0.2, 0.5, 1)
PICTURES, ARCHIVED = 12, 10


def main() -> None:
    options = _options()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="veniceweb-benchmark-") as name, ExitStack() as stack:
        folder = Path(name)
        upstream = Upstream(folder, latency=options.latency)
        stack.callback(upstream.end)
        env = stack.enter_context(
            installation(folder, upstream, on_servers=True, redis=options.redis)
        )
        fleet = stack.enter_context(Fleet(folder, env, upstream, options))
        run = _waiting if options.only == "waiting" else _everybody
        run(fleet, Scene(fleet, options), options)


def _options() -> Any:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--warm-up", type=float, default=30, help="seconds that do not count")
    for name, count in (("people", 50), ("waiting", 500), ("slow", 200), ("pollers", 2000)):
        parser.add_argument(f"--{name}", type=int, default=count)
    for name, count in (("web", 2), ("workers", 2), ("places", 16)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--latency", type=float, default=6.0, help="seconds a call to Venice takes")
    parser.add_argument("--only", choices=("waiting",))
    parser.add_argument("--redis", default=REDIS)
    return parser.parse_args()


class Scene:
    """Who is there, made directly in the database: nobody signs in two thousand times."""

    def __init__(self, fleet: Fleet, options: Any) -> None:
        import cast

        warm_up()
        submit(PICTURES)
        warm_up(format="png")
        submit(ARCHIVED, format="png")
        wait_for_work(PICTURES + ARCHIVED - 1)
        self.images, self.large = cast.images("webp"), cast.images("png")
        ports = fleet.ports
        self.people = cast.members(max(options.people, 1), ports, "person")
        self.openers = cast.members(options.pollers, ports, "opener")
        self.jobs = cast.running_jobs([user for user, _ in self.openers])
        self.programs = cast.programs(max(1, options.waiting // 50), ports)
        self.book = crowd.Book()

    def look(self, *, does_submit: bool) -> list[Coroutine[Any, Any, None]]:
        return [
            crowd.Person(member, self.book, self.images, does_submit).live()
            for _, member in self.people
        ]

    def keep_open(self) -> list[Coroutine[Any, Any, None]]:
        pairs = zip(self.openers, self.jobs, strict=True)
        return [crowd.keep_open(member, job, self.book) for (_, member), job in pairs]

    def call(self, count: int) -> list[Coroutine[Any, Any, None]]:
        places = [self.programs[n % len(self.programs)] for n in range(count)]
        return [crowd.call(port, token, self.book) for port, token in places]

    def dawdle(self, count: int) -> list[Coroutine[Any, Any, None]]:
        """Half of them write; of those who read, every fifth takes an archive."""
        archive = urlencode({"images": self.large}, doseq=True).encode()
        found = []
        for number in range(count):
            _, member = self.people[number % len(self.people)]
            if number % 2:
                found.append(crowd.write_slowly(member, self.book))
            elif number % 10 == 0:
                found.append(crowd.read_slowly(member, "POST", "/gallery/zip/", archive, self.book))
            else:
                path = f"/images/{random.choice(self.large)}/original"
                found.append(crowd.read_slowly(member, "GET", path, b"", self.book))
        return found


def _everybody(fleet: Fleet, scene: Scene, options: Any) -> None:
    crowds = [
        *scene.look(does_submit=True),
        *scene.keep_open(),
        *scene.call(options.waiting),
        *scene.dawdle(options.slow),
    ]
    sampler, waited = asyncio.run(_live(fleet, scene.book, crowds, options))
    kinds(scene.book, waited)
    errors(scene.book)
    memory(sampler)
    processors(sampler)
    images(sampler)


async def _live(
    fleet: Fleet, book: crowd.Book, crowds: list[Coroutine[Any, Any, None]], options: Any
) -> tuple[Sampler, list[float]]:
    """The samples, and by how much the generator itself was late, in ms."""
    tasks = [asyncio.create_task(each) for each in crowds]
    late: list[float] = []
    tasks.append(asyncio.create_task(_lateness(late)))
    try:
        await asyncio.sleep(options.warm_up)
        book.took.clear()
        late.clear()
        with Sampler(fleet, book) as sampler:
            await asyncio.sleep(options.seconds)
    finally:
        await _end(tasks)
    return sampler, late


async def _lateness(late: list[float]) -> None:
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.1)
        late.append((time.monotonic() - began - 0.1) * 1000)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end


def _waiting(fleet: Fleet, scene: Scene, options: Any) -> None:
    asyncio.run(_step_by_step(fleet, scene, options))
    errors(scene.book)


async def _step_by_step(fleet: Fleet, scene: Scene, options: Any) -> None:
    tasks = [asyncio.create_task(each) for each in scene.look(does_submit=False)]
    rows, there = [], 0
    try:
        for share in STEPS:
            wanted = round(options.waiting * share)
            tasks += [asyncio.create_task(each) for each in scene.call(wanted - there)]
            there = wanted
            await asyncio.sleep(options.warm_up)
            scene.book.took.clear()
            with Sampler(fleet, scene.book) as sampler:
                await asyncio.sleep(options.seconds / len(STEPS))
            rows.append((wanted, dict(scene.book.took), sampler))
    finally:
        await _end(tasks)
    steps(rows)


if __name__ == "__main__":
    main()
