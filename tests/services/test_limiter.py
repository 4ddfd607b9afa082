"""The limiter of an account: its minute, its pauses, its failures, and what people are told."""

from datetime import UTC, datetime, timedelta

import pytest

from generations.models import Account, Call, Generation
from generations.models.generation import State
from generations.services import call as calls
from generations.services import key as keys
from generations.services import limiter, queue
from generations.services.limiter import MARGIN, MINUTE, MOST_FAILURES, Line
from generations.venice.types import AccountState
from tests.builders import let_minutes_pass, submit

pytestmark = [pytest.mark.services, pytest.mark.django_db]


@pytest.fixture
def account(stocked) -> Account:
    account = keys.team_key().account
    Account.objects.update(requests_per_minute=5)
    return account


def claim_all() -> list[Call]:
    found = []
    while call := queue.claim():
        found.append(call)
    return found


def answered(*taken: Call) -> None:
    for call in taken:
        calls.settle(call, calls.ask(call))


# --- the minute -------------------------------------------------------------------------------


def test_a_minute_holds_as_many_calls_as_venice_allows(account, alice):
    for number in range(7):
        submit(alice, f"Row {number}")
    taken = claim_all()
    answered(*taken)

    assert len(taken) == 5
    assert queue.claim() is None
    account.refresh_from_db()
    assert account.closed_for == Account.Closed.FULL

    let_minutes_pass()
    assert len(claim_all()) == 2


def test_the_window_rolls(account, alice):
    """What left the window makes room, one for one; not a moment earlier."""
    for number in range(9):
        submit(alice, f"Rolling {number}")
    taken = claim_all()
    answered(*taken)
    window = MINUTE + MARGIN
    ages = [window + timedelta(seconds=1)] * 2 + [window - timedelta(seconds=5)] * 3
    for call, age in zip(taken, ages, strict=True):
        Call.objects.filter(pk=call.pk).update(started_at=limiter.ago(age))
    Account.objects.update(closed_until=None)

    assert len(claim_all()) == 2


def test_a_bell_is_set_for_the_time_at_which_there_is_room(
    account, alice, bells, django_capture_on_commit_callbacks
):
    for number in range(6):
        submit(alice, f"Bell {number}")
    answered(*claim_all())
    bells.clear()
    Account.objects.update(closed_until=None)
    with django_capture_on_commit_callbacks(execute=True):
        assert queue.claim() is None
    assert len(bells) == 1
    assert 55 < bells[0] <= (MINUTE + MARGIN).total_seconds()

    # Nobody asks again before that time, so there is no second bell.
    with django_capture_on_commit_callbacks(execute=True):
        assert queue.claim() is None
    assert len(bells) == 1


def test_the_operator_may_keep_some_of_the_minute_for_others(account, alice, settings):
    settings.RATE_MARGIN = 3
    for number in range(4):
        submit(alice, f"Kept back {number}")
    assert len(claim_all()) == 2


def test_a_margin_above_the_limit_leaves_one_call(account, alice, settings):
    settings.RATE_MARGIN = 1000
    submit(alice), submit(alice)
    assert len(claim_all()) == 1


def test_headers_may_lower_the_limit_and_a_test_of_the_key_forgets_them(account):
    keys.note_account(account, AccountState(limit_requests=2))
    account.refresh_from_db()
    assert account.per_minute == 2
    keys.note_account(account, AccountState(limit_requests=500))
    account.refresh_from_db()
    assert account.per_minute == 5
    keys.test(keys.team_key())
    account.refresh_from_db()
    assert account.per_minute == 10_000


@pytest.mark.parametrize("told", [0, -5, None, 10**19])
def test_nonsense_in_headers_changes_no_limit(account, told):
    keys.note_account(account, AccountState(limit_requests=told))
    account.refresh_from_db()
    assert account.per_minute == 5


