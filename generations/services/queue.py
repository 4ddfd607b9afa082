"""The queue: which job runs next, who holds it, and what becomes of it when its worker dies.

The broker carries doorbells, the database carries the jobs. A message says only "there may be
work": losing, doubling or reordering messages is harmless, because every move below is one
conditional UPDATE and only the process whose UPDATE changed the row goes on.

A call costs money and has no idempotency key. So `claim` commits a Call row before anything is
sent; and whoever finds a job in CALLING without a live lease (`end_lost`) moves it to UNKNOWN,
"may have been charged", never back to QUEUED. The one way back is `put_back`, by the worker
that made the call, when Venice certainly did not take it.

Who is next: accounts take turns; the account's limiter must allow a call; interactive lane
before background lane; and within a lane people take turns, by `Generation.turn`. All of that
is one index, so the next job costs the same in a line of ten and of a hundred thousand.

Leases run on the database's clock: workers' clocks may differ by days.
"""

import logging
import os
import random
import socket
import threading
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from operator import attrgetter

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Now
from django.utils import timezone

from generations.models import Account, Call, Generation, User, VeniceKey, Worker
from generations.models.generation import State
from generations.services import bell, limiter, spool, trail
from generations.services.clock import ago, ahead
from generations.venice.errors import BadKey, NoCredit

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)
# A worker that has not reported for this long is taken for dead by readyz.
SILENCE = timedelta(seconds=30)
MOST_TRIES = 3
# Seconds before the second and third try: capacity and connections; a rate limit without a time.
BACKOFF = (1.0, 2.0, 4.0)
RATE_BACKOFF = (5.0, 10.0, 20.0)

# Rows that one sweep ends of a kind; the next goes on.
MOST_AT_ONCE = 500

KEY_REMOVED = (
    "The Venice key was removed while this waited. Nothing was charged. "
    "Add a key, then run it again."
)
STOPPED = {
    Account.Problem.BAD_KEY: BadKey().public_message,
    Account.Problem.NO_CREDIT: NoCredit().public_message,
}
OTHER_MODE = (
    "Demo mode began or ended while this waited, so it was not sent. Nothing was charged. "
    "Run it again if you still want it."
)
SWITCHED_OFF = (
    "The account was switched off while this waited. It was not sent, and nothing was charged."
)
LOST = (
    "May have been charged. We stopped while Venice was working, so the answer was lost. "
    "It is sent again only if you say so."
)
RESTORED = (
    "May have been charged. This waited when the backup was made that is restored here, and may "
    "have been sent to Venice since. It is sent again only if you say so."
)


