"""The whole life of jobs as a state machine: people, workers, Venice and time in any order.

Hypothesis chooses what happens next; after every step the same sentences must be true. Workers
are made of what a process of its own would have (`Process`): its name on leases, what it holds in
memory, its locks on files. Killing one takes all of that away, at any of `MOMENTS`.

Time passes by moving what has happened back, as `builders.let_minutes_pass` does.
"""

import itertools
import sys
import threading
import uuid
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from django.core.cache import cache
from django.db import OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from generations.models import Account, Call, Generation
from generations.models.generation import MOVES, State
from generations.services import call as calls
from generations.services import generation as generations
from generations.services import image as images
from generations.services import key as keys
from generations.services import queue, spool, worker
from generations.services.errors import Invalid, NotPossible
from generations.venice.errors import VeniceError
from generations.venice.standin import StandIn
from tests.builders import MODEL, SMALL, let_minutes_pass, make_user, submit

pytestmark = [pytest.mark.services, pytest.mark.django_db]

SETTINGS = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
# A machine that is known to fail need not say so in the fewest steps.
KNOWN = settings(SETTINGS, phases=(Phase.generate,))

# What Venice answers. Most jobs are harmless, or every account would be stopped all the time.
ANSWERS = (
    *[""] * 6,
    *("400 steps", "401", "402", "422", "500", "504", "fewer", "violation-empty"),
    *("cut-before", "cut-inside", "cut-after", "empty", "not-an-image"),
    *("429", "429-absent", "429-2099", "503", "once 429", "once 503", "once overloaded"),
    *("lockout", "once lockout"),
)
PEOPLE = 4
TEXTS = ("alices-own-key-0123456789", "another-key-of-hers-0123456789")
CHANGES = ("test", "test", "remove", *TEXTS)

# When a worker is killed: before the POST, with the answer in memory, with the answer on disk,
# in the middle of the transaction that settles, and before the file of a settled answer is gone.
MOMENTS = ("unsent", "answered", "kept", "settling", "settled")
# The database is away when a call is to be settled.
AWAY = "away"
# Or it has committed, and the connection ends before it says so: nobody can tell these apart.
UNCONFIRMED = "unconfirmed"
# The first of them is what happens when all is well.
TROUBLES = ("", "", *MOMENTS, AWAY)


class Killed(BaseException):
    """SIGKILL. No `except Exception` sees it."""


class Process:
    """A worker: what is gone when it is killed."""

    def __init__(self, number: int) -> None:
        self.run = f"run-{number}"
        self.slots = worker.Slots(8)
        self.waiting: dict[uuid.UUID, worker.Due] = {}
        self.away = threading.Event()
        self.claimed: list[Call] = []
        self.heard: dict[uuid.UUID, object] = {}
        self.kept: list[spool.Kept] = []

    def end(self) -> None:
        for kept in self.kept:
            kept._unlock()


class Transport(httpx.BaseTransport):
    """To the stand-in, while the network is there."""

    def __init__(self, jobs: "Jobs") -> None:
        self._jobs, self._wsgi = jobs, httpx.WSGITransport(app=jobs.venice)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self._jobs.is_offline:
            raise httpx.ConnectError("no route to host", request=request)
        return self._wsgi.handle_request(request)


