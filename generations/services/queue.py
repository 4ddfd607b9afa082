"""The queue: which job runs next, who holds it, and what becomes of it when its worker dies.

The broker carries doorbells, the database carries the jobs. A message says only "there may be
work": losing, doubling or reordering messages is harmless, because every move below is one
conditional UPDATE and only the process whose UPDATE changed the row goes on.

A call costs money and has no idempotency key. So `claim` commits a Call row before anything is
sent; and whoever finds a job in CALLING without a live lease (`end_lost`) moves it to UNKNOWN,
"may have been charged", never back to QUEUED.

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

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from generations.models import Call, Generation, Worker
from generations.models.generation import State
from generations.services import bell

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=20)
# A worker that has not reported for this long is taken for dead by readyz.
SILENCE = timedelta(seconds=30)
MOST_TRIES = 3
# Seconds before the second and third try: capacity and connections; a rate limit without a time.
BACKOFF = (1.0, 2.0, 4.0)
RATE_BACKOFF = (5.0, 10.0, 20.0)

OTHER_MODE = (
    "Demo mode began or ended while this waited, so it was not sent. Nothing was charged. "
    "Run it again if you still want it."
)
LOST = (
    "May have been charged. We stopped while Venice was working, so the answer was lost. "
    "It is sent again only if you say so."
)


def holder() -> str:
    """This process, as leases name it."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{_RUN}"


# A process id comes back after a restart; this does not.
_RUN = uuid.uuid4().hex[:8]


# --- taking ---------------------------------------------------------------------------------


def runnable() -> QuerySet[Generation]:
    """Jobs that may start now, in the order in which they should."""
    return (
        Generation.objects.filter(state=State.QUEUED, is_demo=settings.IS_DEMO)
        .filter(Q(runs_after=None) | Q(runs_after__lte=Now()))
        .order_by("lane", "created_at", "id")
    )


# Threads of one process claim in turn. SQLite has one writer at a time, and those it turns away
# sleep and look again: 64 threads that do so kept places empty for up to 4 s (2026-11).
_claiming = threading.Lock()


def claim() -> Call | None:
    """Take the next job. The returned Call is committed: from here on money may be spent."""
    with _claiming, transaction.atomic():
        pk = _lock_next()
        if pk is None:
            return None
        moved = Generation.objects.filter(pk=pk).move(
            State.QUEUED,
            State.CALLING,
            by=holder(),
            why="claimed",
            started_at=Now(),
            tries=F("tries") + 1,
            lease_holder=holder(),
            lease_until=_lease_end(),
        )
        if not moved:
            return None
        generation = Generation.objects.select_related("key").get(pk=pk)
        return Call.objects.create(
            generation=generation,
            key=generation.key,
            number=generation.tries,
            started_at=Now(),
        )


def _lock_next() -> uuid.UUID | None:
    # On PostgreSQL parallel claims pass over each other's row; SQLite has one writer at a time.
    rows = runnable().values_list("pk", flat=True)
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    return rows.first()


# --- holding --------------------------------------------------------------------------------


def renew(generations: set[uuid.UUID]) -> int:
    """Extend the leases this process holds on these jobs; returns how many it still holds."""
    return Generation.objects.filter(
        pk__in=generations, state=State.CALLING, lease_holder=holder()
    ).update(lease_until=_lease_end())


def report() -> None:
    """Say that this process lives; what has been silent for a day is forgotten."""
    Worker.objects.update_or_create(holder=holder(), defaults={"seen_at": Now()})
    Worker.objects.filter(seen_at__lt=_ago(timedelta(days=1))).delete()


def has_worker() -> bool:
    return Worker.objects.filter(seen_at__gte=_ago(SILENCE)).exists()


def _ago(length: timedelta) -> Combinable:
    return ExpressionWrapper(Now() - length, output_field=DateTimeField())


def _lease_end() -> Combinable:
    return ExpressionWrapper(Now() + LEASE, output_field=DateTimeField())


# --- giving back ----------------------------------------------------------------------------


def put_back(call: Call, *, wait: timedelta, why: str) -> bool:
    """Queue the job again after `wait`: only when Venice did not take the request.

    False when its tries are used up; the caller ends it then.
    """
    generation = call.generation
    if generation.tries >= MOST_TRIES:
        return False
    moved = Generation.objects.filter(pk=generation.pk).move(
        State.CALLING,
        State.QUEUED,
        by=holder(),
        why=why,
        runs_after=ExpressionWrapper(Now() + wait, output_field=DateTimeField()),
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
    """Beat's round: end the jobs of dead workers, ring for what may run. Returns runnable jobs."""
    end_lost()
    end_of_other_mode()
    waiting = runnable()[: most_bells + 1].count()
    for _ in range(min(waiting, most_bells)):
        bell.ring()
    return waiting


def end_of_other_mode() -> int:
    """What was asked for in demo mode is not sent to Venice after it, nor the other way round."""
    return Generation.objects.exclude(is_demo=settings.IS_DEMO).move(
        State.QUEUED,
        State.FAILED,
        by="sweep",
        why="demo mode began or ended",
        finished_at=Now(),
        charged=Decimal(0),
        error_code="mode_changed",
        error_message=OTHER_MODE,
    )


def end_lost() -> int:
    """CALLING without a live lease becomes UNKNOWN. Never QUEUED: it may have been charged."""
    lost = list(
        Generation.objects.filter(state=State.CALLING, lease_until__lt=Now())[:500].values_list(
            "pk", flat=True
        )
    )
    return sum(_end_lost(pk) for pk in lost)


@transaction.atomic
def _end_lost(pk: uuid.UUID) -> int:
    moved = Generation.objects.filter(pk=pk, lease_until__lt=Now()).move(
        State.CALLING,
        State.UNKNOWN,
        by="sweep",
        why="lease ended",
        finished_at=Now(),
        error_code="outcome_unknown",
        error_message=LOST,
    )
    if moved:
        Call.objects.filter(generation=pk, outcome=Call.Outcome.OPEN).update(
            outcome=Call.Outcome.UNKNOWN, finished_at=Now(), error_code="worker_lost"
        )
    return moved
