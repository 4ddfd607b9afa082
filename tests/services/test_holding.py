"""Holding: what takes an image from people, and the case that is opened with it."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from generations import queries
from generations.models import Case, Decision, Event, Image, Policy
from generations.services import holding, image, likeness, pixels, review
from generations.services.errors import Invalid
from tests.builders import decide, hold, make_generation, make_image, picture, submit

pytestmark = pytest.mark.django_db


def block(*terms):
    Policy.objects.update_or_create(pk=1, defaults={"blocked_terms": "\n".join(terms)})


def state(image):
    return Image.objects.get(pk=image.pk).state


# --- when an image arrives --------------------------------------------------------------------


@pytest.mark.parametrize("marker", ["blurred", "violation", "adult"])
def test_what_venice_flags_waits_with_a_case(stocked, alice, run_jobs, marker):
    submit(alice, f"Torso study [[{marker}]]")
    run_jobs()
    case = Case.objects.get()
    assert (case.state, case.reasons[0]) == (Case.State.OPEN, marker)
    assert (case.user, case.image.state) == (alice, Image.State.HELD)
    assert case.prompt == f"Torso study [[{marker}]]"
    assert Event.objects.filter(action="image.held", subject_id=str(case.image_id)).exists()


def test_what_shows_a_minor_is_locked_and_its_record_closed(stocked, alice, rosa, run_jobs):
    submit(alice, "Street [[minor]]")
    run_jobs()
    case = Case.objects.get()
    assert (case.state, case.image.state) == (Case.State.CLOSED, Image.State.LOCKED)
    assert not queries.queue(rosa)
    assert list(queries.locked_cases()) == [case]


def test_what_is_not_flagged_is_shown_without_a_case(stocked, alice, run_jobs):
    submit(alice, "A bridge at night")
    run_jobs()
    assert Image.objects.get().state == Image.State.SHOWN
    assert Image.objects.get().dhash is not None
    assert not Case.objects.exists()


def test_a_term_that_was_blocked_while_it_ran_holds_it(stocked, alice, run_jobs):
    submit(alice, "A quiet harbour")
    block("harbour")
    run_jobs()
    case = Case.objects.get()
    assert (case.reasons, case.words) == (["blocked_term"], "harbour")


def arrived(user, data):
    """As if Venice had sent these bytes."""
    from generations.venice.types import Verdict

    generation = make_generation(user, parameters={"format": "webp"})
    row = image.store(generation, 0, data, verdict=Verdict(), price=None).image
    holding.judge(generation, [row])
    row.save()
    holding.open_cases(generation, [row])
    return row


def test_an_empty_picture_is_held(alice):
    row = arrived(alice, picture())
    assert row.state == Image.State.HELD
    assert Case.objects.get().reasons == ["blank"]


def painted(seed):
    from generations.venice.standin.painter import Picture, paint

    return paint(Picture(prompt="a bridge", model="m", width=256, height=256, seed=seed))


def test_what_looks_like_a_rejected_image_is_held(alice, rosa):
    first = arrived(alice, painted(1))
    assert state(first) == Image.State.SHOWN
    decide(rosa, hold(first), "reject")
    second = arrived(alice, painted(1))
    assert state(second) == Image.State.HELD
    assert Case.objects.get(image=second).reasons == ["near_rejected"]
    assert state(arrived(alice, painted(2))) == Image.State.SHOWN


def test_an_undone_rejection_holds_nothing(alice, rosa):
    first = arrived(alice, painted(1))
    review.undo(rosa, decision=decide(rosa, hold(first), "reject"))
    assert state(arrived(alice, painted(1))) == Image.State.SHOWN


def test_what_looks_like_a_locked_one_is_held(alice):
    dhash = pixels.examine(painted(1), "webp")[0].dhash
    make_image(alice, state=Image.State.LOCKED, has_minor=True, dhash=dhash)
    assert likeness.is_near_rejected(dhash ^ 0b1111)
    assert not likeness.is_near_rejected(dhash ^ 0b11111)
    assert not likeness.is_near_rejected(None)


# --- reports ----------------------------------------------------------------------------------


def test_a_report_holds_at_once(alice, bob):
    row = make_image(alice)
    version = row.generation.version
    assert holding.report(bob, image=row, reason="rights", words=" A logo ")
    case = Case.objects.get()
    assert (case.reporter, case.words, case.reasons) == (
        bob,
        "Rights or brand: A logo",
        ["reported"],
    )
    assert state(row) == Image.State.HELD
    row.generation.refresh_from_db()
    assert row.generation.version == version + 1
    assert not holding.report(alice, image=row, reason="rights")
    assert Case.objects.count() == 1
    assert Event.objects.filter(action="image.reported", actor=bob).count() == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "brief"}, "reason"),
        ({"reason": "other"}, "words"),
        ({"reason": "adult", "words": "x" * 501}, "words"),
        ({"reason": "adult", "words": "\0"}, "words"),
    ],
)
def test_a_report_that_makes_no_sense_holds_nothing(alice, bob, given, field):
    row = make_image(alice)
    with pytest.raises(Invalid) as problem:
        holding.report(bob, image=row, **given)
    assert list(problem.value.fields) == [field]
    assert state(row) == Image.State.SHOWN


def test_nobody_holds_everything_by_reports(alice, bob):
    rows = [make_image(alice) for _ in range(holding.REPORTS + 1)]
    for row in rows[:-1]:
        holding.report(bob, image=row, reason="adult")
    with pytest.raises(holding.TooMany):
        holding.report(bob, image=rows[-1], reason="adult")
    assert state(rows[-1]) == Image.State.SHOWN


# --- a term that is blocked later -------------------------------------------------------------


def with_prompt(user, prompt, **fields):
    return make_image(user, generation=make_generation(user, prompt=prompt), **fields)


def test_a_blocked_term_holds_what_is_there_already(alice, bob, monkeypatch):
    monkeypatch.setattr(holding, "_BATCH", 2)
    now = timezone.now()
    found = [
        with_prompt(alice, "A grey Heron at dawn"),
        with_prompt(bob, "heron", visibility="private"),
        with_prompt(bob, "Two of a HERON", deleted_at=now - timedelta(days=1)),
        with_prompt(bob, "one heron", is_hidden=True),
    ]
    others = [with_prompt(alice, f"A heronry {n}") for n in range(3)]
    assert holding.hold_blocked_terms("heron\nstork") == 4
    assert {state(row) for row in found} == {Image.State.HELD}
    assert {state(row) for row in others} == {Image.State.SHOWN}
    assert {case.words for case in Case.objects.all()} == {"heron"}
    assert holding.hold_blocked_terms(["heron"]) == 0
    assert Case.objects.count() == 4


def test_it_goes_on_where_it_was_stopped(alice, monkeypatch):
    monkeypatch.setattr(holding, "_BATCH", 2)
    for _ in range(5):
        with_prompt(alice, "A heron")
    done, real = [], holding._hold_found

    def stopping(found):
        if done:
            raise SystemExit
        done.append(real(found))
        return done[0]

    monkeypatch.setattr(holding, "_hold_found", stopping)
    with pytest.raises(SystemExit):
        holding.hold_blocked_terms(["heron"])
    monkeypatch.setattr(holding, "_hold_found", real)
    assert holding.hold_blocked_terms(["heron"]) == 3
    assert Case.objects.count() == 5


def test_what_a_reviewer_approved_in_spite_of_it_stays(alice, rosa):
    row = with_prompt(alice, "A heron and a stork")
    holding.hold_blocked_terms(["heron"])
    decide(rosa, Case.objects.get())
    assert holding.hold_blocked_terms(["heron"]) == 0
    assert holding.hold_blocked_terms(["stork"]) == 1
    assert state(row) == Image.State.HELD


# --- what was held before there were cases ----------------------------------------------------


def test_the_migration_opens_a_case_for_what_is_held(alice):
    from importlib import import_module

    from django.apps import apps

    migration = import_module("generations.migrations.0012_review")
    held = make_image(alice, state=Image.State.HELD, is_adult=True, is_blurred=True)
    odd = make_image(alice, state=Image.State.HELD)
    shown = make_image(alice)
    known = hold(make_image(alice))
    locked = make_image(alice, state=Image.State.LOCKED, has_minor=True)
    for _ in range(2):
        migration.open_cases(apps, None)
    assert Case.objects.get(image=held).reasons == ["adult", "blurred"]
    assert Case.objects.get(image=odd).reasons == ["unknown"]
    assert Case.objects.get(image=locked).closed_at is not None
    assert list(known.image.cases.all()) == [known]
    assert not Case.objects.filter(image=shown).exists()
    assert not Decision.objects.exists()
    assert uuid.UUID(str(held.pk)) == Case.objects.get(image=held).image_uuid
