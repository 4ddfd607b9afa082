"""Whose turn it is: accounts in turn, lanes, people in turn within a lane."""

import re
import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from generations import queries
from generations.models import Account, Generation
from generations.models.generation import State
from generations.services import generation as generations
from generations.services import key as keys
from generations.services import queue, worker
from generations.venice.errors import Refused
from tests.builders import MODEL, SMALL, make_user, submit
from tests.conftest import TEAM_KEY

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def order(most: int = 100) -> list[str]:
    """The prompts in the order in which they are claimed; each call ends at once."""
    found = []
    while len(found) < most and (call := queue.claim()):
        found.append(call.generation.prompt)
        call.delete()
        Generation.objects.filter(pk=call.generation_id).update(state=State.SUCCEEDED)
    return found


def batch(user, prompt: str, images: int = 12):
    return generations.submit(
        user, model=MODEL, parameters={"prompt": prompt, "variants": images, **SMALL}
    )


def test_two_hundred_jobs_of_one_delay_another_by_one_at_most(stocked, alice, bob):
    for number in range(200):
        submit(alice, f"Alice {number}")
    assert order(3) == ["Alice 0", "Alice 1", "Alice 2"]
    submit(bob, "Bob")
    assert "Bob" in order(2)


def test_people_take_turns(stocked, alice, bob, rosa):
    for number in range(3):
        submit(alice, f"A{number}")
    for number in range(3):
        submit(bob, f"B{number}")
    submit(rosa, "R0")
    assert order() == ["A0", "B0", "R0", "A1", "B1", "A2", "B2"]


def test_somebody_who_asks_again_and_again_does_not_overtake(stocked, alice, bob):
    for number in range(4):
        submit(alice, f"A{number}")
    taken = []
    submit(bob, "B0")
    for number in range(1, 4):
        taken += order(1)
        submit(bob, f"B{number}")
    taken += order()
    assert max(taken.index(f"A{number}") for number in range(4)) <= 6


def test_interactive_before_background(stocked, alice, bob):
    first = batch(alice, "Batch")
    assert {row.lane for row in first} == {Generation.Lane.BACKGROUND}
    submit(bob, "One image")
    submit(alice, "Another")
    assert order() == ["One image", "Another", "Batch", "Batch", "Batch"]


@pytest.mark.parametrize(("images", "lane"), [(8, 0), (9, 1), (16, 1)])
def test_more_than_eight_images_are_a_batch(stocked, alice, images, lane):
    assert {row.lane for row in batch(alice, "Set", images)} == {lane}


def test_a_bulk_of_more_than_eight_images_is_run_again_in_the_background(stocked, alice):
    for _ in range(9):
        submit(alice)
    Generation.objects.update(state=State.FAILED)
    rows = queries.own_generations(alice)
    assert generations.retry_all(rows, by=alice, form_token="again").count == 9
    assert set(Generation.objects.filter(state=State.QUEUED).values_list("lane", flat=True)) == {1}


def test_batches_of_two_people_take_turns_too(stocked, alice, bob):
    batch(alice, "A"), batch(bob, "B")
    assert order() == ["A", "B", "A", "B", "A", "B"]


def test_accounts_take_turns(stocked, alice, bob):
    keys.save(bob, "bobs-own-key-0123456789")
    for number in range(3):
        submit(alice, f"A{number}")
    for number in range(3):
        submit(bob, f"B{number}")
    taken = order()
    assert sorted(taken[:2]) == ["A0", "B0"]
    assert sorted(taken[2:4]) == ["A1", "B1"]


def test_what_was_put_back_keeps_its_turn(stocked, alice, bob):
    from datetime import timedelta

    first = submit(alice, "A0")
    submit(alice, "A1")
    call = queue.claim()
    assert call.generation_id == first.pk
    submit(bob, "B0")
    queue.put_back(call, wait=timedelta(0), why="test")
    assert order(1) == ["A0"]


# --- the place that is shown is the order in which jobs are claimed -----------------------------


