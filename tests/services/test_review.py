"""Review: who may decide what, once; undo, questions, appeals; what outlives the image."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from generations import queries
from generations.models import Case, Decision, Event, Image, User
from generations.services import review, trash
from generations.services.errors import Invalid, NotPossible
from tests.builders import decide, hold, make_case, make_image, make_user

pytestmark = pytest.mark.django_db


def state(case):
    return Image.objects.get(pk=case.image_uuid).state


def fresh(case):
    return Case.objects.select_related("appeal_of").get(pk=case.pk)


def pass_time(decision, seconds=31):
    earlier = timezone.now() - timedelta(seconds=seconds)
    Decision.objects.filter(pk=decision.pk).update(decided_at=earlier)
    decision.refresh_from_db()


# --- deciding ---------------------------------------------------------------------------------


def test_approved_is_shown_again(alice, rosa):
    case = make_case(alice)
    version = case.image.generation.version
    made = decide(rosa, case)
    assert state(case) == Image.State.SHOWN
    assert fresh(case).state == Case.State.CLOSED
    assert fresh(case).closed_at is not None
    assert (made.kind, made.code, made.reviewer) == ("approve", "", rosa)
    case.image.generation.refresh_from_db()
    assert case.image.generation.version == version + 1


def test_rejected_is_gone_with_reason_note_and_hash(alice, rosa):
    case = hold(make_image(alice, dhash=12345))
    made = decide(rosa, case, "reject", code="rights", note=" Somebody’s logo.\r\n")
    assert state(case) == Image.State.REJECTED
    assert (made.code, made.note, made.dhash) == ("rights", "Somebody’s logo.", 12345)


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        ("", {}, "decision"),
        ("delete", {}, "decision"),
        ("reject", {"code": ""}, "reason"),
        ("reject", {"code": "because"}, "reason"),
        ("reject", {"code": "other"}, "note"),
        ("reject", {"code": "other", "note": " \n "}, "note"),
        ("approve", {"note": "x" * 501}, "note"),
        ("approve", {"note": "a\0b"}, "note"),
    ],
)
def test_a_verdict_that_makes_no_sense(kind, more, field):
    with pytest.raises(Invalid) as problem:
        review.verdict(kind, **more)
    assert list(problem.value.fields) == [field]


def test_who_decides_first_decides(alice, rosa, ada):
    case = make_case(alice)
    decide(rosa, case)
    with pytest.raises(NotPossible, match="Rosa Behrens was faster: approved"):
        decide(ada, case, "reject")
    assert state(case) == Image.State.SHOWN
    assert Decision.objects.count() == 1


def test_nobody_decides_about_their_own(alice, rosa, ada):
    case = make_case(rosa)
    with pytest.raises(NotPossible, match="Another reviewer"):
        decide(rosa, case)
    assert state(case) == Image.State.HELD
    decide(ada, case)
    assert state(case) == Image.State.SHOWN


def test_unless_nobody_else_could(rosa):
    make_user("gone@example.com", role=User.Role.ADMIN, is_active=False)
    case = make_case(rosa)
    decide(rosa, case)
    assert state(case) == Image.State.SHOWN


def test_what_shows_a_minor_is_released_by_nobody(alice, ada, rosa):
    image = make_image(alice, state=Image.State.LOCKED, has_minor=True)
    case = Case.objects.create(image=image, image_uuid=image.pk, user=alice, reasons=["minor"])
    with pytest.raises(NotPossible, match="locked away"):
        decide(ada, case)
    assert state(case) == Image.State.LOCKED
    assert fresh(case).closed_at is None


@pytest.mark.parametrize("wanted", ["shown", "held", "rejected"])
def test_the_database_refuses_it_too(alice, wanted):
    image = make_image(alice, state=Image.State.LOCKED, has_minor=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Image.objects.filter(pk=image.pk).update(state=wanted)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_image(alice, state=wanted, has_minor=True)


def test_a_decision_is_in_the_audit_log(alice, rosa):
    decide(rosa, make_case(alice), "reject", note="the prompt says a secret")
    event = Event.objects.filter(action="image.rejected").get()
    assert (event.actor, event.subject_kind) == (rosa, "image")
    assert "secret" not in str(event.details)


# --- undo -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["approve", "reject"])
def test_a_decision_is_undone(alice, rosa, kind):
    case = hold(make_image(alice, dhash=7))
    made = decide(rosa, case, kind)
    review.undo(rosa, decision=made)
    made.refresh_from_db()
    assert state(case) == Image.State.HELD
    assert made.undone_at is not None
    assert made.dhash is None
    assert (fresh(case).state, fresh(case).closed_at) == (Case.State.OPEN, None)
    assert fresh(case).claimed_by == rosa
    decide(rosa, fresh(case), "reject")
    assert state(case) == Image.State.REJECTED


def test_not_after_thirty_seconds_not_twice_and_not_another_s(alice, rosa, ada):
    made = decide(rosa, make_case(alice))
    with pytest.raises(NotPossible):
        review.undo(ada, decision=made)
    pass_time(made)
    with pytest.raises(NotPossible):
        review.undo(rosa, decision=made)
    assert state(made.case) == Image.State.SHOWN
    pass_time(made, 1)
    stale = Decision.objects.get(pk=made.pk)
    review.undo(rosa, decision=made)
    with pytest.raises(NotPossible):
        review.undo(rosa, decision=stale)


def test_what_was_reported_meanwhile_is_not_undone(alice, bob, rosa):
    made = decide(rosa, make_case(alice))
    image = Image.objects.get(pk=made.case.image_uuid)
    review.report(bob, image=image, reason="violence")
    with pytest.raises(NotPossible, match="happened"):
        review.undo(rosa, decision=made)
    assert Case.objects.filter(closed_at=None).count() == 1


# --- claims -----------------------------------------------------------------------------------


def test_two_reviewers_get_two_images(alice, rosa, ada):
    first, second = make_case(alice), make_case(alice)
    assert review.claim(rosa, case=first)
    assert not review.claim(ada, case=first)
    free = queries.unclaimed(queries.queue(ada), ada)
    assert [case.pk for case in free] == [second.pk]
    assert review.claim(rosa, case=first)


def test_a_claim_ends_after_five_minutes_and_with_the_next(alice, rosa, ada):
    first, second = make_case(alice), make_case(alice)
    review.claim(rosa, case=first)
    Case.objects.filter(pk=first.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert review.claim(ada, case=first)
    assert review.claim(ada, case=second)
    assert fresh(first).claimed_by is None


def test_a_claim_bars_nobody(alice, rosa, ada):
    case = make_case(alice)
    review.claim(rosa, case=case)
    decide(ada, case)
    assert fresh(case).claimed_by is None


def at_once(*deeds):
    """Each in a thread of its own; what each returned or raised."""
    came, gate = {}, threading.Barrier(len(deeds))

    def run(place, deed):
        gate.wait()
        try:
            came[place] = deed()
        except NotPossible as problem:
            came[place] = problem
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [came[place] for place in range(len(deeds))]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_many_who_claim_at_once_one_has_it(alice):
    case = make_case(alice)
    people = [make_user(f"r{n}@example.com", role=User.Role.REVIEWER) for n in range(6)]
    came = at_once(*(lambda who=who: review.claim(who, case=case) for who in people))
    assert came.count(True) == 1
    assert fresh(case).claimed_by == people[came.index(True)]


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_many_who_decide_at_once_one_does(alice):
    case = make_case(alice)
    people = [make_user(f"r{n}@example.com", role=User.Role.REVIEWER) for n in range(6)]
    kinds = ["approve", "reject"] * 3
    came = at_once(
        *(lambda w=w, k=k: decide(w, case, k) for w, k in zip(people, kinds, strict=True))
    )
    [made] = [one for one in came if isinstance(one, Decision)]
    assert Decision.objects.get() == made
    assert state(case) == ("shown" if made.kind == "approve" else "rejected")
    assert all("was faster" in str(one) for one in came if one is not made)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_many_who_report_at_once_one_opens_a_case(alice):
    image = make_image(alice)
    people = [make_user(f"m{n}@example.com") for n in range(5)]
    came = at_once(
        *(lambda who=who: review.report(who, image=image, reason="violence") for who in people)
    )
    assert came.count(True) == 1
    assert Case.objects.count() == 1


# --- the queue --------------------------------------------------------------------------------


def test_oldest_first_and_what_waits_for_an_answer_last(alice, rosa):
    now = timezone.now()
    third = make_case(alice, opened_at=now)
    first = make_case(alice, opened_at=now - timedelta(hours=2))
    second = make_case(alice, opened_at=now - timedelta(hours=1))
    assert list(queries.waiting()) == [first, second, third]
    review.ask(rosa, case=first, question="Why?")
    assert list(queries.waiting()) == [second, third, first]
    assert list(queries.behind(queries.waiting(), second)) == [third, first]
    assert list(queries.ahead(queries.waiting(), fresh(first))) == [third, second]
    review.answer(alice, case=fresh(first), words="Because.")
    assert list(queries.waiting()) == [first, second, third]


def test_the_queue_leaves_out_what_is_not_theirs_to_decide(alice, rosa, ada):
    own, other = make_case(rosa), make_case(alice)
    assert list(queries.queue(rosa)) == [other]
    assert list(queries.queue(ada)) == [own, other]
    assert queries.figures_waiting(rosa)["own"] == 1


# --- questions and appeals --------------------------------------------------------------------


def test_a_question_is_answered_by_the_maker_alone(alice, bob, rosa):
    case = make_case(alice)
    with pytest.raises(Invalid):
        review.ask(rosa, case=case, question=" ")
    review.ask(rosa, case=case, question="For whom?")
    assert [row.pk for row in queries.news_of(alice)] == [case.pk]
    with pytest.raises(NotPossible):
        review.answer(bob, case=fresh(case), words="Me")
    with pytest.raises(Invalid):
        review.answer(alice, case=fresh(case), words="")
    review.answer(alice, case=fresh(case), words="A course")
    assert (fresh(case).state, fresh(case).answer) == (Case.State.OPEN, "A course")
    with pytest.raises(NotPossible):
        review.answer(alice, case=fresh(case), words="And more")


def test_an_appeal_goes_to_another_reviewer_once(alice, bob, rosa, ada):
    made = decide(rosa, hold(make_image(alice, dhash=99)), "reject")
    with pytest.raises(NotPossible):
        review.appeal(bob, decision=made, words="Look again")
    case = review.appeal(alice, decision=made, words="Look again")
    assert state(case) == Image.State.REJECTED
    with pytest.raises(NotPossible):
        review.appeal(alice, decision=Decision.objects.get(pk=made.pk), words="Again")
    assert not queries.queue(rosa).exists()
    with pytest.raises(NotPossible, match="another reviewer"):
        decide(rosa, fresh(case))
    decide(ada, fresh(case))
    assert state(case) == Image.State.SHOWN
    assert not Decision.objects.filter(dhash__isnull=False).exists()


def test_what_an_appeal_came_to_is_final(alice, rosa, ada):
    made = decide(rosa, make_case(alice), "reject")
    case = review.appeal(alice, decision=made, words="Look again")
    final = decide(ada, fresh(case), "reject")
    assert not review.may_appeal(alice, Decision.objects.get(pk=final.pk))
    with pytest.raises(NotPossible):
        review.appeal(alice, decision=final, words="And again")


def test_undoing_the_answer_to_an_appeal_leaves_it_rejected(alice, rosa, ada):
    made = decide(rosa, hold(make_image(alice, dhash=99)), "reject")
    case = review.appeal(alice, decision=made, words="Look again")
    review.undo(ada, decision=decide(ada, fresh(case)))
    assert state(case) == Image.State.REJECTED
    made.refresh_from_db()
    assert made.dhash == 99


def test_a_reviewer_who_is_alone_cannot_answer_an_appeal(alice, rosa):
    made = decide(rosa, make_case(alice), "reject")
    case = review.appeal(alice, decision=made, words="Look again")
    assert "another reviewer" in review.barred(rosa, fresh(case))


def test_news_are_read_once(alice, bob, rosa):
    decide(rosa, make_case(alice), "reject")
    undone = decide(rosa, make_case(alice))
    review.undo(rosa, decision=undone)
    assert [row.kind for row in queries.news_of(alice)] == ["reject"]
    assert review.mark_seen(bob) == 0
    assert review.mark_seen(alice) == 1
    assert not queries.news_of(alice)


# --- what is kept -----------------------------------------------------------------------------


def test_the_record_outlives_the_image(alice, rosa):
    image = make_image(alice)
    made = decide(rosa, hold(image), "reject", note="No")
    Image.objects.filter(pk=image.pk).update(deleted_at=timezone.now() - timedelta(days=400))
    assert trash.purge() == 1
    made.refresh_from_db()
    assert made.case.image is None
    assert made.case.image_uuid == image.pk
    assert (made.case.prompt, made.case.user, made.note) == ("A stone bridge", alice, "No")
    assert queries.case_of(image.pk) == made.case


@pytest.mark.parametrize("kept", [Image.State.HELD, Image.State.LOCKED])
def test_what_waits_or_is_locked_is_not_erased(alice, ada, kept):
    image = make_image(alice, deleted_at=timezone.now() - timedelta(days=400))
    Image.objects.filter(pk=image.pk).update(state=kept, has_minor=kept == Image.State.LOCKED)
    assert trash.purge() == 0
    assert trash.erase(alice, images=[image]) == 0
    assert trash.erase(ada, images=[image]) == 0
    assert Image.objects.filter(pk=image.pk).exists()


def test_an_appeal_keeps_its_image(alice, rosa):
    image = make_image(alice)
    made = decide(rosa, hold(image), "reject")
    review.appeal(alice, decision=made, words="Look again")
    Image.objects.filter(pk=image.pk).update(deleted_at=timezone.now() - timedelta(days=400))
    assert trash.purge() == 0


def test_the_queue_is_read_from_its_index(alice):
    make_case(alice)
    sql, values = queries.waiting().query.sql_with_params()
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values)
            assert "case_queue" in str(cursor.fetchall())
        else:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", values)
            assert "case_queue" in str(cursor.fetchall())