def test_two_people_with_the_same_key_share_its_minute(account, alice, bob):
    keys.save(alice, "one-and-the-same-key-0123456789")
    keys.save(bob, "one-and-the-same-key-0123456789")
    Account.objects.update(requests_per_minute=3)
    for number in range(3):
        submit(alice, f"Ours {number}")
        submit(bob, f"Ours too {number}")
    assert len(claim_all()) == 3


def test_a_key_removed_and_saved_again_has_not_a_fresh_minute(account, alice):
    text = "a-key-that-comes-back-0123456789"
    keys.save(alice, text)
    Account.objects.update(requests_per_minute=2)
    submit(alice), submit(alice)
    answered(*claim_all())
    keys.remove(keys.own_key(alice))
    keys.save(alice, text)
    Account.objects.update(requests_per_minute=2)
    submit(alice)
    assert queue.claim() is None


# --- pauses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", ["429", "429-seconds", "429-date"])
def test_a_rate_limit_pauses_the_whole_account_until_the_time_it_names(
    account, alice, bob, run_jobs, marker
):
    submit(alice, f"Told to wait [[once {marker}]]")
    answered(queue.claim())
    submit(bob, "Would be told the same")

    assert queue.claim() is None
    account.refresh_from_db()
    assert account.closed_for == Account.Closed.RATE_LIMITED
    assert 15 < _seconds_closed(account) < 25
    let_minutes_pass()
    assert len(claim_all()) == 2


@pytest.mark.parametrize(
    ("marker", "least", "most"),
    [("429-absent", 4, 8), ("429-past", 4, 8), ("429-2099", 110, 122)],
)
def test_a_reset_that_cannot_be_used_is_a_short_wait_and_none_is_long(
    account, alice, marker, least, most
):
    submit(alice, f"Strange [[{marker}]]")
    answered(queue.claim())
    account.refresh_from_db()
    assert least <= _seconds_closed(account) <= most


def test_a_lockout_pauses_every_call_of_that_account_and_no_other(account, alice, bob):
    keys.save(bob, "bobs-own-key-0123456789")
    submit(alice, "Locked [[once lockout]]")
    answered(queue.claim())
    account.refresh_from_db()
    assert account.closed_for == Account.Closed.LOCKED_OUT
    submit(alice, "Waits")
    other = submit(bob, "Goes on")

    assert [call.generation_id for call in claim_all()] == [other.pk]


def test_a_shorter_pause_does_not_end_a_longer_one(account):
    limiter.close(account, timedelta(seconds=60), Account.Closed.LOCKED_OUT)
    limiter.close(account, timedelta(seconds=5), Account.Closed.RATE_LIMITED)
    account.refresh_from_db()
    assert account.closed_for == Account.Closed.LOCKED_OUT
    assert _seconds_closed(account) > 50


def _seconds_closed(account: Account) -> float:
    return (account.closed_until - datetime.now(UTC)).total_seconds()


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("marker", ["400 steps", "404", "422", "500", "503", "cut-after"])
def test_failures_of_every_kind_stay_below_a_lockout(stocked, alice, marker):
    for number in range(40):
        submit(alice, f"Fails {number} [[{marker}]]")
    answered(*claim_all())
    for _ in range(30):
        answered(*claim_all())

    assert MOST_FAILURES <= len(stocked.calls("Fails")) < 20
    account = keys.team_key().account
    assert account.closed_for == Account.Closed.FAILING
    assert 0 < _seconds_closed(account) <= 31
    let_minutes_pass()
    assert queue.claim() is not None


def test_calls_under_way_count_as_failures_that_may_come(stocked, alice):
    for number in range(30):
        submit(alice, f"Under way {number}")
    assert len(claim_all()) == MOST_FAILURES


def test_calls_that_arrive_make_room_for_more_at_once(stocked, alice):
    for number in range(70):
        submit(alice, f"Healthy {number}")
    answered(*claim_all())
    assert len(claim_all()) == MOST_FAILURES + MOST_FAILURES // 2