def test_the_place_shown_is_the_order(stocked, alice, bob):
    batch(alice, "Batch")
    for number in range(3):
        submit(alice, f"A{number}")
    submit(bob, "B0")
    rows = queries.with_places(Generation.objects.all())
    shown = [row.prompt for row in sorted(rows, key=lambda row: row.ahead)]
    assert shown == order()


def test_the_place_counts_ones_own_account_only(stocked, alice, bob):
    keys.save(bob, "bobs-own-key-0123456789")
    submit(alice), submit(alice)
    mine = submit(bob)
    assert queries.with_places(Generation.objects.filter(pk=mine.pk)).get().ahead == 0


def test_a_place_far_behind_is_not_counted_out(stocked, alice, monkeypatch):
    monkeypatch.setattr("generations.queries.generations.MOST_AHEAD", 3)
    for number in range(6):
        last = submit(alice, f"Far {number}")
    assert queries.with_places(Generation.objects.filter(pk=last.pk)).get().ahead == 3


def test_a_card_says_place_and_wait(stocked, alice, sign_in):
    Account.objects.update(requests_per_minute=2)
    for number in range(3):
        submit(alice, f"Said {number}")
    queue.claim(), queue.claim()
    page = sign_in(alice).get("/").content.decode()
    assert "1st" in page
    assert re.search(r"in line · about <span data-until=[^>]+>6[012] s</span>", page)


def test_a_claim_asks_the_same_however_long_the_line(stocked, alice, bob):
    submit(alice), submit(bob)
    with CaptureQueriesContext(connection) as short:
        queue.claim()
    for number in range(5):
        user = make_user(f"person{number}@example.com")
        for _ in range(10):
            submit(user)
    with CaptureQueriesContext(connection) as long:
        queue.claim()
    assert len(long) == len(short) <= 14


# --- one key text, saved twice: one account, one line ---------------------------------------------


def test_people_with_the_same_key_text_take_turns(stocked, alice, bob):
    keys.save(bob, TEAM_KEY)
    for number in range(4):
        submit(alice, f"A{number}")
    submit(bob, "B0")
    assert "B0" in order(2)


def test_and_their_single_images_go_before_their_batches(stocked, alice, bob):
    keys.save(bob, TEAM_KEY)
    batch(alice, "Batch"), batch(bob, "Batch")
    submit(bob, "B0"), submit(alice, "A0")
    assert sorted(order(2)) == ["A0", "B0"]


@pytest.mark.django_db(transaction=True)
def test_who_joins_twice_at_once_takes_one_turn_after_the_other(stocked, alice):
    template, barrier = submit(alice), threading.Barrier(6)

    def join():
        row = Generation(user=alice, key=template.key, model="m", model_name="m", prompt="p")
        barrier.wait()
        with transaction.atomic():
            queue.join([row], lane=Generation.Lane.INTERACTIVE)
            row.save(force_insert=True)
        connection.close()

    threads = [threading.Thread(target=join) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turns = Generation.objects.values_list("turn", flat=True)
    assert len(turns) == len(set(turns)) == 7


def test_whoever_found_no_room_is_called_back_when_a_call_is_settled(stocked, alice, monkeypatch):
    """The account may have enough under way until then; its last thread has looked and gone."""
    first, _ = submit(alice, "One"), submit(alice, "Two")
    rings = []
    monkeypatch.setattr(worker.bell, "ring", lambda **_: rings.append(1))
    worker.slots.cache_clear()
    due = worker.Due(queue.claim(), error=Refused())
    worker.slots().send_away()
    worker._settle_aside(due)
    assert Generation.objects.get(pk=first.pk).state == State.FAILED
    assert len(rings) == 1
    # Once is enough, and nobody is called who was not sent away.
    due = worker.Due(queue.claim(), error=Refused())
    worker._settle_aside(due)
    assert len(rings) == 1


def test_nobody_is_called_back_to_an_empty_line(stocked, alice, monkeypatch):
    submit(alice)
    rings = []
    monkeypatch.setattr(worker.bell, "ring", lambda **_: rings.append(1))
    worker.slots.cache_clear()
    due = worker.Due(queue.claim(), error=Refused())
    worker.slots().send_away()
    worker._settle_aside(due)
    assert rings == []
