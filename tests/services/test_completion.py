"""Waiting for jobs to end: many at once, in one thread, with and without Redis."""

import asyncio
import threading
import time
import uuid

import pytest
from django.conf import settings
from django.db import connection, transaction

from generations.models import Generation
from generations.services import completion
from tests.builders import make_generation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


@pytest.fixture
def watch(monkeypatch) -> completion.Watch:
    """One of the test's own; its thread sleeps when nobody waits any more."""
    made = completion.Watch()
    monkeypatch.setattr(completion, "_watch", made)
    return made


def make_jobs(user, count: int) -> list[uuid.UUID]:
    rows = [Generation(user=user, model="m", model_name="M", prompt="x") for _ in range(count)]
    return [row.pk for row in Generation.objects.bulk_create(rows)]


def end(*jobs: uuid.UUID) -> None:
    """As a worker does, in another thread and with a connection of its own."""

    def work() -> None:
        with transaction.atomic():
            Generation.objects.filter(pk__in=jobs).update(state="succeeded")
            for job in jobs:
                completion.announce(job)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


async def ended_after(jobs: list[uuid.UUID], *, timeout: float = 20) -> tuple[bool, float]:
    waiting = asyncio.create_task(completion.wait(jobs, timeout=timeout))
    await asyncio.sleep(0.5)
    start = time.monotonic()
    await asyncio.to_thread(end, *jobs)
    return await waiting, time.monotonic() - start


def test_who_waits_is_told_at_once(alice, watch):
    told, seconds = asyncio.run(ended_after(make_jobs(alice, 1)))
    assert told
    # Sooner than by the look that is taken every 2 s anyway.
    assert seconds < completion.BESIDE * 0.9
    assert watch.waiting() == 0


def test_of_several_the_last_one_counts(alice, watch):
    jobs = make_jobs(alice, 3)

    async def both() -> tuple[bool, bool]:
        first = asyncio.create_task(completion.wait(jobs, timeout=1))
        await asyncio.sleep(0)
        await asyncio.to_thread(end, *jobs[:2])
        early = await first
        await asyncio.to_thread(end, jobs[2])
        return early, await completion.wait(jobs, timeout=10)

    assert asyncio.run(both()) == (False, True)


def test_what_has_ended_before_is_found(alice, watch):
    job = make_generation(alice).pk
    assert asyncio.run(completion.wait([job], timeout=10))
    assert asyncio.run(completion.wait([uuid.uuid4()], timeout=10))  # gone altogether


def test_time_that_is_over_leaves_nothing_behind(alice, watch):
    jobs = make_jobs(alice, 2)
    assert not asyncio.run(completion.wait(jobs, timeout=0.05))
    assert watch.waiting() == 0


def test_who_goes_away_leaves_nothing_behind(alice, watch):
    jobs = make_jobs(alice, 2)

    async def go_away() -> None:
        waiting = asyncio.create_task(completion.wait(jobs, timeout=60))
        await asyncio.sleep(0.05)
        assert watch.waiting() == 2
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(go_away())
    assert watch.waiting() == 0


def test_a_thousand_wait_in_one_thread(alice, watch, monkeypatch):
    jobs = make_jobs(alice, 1000)
    looks = []
    look = watch._look
    monkeypatch.setattr(watch, "_look", lambda: (looks.append(1), look()))

    async def all_of_them() -> list[bool]:
        threads = threading.active_count()
        waits = [asyncio.create_task(completion.wait([job], timeout=60)) for job in jobs]
        await asyncio.sleep(0.3)
        assert watch.waiting() == 1000
        assert threading.active_count() <= threads + 1
        await asyncio.to_thread(end, *jobs)
        return await asyncio.gather(*waits)

    assert all(asyncio.run(all_of_them()))
    assert len(looks) < 50
    assert watch.waiting() == 0


def test_what_nobody_announced_is_found_too(alice, watch, monkeypatch):
    """The sweep, a lost message, Redis just away."""
    monkeypatch.setattr(completion, "announce", lambda job: None)
    told, seconds = asyncio.run(ended_after(make_jobs(alice, 1)))
    assert told
    assert seconds < completion.BESIDE + 3


def test_without_redis_we_look_ourselves(alice, watch, monkeypatch):
    if not settings.REDIS_URL:
        pytest.skip("there is none")
    monkeypatch.setattr(settings, "REDIS_URL", "redis://127.0.0.1:1/0")
    told, seconds = asyncio.run(ended_after(make_jobs(alice, 1)))
    assert told
    assert seconds < completion.BESIDE + 3
