"""The queue: one winner, leases, and what happens to the job of a dead worker."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from generations.models import Call, Generation
from generations.models.generation import MOVES, State
from generations.services import queue
from generations.services import worker as workers
from tests.builders import make_generation, submit

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def test_the_oldest_runs_first(stocked, alice, bob):
    first, second = submit(alice), submit(bob)

    claimed = [queue.claim(), queue.claim(), queue.claim()]

    assert [call and call.generation_id for call in claimed] == [first.pk, second.pk, None]


def test_a_claim_leaves_a_call_and_a_lease(stocked, alice):
    generation = submit(alice)
    call = queue.claim()

    generation.refresh_from_db()
    assert generation.state == State.CALLING
    assert generation.tries == 1
    assert generation.lease_until > timezone.now() + timedelta(seconds=10)
    assert Call.objects.get(pk=call.pk).outcome == Call.Outcome.OPEN


def test_what_must_wait_is_not_claimed(stocked, alice):
    generation = submit(alice)
    Generation.objects.filter(pk=generation.pk).update(
        runs_after=timezone.now() + timedelta(seconds=30)
    )
    assert queue.claim() is None


def test_a_dead_workers_job_becomes_unknown_not_queued(stocked, alice, run_jobs):
    generation = submit(alice)
    queue.claim()
    _expire_lease(generation)

    assert queue.end_lost() == 1
    run_jobs()

    generation.refresh_from_db()
    assert generation.state == State.UNKNOWN
    assert "May have been charged" in generation.error_message
    assert generation.calls.get().outcome == Call.Outcome.UNKNOWN
    assert stocked.calls() == []


def test_a_live_lease_is_left_alone(stocked, alice):
    submit(alice)
    queue.claim()
    assert queue.end_lost() == 0


def test_renewing_keeps_a_lease(stocked, alice):
    generation = submit(alice)
    queue.claim()
    _expire_lease(generation)

    assert queue.renew({generation.pk}) == 1
    assert queue.end_lost() == 0


def test_another_process_does_not_renew_my_lease(stocked, alice, monkeypatch):
    generation = submit(alice)
    queue.claim()
    monkeypatch.setattr(queue, "_RUN", "another")
    assert queue.renew({generation.pk}) == 0


def test_an_answer_after_the_sweep_gave_up_still_counts(stocked, alice):
    from generations.services import call as calls

    generation = submit(alice)
    call = queue.claim()
    _expire_lease(generation)
    queue.end_lost()

    calls.settle(call, calls.ask(call))

    generation.refresh_from_db()
    assert generation.state == State.SUCCEEDED
    assert generation.images.count() == 1


def test_the_sweep_rings_for_what_may_run(stocked, alice, bells):
    submit(alice)
    submit(alice)
    bells.clear()

    assert queue.sweep(16) == 2
    assert len(bells) == 2


def test_a_move_that_is_not_allowed_is_an_error(alice):
    generation = make_generation(alice)
    with pytest.raises(ValueError, match="not allowed"):
        Generation.objects.filter(pk=generation.pk).move(
            State.SUCCEEDED, State.QUEUED, by="test", why="no"
        )


@pytest.mark.parametrize("source", list(State))
@pytest.mark.parametrize("target", list(State))
def test_a_row_moves_only_from_the_state_it_is_in(alice, source, target):
    other = next(state for state in State if state != source)
    generation = make_generation(alice, state=other)
    if target not in MOVES[source]:
        return
    rows = Generation.objects.filter(pk=generation.pk)
    assert rows.move(source, target, by="test", why="stale") == 0
    assert rows.get().version == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_claims_take_every_job_once(stocked, alice):
    wanted = {submit(alice).pk for _ in range(18)}  # as many as may fail at once
    taken, lock = [], threading.Lock()

    def claim_all():
        try:
            while call := queue.claim():
                with lock:
                    taken.append(call.generation_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 18
    assert set(taken) == wanted


def test_a_bell_that_rings_while_all_slots_are_taken_is_remembered():
    slots = workers.Slots(1)
    assert slots.enter()
    assert not slots.enter()
    assert slots.leave() is True
    assert slots.enter()
    assert slots.leave() is False


def test_a_stopping_worker_takes_nothing_more(stocked, alice, run_jobs):
    stopping = threading.Event()
    stopping.set()
    generation = submit(alice)

    assert workers.run(stopping) == 0

    generation.refresh_from_db()
    assert generation.state == State.QUEUED


def _expire_lease(generation):
    Generation.objects.filter(pk=generation.pk).update(
        lease_until=timezone.now() - timedelta(seconds=1)
    )