def holder() -> str:
    """This process, as leases name it."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{_RUN}"


# A process id comes back after a restart; this does not.
_RUN = uuid.uuid4().hex[:8]


# --- joining --------------------------------------------------------------------------------


def join(rows: list[Generation], *, lane: Generation.Lane) -> None:
    """Give these unsaved jobs of one person on one key their places in the line.

    The first takes the turn that is served now, or the one after this person's last; so two
    hundred jobs of one person delay another's by one, and who asks again after each image does
    not come first each time.
    """
    user, key = rows[0].user, rows[0].key
    if key is None:
        raise ValueError("A job without a key cannot join a line.")
    account = limiter.lock(key.account_id)  # two who join at once take one turn after the other
    now = account.background_turn if lane else account.interactive_turn
    # A key that was replaced takes its line along to an account that has served nobody.
    head = _line_of(key).filter(lane=lane).values_list("turn", flat=True).first()
    now = max(now, now if head is None else head)
    mine = Generation.objects.filter(key=key, user=user, lane=lane, turn__gte=now)
    last = mine.aggregate(turn=Max("turn"))["turn"]
    first = now if last is None else last + 1
    for number, row in enumerate(rows):
        row.lane, row.turn = lane, first + number


# --- taking ---------------------------------------------------------------------------------

_IN_TURN = ("lane", "turn", "created_at", "id")


def runnable() -> QuerySet[Generation]:
    """Queued jobs whose own time has come."""
    return Generation.objects.filter(state=State.QUEUED, is_demo=settings.IS_DEMO).filter(
        Q(runs_after=None) | Q(runs_after__lte=Now())
    )


def _line_of(key: VeniceKey | OuterRef) -> QuerySet[Generation]:
    return runnable().filter(key=key).order_by(*_IN_TURN)


def _open_keys() -> QuerySet[VeniceKey]:
    """Keys with a runnable job whose account is not known to be closed, in their turn."""
    # The first of the line, and not EXISTS: that PostgreSQL answers from another index, through
    # all jobs that ever ran on the key.
    first = Subquery(_line_of(OuterRef("pk")).values("pk")[:1])
    return (
        VeniceKey.objects.filter(account__problem=Account.Problem.NONE)
        .filter(Q(account__closed_until=None) | Q(account__closed_until__lte=Now()))
        .annotate(first=first)
        .exclude(first=None)
        .order_by(F("account__served_at").asc(nulls_first=True), "account")
    )


def _lines() -> list[list[VeniceKey]]:
    """The open keys, those of an account together: the same text may be saved twice."""
    found: dict[str, list[VeniceKey]] = {}
    for key in _open_keys():
        found.setdefault(key.account_id, []).append(key)
    return list(found.values())


def may_run() -> bool:
    """Whether a claim might find something. Reads only."""
    return _open_keys().exists()


# Threads of one process claim in turn. SQLite has one writer at a time, and those it turns away
# sleep and look again: 64 threads that do so kept places empty for up to 4 s (2026-11).
_claiming = threading.Lock()


def claim() -> Call | None:
    """Take the next job. The returned Call is committed: from here on money may be spent."""
    for keys in _lines():
        with _claiming, transaction.atomic():
            if call := _claim_on(keys):
                return call
    return None


def _claim_on(keys: list[VeniceKey]) -> Call | None:
    account = limiter.lock(keys[0].account_id)
    if not limiter.may_call(account):
        return None
    # A job that somebody cancels in this moment is passed over.
    lines = (_locked(_line_of(key).filter(key__account=account)) for key in keys)
    firsts = [first for line in lines if (first := line.select_related("key__account").first())]
    generation = min(firsts, key=attrgetter(*_IN_TURN), default=None)
    if generation is None or not _take(generation):
        return None
    # The row as `_take` has left it, without reading it again: 64 places claim 30 times a second.
    generation.state, generation.tries = State.CALLING, generation.tries + 1
    limiter.served(account, lane=generation.lane, turn=generation.turn)
    return Call.objects.create(
        generation=generation,
        key=generation.key,
        account=account,
        number=generation.tries,
        started_at=Now(),
    )


def _locked(rows: QuerySet[Generation]) -> QuerySet[Generation]:
    if connection.features.has_select_for_update_skip_locked:
        return rows.select_for_update(skip_locked=True, of=("self",))
    return rows


def _take(generation: Generation) -> int:
    # Whoever was let out in this moment spends nothing any more; the sweep ends the job.
    active = User.objects.filter(is_active=True)
    with trail.of(generation=generation.pk):
        return Generation.objects.filter(pk=generation.pk, user__in=active).move(
            State.QUEUED,
            State.CALLING,
            by=holder(),
            why="claimed",
            started_at=Now(),
            tries=F("tries") + 1,
            lease_holder=holder(),
            lease_until=ahead(LEASE),
            error_message="",
        )


# --- holding --------------------------------------------------------------------------------


def renew(generations: set[uuid.UUID]) -> int:
    """Extend the leases this process holds on these jobs; returns how many it still holds."""
    return Generation.objects.filter(
        pk__in=generations, state=State.CALLING, lease_holder=holder()
    ).update(lease_until=ahead(LEASE))


def report(*, places: int) -> None:
    """Say that this process lives; what has been silent for a day is forgotten."""
    unsettled, stuck = spool.left()
    values = {"places": places, "unsettled": unsettled, "stuck": stuck}
    Worker.objects.update_or_create(
        holder=holder(), defaults={"seen_at": Now(), "clock": timezone.now(), **values}
    )
    Worker.objects.filter(seen_at__lt=ago(timedelta(days=1))).delete()


def has_worker() -> bool:
    return _living().exists()


def places() -> Subquery:
    """How many calls all living workers make at once."""
    one = _living().order_by().annotate(one=Value(1)).values("one")
    return Subquery(one.annotate(places=Sum("places")).values("places"))


def _living() -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gte=ago(SILENCE))


# --- giving back ----------------------------------------------------------------------------


def put_back(call: Call, *, wait: timedelta, why: str) -> bool:
    """Queue the job again after `wait`: only when Venice did not take this call, its newest.

    The caller has closed the call in the same transaction, so that it happens once.
    """
    moved = Generation.objects.filter(pk=call.generation_id, tries=call.number).move(
        State.CALLING,
        State.QUEUED,
        by=holder(),
        why=why,
        runs_after=ahead(wait),
        lease_until=None,
        lease_holder="",
    )
    transaction.on_commit(lambda: bell.ring(after=wait))
    return bool(moved)


def backoff(
    tries: int, *, is_rate_limit: bool, retry_at: datetime | None, now: datetime
) -> timedelta:
    """How long to wait before the next try: what Venice said, else longer each time."""
    if retry_at is not None:
        return max(retry_at - now, timedelta(0)) + timedelta(seconds=random.uniform(0, 0.5))
    steps = RATE_BACKOFF if is_rate_limit else BACKOFF
    seconds = steps[min(tries, len(steps)) - 1]
    return timedelta(seconds=seconds * random.uniform(1.0, 1.25))


# --- sweeping -------------------------------------------------------------------------------


def sweep(most_bells: int) -> int:
    """Beat's round: end what cannot go on, ring for what may run. Returns how many bells rang."""
    end_lost()
    end_of_other_mode()
    end_without_account()
    end_of_the_deactivated()
    waiting = runnable().filter(key__in=list(_open_keys()))[:most_bells].count()
    for _ in range(waiting):
        bell.ring()
    return waiting