def test_what_our_own_worker_lost_is_no_failure_at_venice(stocked, alice):
    for number in range(MOST_FAILURES):
        submit(alice, f"Lost {number}")
    claim_all()
    Generation.objects.update(lease_until=datetime(2020, 1, 1, tzinfo=UTC))
    assert queue.end_lost() == MOST_FAILURES
    submit(alice, "Goes on")
    assert queue.claim() is not None


@pytest.mark.parametrize("change", [{"tested_at": None}, {"balance_usd": 0, "balance_diem": None}])
def test_an_account_on_trial_makes_one_call_at_a_time(stocked, alice, change):
    Account.objects.update(**change)
    submit(alice, "First [[401]]"), submit(alice, "Second")
    (only,) = claim_all()
    answered(only)

    assert len(stocked.calls()) == 1
    assert set(Generation.objects.values_list("state", "error_code")) == {(State.FAILED, "bad_key")}


def test_one_persons_bad_key_never_delays_another(stocked, alice, bob):
    keys.save(alice, "alices-own-key-0123456789")
    for number in range(5):
        submit(alice, f"Refused {number} [[401]]")
    other = submit(bob, "Not concerned")
    first, second = queue.claim(), queue.claim()
    answered(first, second)

    other.refresh_from_db()
    assert other.state == State.SUCCEEDED
    assert queue.claim() is None
    assert len(stocked.calls("Refused")) <= 1


def test_a_job_that_joined_while_its_key_was_refused_ends_in_words(stocked, alice):
    late = submit(alice, "Late")
    keys.stop(keys.team_key().account, Account.Problem.NO_CREDIT)

    assert queue.claim() is None
    queue.sweep(1)
    late.refresh_from_db()
    assert (late.state, late.error_code, late.charged) == (State.FAILED, "no_credit", 0)
    assert "Nothing was charged" in late.error_message


# --- what people are told ------------------------------------------------------------------------

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = (MINUTE + MARGIN).total_seconds()


def line(**fields) -> Line:
    return Line(**{"now": NOW, "limit": 3, "places": 2, **fields})


def ago(*seconds: float) -> list[datetime]:
    return [NOW - timedelta(seconds=length) for length in seconds]


@pytest.mark.parametrize(
    ("ahead", "wait"),
    [(0, 0), (1, 0), (2, 10), (3, WINDOW), (5, WINDOW), (6, 2 * WINDOW), (300, 100 * WINDOW)],
)
def test_the_wait_of_an_empty_minute(ahead, wait):
    assert line(limit=3).wait(ahead, usual=10).total_seconds() == wait


def test_the_wait_of_a_full_minute_is_until_its_first_call_leaves():
    full = line(starts=ago(50, 30, 10), places=10)
    waits = [full.wait(ahead, usual=1).total_seconds() for ahead in range(5)]
    assert waits == [WINDOW - 50, WINDOW - 30, WINDOW - 10, 2 * WINDOW - 50, 2 * WINDOW - 30]


def test_a_pause_is_the_least_wait():
    paused = line(closed_until=NOW + timedelta(seconds=25))
    assert paused.is_closed
    assert paused.wait(0, usual=1).total_seconds() == 25


def test_busy_places_are_waited_for():
    busy = line(limit=100, places=2, busy=2)
    assert busy.wait(0, usual=8).total_seconds() == 8
    assert busy.wait(3, usual=8).total_seconds() == 16


def test_the_line_is_read_in_one_query(account, alice, bob, django_assert_num_queries):
    keys.save(bob, "bobs-own-key-0123456789")
    for number in range(3):
        submit(alice, f"Read {number}"), submit(bob, f"Read {number}")
    (first, *_) = claim_all()
    queue.report(places=7)
    names = list(Account.objects.values_list("pk", flat=True))
    with django_assert_num_queries(1):
        found = limiter.lines(names, places=queue.places())
    assert found.keys() == set(names)
    mine = found[first.account_id]
    assert (mine.busy, len(mine.starts), mine.places, mine.limit) == (3, 3, 7, 5)