class Jobs(RuleBasedStateMachine):
    def __init__(self, people, settings, monkeypatch, *, answers, troubles) -> None:
        super().__init__()
        self._whole = transaction.atomic()
        self._whole.__enter__()
        cache.clear()
        self.people = people
        self.settings, self.monkeypatch = settings, monkeypatch
        self.venice = StandIn(latency=0, requests_per_minute=20, sleep=lambda seconds: None)
        settings.VENICE_TRANSPORT = lambda: Transport(self)
        self.is_offline = self.is_full = False
        self.trouble = ""
        # What Venice may answer, and what may happen to a worker while it settles.
        self.answers, self.troubles = answers, troubles
        self.born, self.numbers = 0, itertools.count()
        self.processes = [self._born(), self._born()]
        self.acting = self.processes[0]
        self.forms: list[tuple] = []
        # What really happened, by the call's id: what Venice was asked and what it billed.
        self.sent: dict[uuid.UUID, list] = {}
        self.kept: set[uuid.UUID] = set()
        self.states: dict[uuid.UUID, str] = {}
        self._listen()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # else a step has failed, and says more
                self._come_to_rest()
        finally:
            for process in self.processes:
                process.end()
            self._whole_is_undone()

    def _whole_is_undone(self) -> None:
        transaction.set_rollback(True)
        self._whole.__exit__(None, None, None)
        for folder in spool._folders():
            for path in folder.glob("*"):
                path.unlink()

    # --- where we listen, and where things break ------------------------------------------------

    def _listen(self) -> None:
        self._real = getattr(Jobs, "_originals", None) or {
            "ask": calls.ask,
            "settle": calls.settle,
            "finish_call": calls._finish_call,
            "keep": spool.keep,
            "left_behind": spool.left_behind,
            "claim": queue.claim,
            "write": images._write,
        }
        Jobs._originals = self._real
        replace = self.monkeypatch.setattr
        replace(calls, "ask", self._ask)
        replace(calls, "settle", self._settle)
        replace(calls, "_finish_call", self._finish_call)
        replace(spool, "keep", self._keep)
        replace(spool, "left_behind", self._left_behind)
        replace(queue, "claim", self._claim)
        replace(images, "_write", self._write)

    def _dies(self, moment: str) -> None:
        if self.trouble == moment:
            raise Killed

    def _ask(self, call):
        self._dies("unsent")
        came = self.acting.heard.pop(call.pk, None) or self._post(call)
        self._dies("answered")
        return came

    def _post(self, call):
        assert call.pk not in self.sent, "a call is sent once"
        before = len(self.venice.calls())
        came = self._real["ask"](call)
        self.sent[call.pk] = self.venice.calls()[before:]
        return came

    def _keep(self, call, answer):
        kept = self._real["keep"](call, answer)
        self.acting.kept.append(kept)
        self.kept.add(call.pk)
        self._dies("kept")
        return kept

    def _left_behind(self):
        for kept in self._real["left_behind"]():
            self.acting.kept.append(kept)
            yield kept

    def _settle(self, call, came):
        if self.trouble == AWAY:
            raise OperationalError("the connection is closed")
        self._real["settle"](call, came)
        if self.trouble == UNCONFIRMED:
            raise OperationalError("the connection is closed")
        self._dies("settled")

    def _finish_call(self, *args, **named):
        self._dies("settling")
        self._real["finish_call"](*args, **named)

    def _write(self, name, data):
        if self.is_full:
            raise OSError(28, "No space left on device")
        return self._real["write"](name, data)

    def _claim(self):
        soon = timezone.now() + timedelta(milliseconds=200)
        shut = set(Account.objects.exclude(problem="").values_list("pk", flat=True))
        shut |= set(Account.objects.filter(closed_until__gt=soon).values_list("pk", flat=True))
        call = self._real["claim"]()
        assert call is None or call.account_id not in shut, "claimed on a stopped or closed account"
        return call

    def _born(self) -> Process:
        self.born += 1
        return Process(self.born)

    @contextmanager
    def _as(self, number: int, trouble: str = ""):
        """What follows happens in this worker; when it is killed, another takes its place."""
        self.trouble = trouble
        self.acting = process = self.processes[number]
        replace = self.monkeypatch.setattr
        replace(queue, "_RUN", process.run)
        replace(worker, "slots", lambda: process.slots)
        replace(worker, "_waiting", process.waiting)
        replace(worker, "storage_is_away", process.away)
        try:
            yield process
        except Killed:
            process.end()
            self.processes[number] = self._born()
        finally:
            self.trouble = ""

    # --- people ---------------------------------------------------------------------------------

    which = st.integers(0, 30)
    worker_number = st.integers(0, 1)
    wishes = st.lists(
        st.tuples(
            st.integers(0, PEOPLE - 1),
            st.integers(0, 100),
            st.sampled_from((1, 1, 1, 2, 5, 16)),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )

    def _rows(self) -> list[Generation]:
        return list(Generation.objects.order_by("created_at", "id"))

    def _submit(self, user, prompt, count, token) -> list[Generation]:
        parameters = {"prompt": prompt, "variants": count, "seed": 7, **SMALL}
        return generations.submit(user, model=MODEL, parameters=parameters, form_token=token)

    @initialize(wishes=wishes)
    def begin(self, wishes):
        self.submit(wishes)

    @rule(wishes=wishes)
    def submit(self, wishes):
        for who, answer, count, has_token in wishes:
            prompt = f"Job {next(self.numbers)} [[{self.answers[answer % len(self.answers)]}]]"
            form = (self.people[who], prompt, count, uuid.uuid4().hex if has_token else None)
            with suppress(Invalid):
                rows = self._submit(*form)
                assert sum(row.variants for row in rows) == count
                if has_token:
                    self.forms.append((form, {row.pk for row in rows}))

    @precondition(lambda self: self.forms)
    @rule(which=which)
    def post_the_same_form_again(self, which):
        form, rows = self.forms[which % len(self.forms)]
        before = Generation.objects.count()
        assert {row.pk for row in self._submit(*form)} == rows
        assert Generation.objects.count() == before

    @precondition(lambda self: self.states)
    @rule(which=which)
    def cancel(self, which):
        rows = self._rows()
        generation = rows[which % len(rows)]
        with suppress(NotPossible):
            was_queued = generation.state == State.QUEUED
            assert generations.cancel(generation, by=generation.user) is was_queued

    @precondition(lambda self: self.states)
    @rule(which=which)
    def retry(self, which):
        rows = self._rows()
        generation = rows[which % len(rows)]
        with suppress(Invalid):
            again = generations.retry(generation, by=generation.user, form_token=None)
            assert not generation.is_active
            assert again.pk not in self.states

    @rule(who=st.sampled_from((*range(PEOPLE), None)), change=st.sampled_from(CHANGES))
    def change_keys(self, who, change):
        """None: the team's."""
        user = None if who is None else self.people[who]
        with suppress(Invalid, VeniceError):
            if change == "test":
                for key in keys._keys():
                    keys.test(key)
            elif change == "remove":
                if key := keys.own_key(user) if user else keys.team_key():
                    keys.remove(key)
            else:
                keys.save(user, change)

    # --- workers --------------------------------------------------------------------------------

    @rule(number=worker_number, most=st.integers(1, 3))
    def claim(self, number, most):
        with self._as(number) as process:
            for _ in range(most):
                if call := queue.claim():
                    process.claimed.append(call)
                    process.slots.running.add(call.generation_id)

    @precondition(lambda self: any(process.claimed for process in self.processes))
    @rule(number=worker_number, which=which)
    def venice_answers(self, number, which):
        """It has come, and is settled in a later step, or never."""
        with self._as(number) as process:
            unheard = [call for call in process.claimed if call.pk not in self.sent]
            if unheard:
                call = unheard[which % len(unheard)]
                process.heard[call.pk] = self._post(call)

    @rule(
        number=worker_number,
        which=which,
        trouble=which,
    )
    def settle(self, number, which, trouble):
        with self._as(number, self.troubles[trouble % len(self.troubles)]) as process:
            if process.claimed:
                call = process.claimed.pop(which % len(process.claimed))
            else:
                call = queue.claim()
            if call:
                worker._make(call, None)

    @rule(number=worker_number)
    def bell(self, number):
        with self._as(number):
            worker.run(threading.Event())

    @rule(number=worker_number, trouble=which)
    def settle_what_waits(self, number, trouble):
        with self._as(number, self.troubles[trouble % len(self.troubles)]):
            worker.settle_waiting()

    @rule(number=worker_number, has_sent=st.booleans())
    def kill(self, number, has_sent):
        with self._as(number) as process:
            for call in process.claimed:
                if has_sent and call.pk not in self.sent:
                    self._post(call)
            raise Killed

    # --- the rest of the world ------------------------------------------------------------------

    @rule(
        seconds=st.sampled_from((1, 4, 11, 21, 61, 125)),
        renewing=st.sampled_from(((0, 1), (0, 1), (0,), ())),
        sweeps=st.integers(0, 2),
    )
    def time_passes(self, seconds, renewing, sweeps):
        """Whoever is `renewing` lives and does what its threads do; another stands still."""
        length = timedelta(seconds=seconds)
        Account.objects.update(closed_until=F("closed_until") - length)
        Call.objects.update(
            started_at=F("started_at") - length, finished_at=F("finished_at") - length
        )
        Generation.objects.update(
            runs_after=F("runs_after") - length, lease_until=F("lease_until") - length
        )
        for account in self.venice._accounts.values():
            account._locked_until -= seconds
            for times in (account._requests, account._failures):
                earlier = [moment - seconds for moment in times]
                times.clear()
                times.extend(earlier)
        for number in renewing:
            with self._as(number) as process:
                process.slots.renew()
        for number in range(sweeps):
            self._sweep(number)

    def _sweep(self, number: int) -> None:
        with self._as(number):
            now = timezone.now()
            queue.sweep(16)
            assert not Generation.objects.filter(state=State.CALLING, lease_until__lt=now)

    @rule(change=st.sampled_from(("full", "room", "offline", "online")))
    def world_changes(self, change):
        if change in ("full", "room"):
            self.is_full = change == "full"
        else:
            self.is_offline = change == "offline"

    # --- what is always true ----------------------------------------------------------------------

    @invariant()
    def all_is_well(self):
        of: dict[uuid.UUID, list[Call]] = {}
        for call in Call.objects.order_by("number"):
            of.setdefault(call.generation_id, []).append(call)
        for row in self._rows():
            self._is_well(row, of.get(row.pk, []))
            self._moved_as_allowed(row)

    def _is_well(self, row: Generation, made: list[Call]) -> None:
        billed = [entry.usd for call in made for entry in self.sent.get(call.pk, ())]
        assert sum(usd > 0 for usd in billed) <= 1, f"{row} is paid twice"
        assert len(billed) <= queue.MOST_TRIES
        assert row.tries == len(made)
        assert [call.number for call in made] == [*range(1, len(made) + 1)]
        outcomes = [call.outcome for call in made]
        assert Call.Outcome.OPEN not in outcomes[:-1]
        last = outcomes[-1] if outcomes else None
        assert (row.state == State.CALLING) == (last == Call.Outcome.OPEN), (row.state, outcomes)
        assert (row.state == State.UNKNOWN) == (last == Call.Outcome.UNKNOWN), (row.state, outcomes)
        if row.state == State.QUEUED:
            assert set(outcomes) <= {Call.Outcome.NOT_TAKEN}
        if row.state == State.CALLING:
            assert row.lease_until
            assert row.lease_holder
        if row.state == State.UNKNOWN:
            assert row.charged is None
            assert "May have been charged" in row.error_message
        elif not row.is_active:
            assert row.charged == sum(billed, Decimal(0)), (row.state, row.error_code)

    def _moved_as_allowed(self, row: Generation) -> None:
        before, self.states[row.pk] = self.states.get(row.pk), row.state
        if before in (None, row.state) or before in (State.QUEUED, State.CALLING):
            return
        assert row.state in MOVES[State(before)], f"{before} -> {row.state}"

    # --- and in the end ---------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        """Nothing new happens, everything is back: soon nothing waits or runs, and nothing that
        came is lost."""
        self.is_offline = self.is_full = False
        for number in (0, 1):
            while self.processes[number].claimed:
                self.settle(number, 0, 0)
        # Each may have three tries, one after the other, 120 s apart.
        for _ in range(10 + 4 * Generation.objects.active().count()):
            for number in (0, 1):
                self.settle_what_waits(number, 0)
                self.bell(number)
            self.all_is_well()
            if not Generation.objects.active().exists():
                break
            self.time_passes(125, (0, 1), 1)
        assert not Generation.objects.active().exists(), "something waits for ever"
        self._nothing_is_lost()

    def _nothing_is_lost(self) -> None:
        files = [path for folder in spool._folders() for path in folder.glob("*")]
        assert not files
        came = Generation.objects.filter(calls__in=self.kept)
        assert {row.state for row in came} <= {State.SUCCEEDED, State.FAILED}
        lost = Call.objects.filter(generation__state=State.UNKNOWN).values_list("pk", flat=True)
        unclear = sum(entry.usd for pk in lost for entry in self.sent.get(pk, ()))
        known = sum(row.charged or 0 for row in self._rows())
        assert known == self.venice.invoice().usd - unclear


@pytest.fixture
def people(stocked, alice, bob, rosa) -> list:
    """Bob and Rosa on the team's key; Alice and Dora have saved the same one."""
    dora = make_user("dora@example.com")
    for user in (alice, dora):
        keys.save(user, TEXTS[0])
    return [alice, bob, rosa, dora]


def test_whatever_happens_to_jobs(people, settings, monkeypatch):
    run_state_machine_as_test(
        lambda: Jobs(people, settings, monkeypatch, answers=ANSWERS, troubles=TROUBLES),
        settings=SETTINGS,
    )


def test_whatever_happens_to_jobs_and_commits(people, settings, monkeypatch):
    answers = ("", "once 503", "once overloaded", "once 429-absent")
    troubles = ("", UNCONFIRMED)
    run_state_machine_as_test(
        lambda: Jobs(people, settings, monkeypatch, answers=answers, troubles=troubles),
        settings=KNOWN,
    )


# --- what the machine found, in the fewest steps ------------------------------------------------


def test_a_refusal_settled_twice_does_not_put_back_the_next_call(stocked, alice, monkeypatch):
    """The first worker's commit was not confirmed, so it settles again, while the job runs
    already for another worker."""
    generation = submit(alice, "Twice [[once 503]]")
    first = queue.claim()
    refusal = calls.ask(first)
    calls.settle(first, refusal)
    let_minutes_pass()
    second = queue.claim()
    answer = calls.ask(second)

    with pytest.raises(calls.AlreadySettled):
        calls.settle(first, refusal)

    generation.refresh_from_db()
    assert generation.state == State.CALLING
    assert queue.claim() is None
    calls.settle(second, answer)
    generation.refresh_from_db()
    assert generation.state == State.SUCCEEDED
    assert stocked.paid_calls("Twice") == 1


def test_a_refusal_settled_twice_does_not_deny_that_the_next_call_was_charged(stocked, alice):
    generation = submit(alice, "Denied [[once 503]]")
    first = queue.claim()
    refusal = calls.ask(first)
    calls.settle(first, refusal)
    let_minutes_pass()
    calls.ask(queue.claim())
    Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    queue.end_lost()

    with pytest.raises(calls.AlreadySettled):
        calls.settle(first, refusal)

    generation.refresh_from_db()
    assert stocked.paid_calls("Denied") == 1
    assert generation.state == State.UNKNOWN