def end_of_other_mode() -> int:
    """What was asked for in demo mode is not sent to Venice after it, nor the other way round."""
    rows = Generation.objects.filter(is_demo=not settings.IS_DEMO)
    return _end_unsent(rows, why="demo mode began or ended", code="mode_changed", says=OTHER_MODE)


def end_without_account() -> int:
    """Jobs whose key was removed, or was refused while they joined its line."""
    done = _end_unsent(
        Generation.objects.filter(key=None), why="key removed", code="bad_key", says=KEY_REMOVED
    )
    for problem, says in STOPPED.items():
        if keys := list(VeniceKey.objects.filter(account__problem=problem)):
            rows = Generation.objects.filter(key__in=keys)
            done += _end_unsent(rows, why="key stopped", code=problem.value, says=says)
    return done


def end_of_the_deactivated() -> int:
    """Jobs that came in, or came back from a try, while their person was let out."""
    people = list(User.objects.filter(is_active=False).values_list("pk", flat=True))
    # What waits was never dismissed: that names the index of a person's open matters.
    rows = Generation.objects.filter(user__in=people, state=State.QUEUED, is_dismissed=False)
    ids = list(rows.values_list("pk", flat=True)[:MOST_AT_ONCE])
    return Generation.objects.filter(pk__in=ids).move(
        State.QUEUED,
        State.CANCELLED,
        by=holder(),
        why="deactivated",
        finished_at=Now(),
        charged=Decimal(0),
        error_code="deactivated",
        error_message=SWITCHED_OFF,
    )


def _end_unsent(rows: QuerySet[Generation], *, why: str, code: str, says: str) -> int:
    ids = list(rows.filter(state=State.QUEUED).values_list("pk", flat=True)[:MOST_AT_ONCE])
    return Generation.objects.filter(pk__in=ids).move(
        State.QUEUED,
        State.FAILED,
        by=holder(),
        why=why,
        finished_at=Now(),
        charged=Decimal(0),
        error_code=code,
        error_message=says,
    )


def end_lost() -> int:
    """CALLING without a live lease becomes UNKNOWN. Never QUEUED: it may have been charged."""
    lost = list(
        Generation.objects.filter(state=State.CALLING, lease_until__lt=Now()).values_list(
            "pk", flat=True
        )[:MOST_AT_ONCE]
    )
    return sum(_end_lost(pk) for pk in lost)


def end_restored() -> int:
    """Jobs that waited when a backup was made, and may have been sent to Venice since: nobody
    here can know. So they end as those do whose answer was lost, and are not sent by themselves.

    Over CALLING, as a job goes that is sent. What was CALLING already, the sweep ends. Returns
    how many waited.
    """
    waited = list(Generation.objects.filter(state=State.QUEUED).values_list("pk", flat=True))
    for start in range(0, len(waited), MOST_AT_ONCE):
        rows = Generation.objects.filter(pk__in=waited[start : start + MOST_AT_ONCE])
        rows.move(State.QUEUED, State.CALLING, by="restore", why="may have been sent since")
        rows.move(
            State.CALLING,
            State.UNKNOWN,
            by="restore",
            why="waited when the backup was made",
            started_at=None,
            finished_at=Now(),
            error_code="outcome_unknown",
            error_message=RESTORED,
        )
    return len(waited)


@transaction.atomic
def _end_lost(pk: uuid.UUID) -> int:
    with trail.of(generation=pk):
        moved = _lose(pk)
    if moved:
        Call.objects.filter(generation=pk, outcome=Call.Outcome.OPEN).update(
            outcome=Call.Outcome.UNKNOWN, finished_at=Now(), error_code="worker_lost"
        )
    return moved


def _lose(pk: uuid.UUID) -> int:
    return Generation.objects.filter(pk=pk, lease_until__lt=Now()).move(
        State.CALLING,
        State.UNKNOWN,
        by="sweep",
        why="lease ended",
        finished_at=Now(),
        error_code="outcome_unknown",
        error_message=LOST,
    )
