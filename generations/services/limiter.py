"""When the next call on an account may start: its minute, its pauses, and its failures.

Venice allows an account so many requests in any rolling 60 s, and locks out whoever fails more
than 20 times in 30 s. All processes count in the same rows (`Call`) under one lock (`Account`),
on the database's clock; nothing here sleeps. `queue.claim` asks before each call.

What the limiter knows for certain it writes down as `closed_until`, so that nobody asks again
before that time, and a bell is set for it.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, FilteredRelation, Max, Min, Q, Subquery, Value
from django.db.models.functions import Greatest, Now

from generations.models import Account, Call
from generations.services import bell
from generations.services.clock import ago, ahead

logger = logging.getLogger(__name__)

MINUTE = timedelta(seconds=60)
# A request counts at Venice when it arrives there, and here when the call is written down. Two
# that leave a minute apart may arrive closer together: by the time that it takes to connect.
MARGIN = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(seconds=120)

# Venice's own rule is 20; one failure more may be on its way from somebody else's script.
FAILURE_WINDOW = timedelta(seconds=30)
MOST_FAILURES = 18
# Requests a minute of Venice's partners, the highest limit that it names (2026-08).
MOST_GRANTED = 60
FAILED = (Call.Outcome.REFUSED, Call.Outcome.NOT_TAKEN, Call.Outcome.UNKNOWN)

Closed = Account.Closed


# --- deciding -------------------------------------------------------------------------------


def lock(fingerprint: str) -> Account:
    """The account's row, which nobody else may claim on before this transaction ends; with `now`,
    the database's clock."""
    rows = Account.objects.select_for_update(no_key=True)
    return rows.annotate(now=Now()).get(pk=fingerprint)


def may_call(account: Account) -> bool:
    """Whether a call may start now on this account, which `lock` has given.

    When it is known how long it may not, the account is closed until then.
    """
    if account.problem or _is_closed(account):
        return False
    counts = _counts(account)
    if counts.minute >= limit(account) and (wait := _until_the_minute_has_room(account)):
        close(account, wait, Closed.FULL)
        return False
    return _risks_no_lockout(account, counts)


def _is_closed(account: Any) -> bool:
    return account.closed_until is not None and account.closed_until > account.now


def limit(account: Account) -> int:
    """Calls that we make in a rolling minute: Venice's figure less what the operator keeps back."""
    return max(1, account.per_minute - settings.RATE_MARGIN)


def _until_the_minute_has_room(account: Account) -> timedelta | None:
    """None when it has. Else how long until the call leaves the window that fills it."""
    most = limit(account)
    calls = Call.objects.filter(account=account, started_at__gt=ago(MINUTE + MARGIN))
    in_the_way = calls.order_by("-started_at").annotate(now=Now())[most - 1 : most]
    for call in in_the_way:
        return max(call.started_at + MINUTE + MARGIN - call.now, timedelta(milliseconds=1))
    return None


def _risks_no_lockout(account: Account, counts: "_Counts") -> bool:
    """Whether the failures of the last 30 s stay below Venice's rule even if every call that is
    under way fails too.

    An account whose limit is beyond all that Venice grants today may have more at once while
    nothing has failed, by the calls that arrived: or 64 places would never be filled. What nobody
    has tested yet, or seems to have no credit, is tried singly.
    """
    if counts.open and _is_on_trial(account):
        return False
    if counts.open + counts.failed < MOST_FAILURES:
        return True
    if not counts.failed and limit(account) > MOST_GRANTED:
        return counts.open < MOST_FAILURES + counts.arrived // 2
    if not counts.open:
        close(account, _until_a_failure_is_forgotten(account), Closed.FAILING)
    return False


class _Counts(NamedTuple):
    """Calls of an account: started within the minute; under way; failed and arrived within
    Venice's window."""

    minute: int
    open: int
    failed: int
    arrived: int


def _counts(account: Account) -> _Counts:
    """In one query: it stands in the way of every call."""
    lately = Q(finished_at__gt=ago(FAILURE_WINDOW))
    kinds = {
        "minute": Q(started_at__gt=ago(MINUTE + MARGIN)),
        "open": Q(outcome=Call.Outcome.OPEN),
        "failed": Q(lately, outcome__in=FAILED) & ~_LOST_HERE,
        "arrived": Q(lately, outcome=Call.Outcome.ARRIVED),
    }
    if limit(account) <= MOST_GRANTED:
        del kinds["arrived"]  # nobody asks, and there may be many
    rows = Call.objects.filter(account=account).filter(reduce(or_, kinds.values()))
    counts = rows.aggregate(**{name: Count("pk", filter=kind) for name, kind in kinds.items()})
    return _Counts(**{"arrived": 0, **counts})


def _is_on_trial(account: Account) -> bool:
    if account.tested_at is None:
        return True
    balances = [b for b in (account.balance_usd, account.balance_diem) if b is not None]
    return bool(balances) and max(balances) <= 0


# Venice knows nothing of what our own workers lost.
_LOST_HERE = Q(error_code="worker_lost")


def _until_a_failure_is_forgotten(account: Account) -> timedelta:
    failures = Call.objects.filter(
        account=account, outcome__in=FAILED, finished_at__gt=ago(FAILURE_WINDOW)
    ).exclude(_LOST_HERE)
    oldest = failures.order_by("finished_at").annotate(now=Now()).first()
    if oldest is None or oldest.finished_at is None:
        return timedelta(seconds=1)
    return oldest.finished_at + FAILURE_WINDOW - oldest.now + timedelta(milliseconds=50)


# --- closing and serving --------------------------------------------------------------------


def close(account: Account, wait: timedelta, why: Closed) -> None:
    """Start no call on this account for so long, at most 120 s; a bell is set for the time."""
    wait = min(wait, LONGEST_PAUSE)
    until = ahead(wait)
    Account.objects.filter(pk=account.pk).filter(
        Q(closed_until=None) | Q(closed_until__lt=until)
    ).update(closed_until=until, closed_for=why)
    if why != Closed.FULL:
        logger.warning("%s: no call for %.1f s: %s", account, wait.total_seconds(), why)
    transaction.on_commit(lambda: bell.ring(after=wait))


def served(account: Account, *, lane: int, turn: int) -> None:
    """Note that somebody had their turn: what joins the line now stands no further ahead."""
    column = "background_turn" if lane else "interactive_turn"
    Account.objects.filter(pk=account.pk).update(
        served_at=Now(), **{column: Greatest(F(column), Value(turn))}
    )


def minute(account: Account) -> tuple[int, int, timedelta]:
    """Calls that may start in a rolling minute, how many did, and how long until one of these
    leaves it; nothing when none did."""
    calls = Call.objects.filter(account=account, started_at__gt=ago(MINUTE + MARGIN))
    found = calls.aggregate(count=Count("pk"), first=Min("started_at"), now=Max(Now()))
    wait = found["first"] + MINUTE + MARGIN - found["now"] if found["count"] else timedelta(0)
    return limit(account), found["count"], wait


# --- telling people -------------------------------------------------------------------------


@dataclass
class Line:
    """What decides how long the queue of an account takes, as seen at one moment."""

    now: datetime
    limit: int
    closed_until: datetime | None = None
    closed_for: str = ""
    # Calls that all workers make at once, and how many of this account they are making.
    places: int = 1
    busy: int = 0
    # Starts of the calls that still count in the rolling minute, oldest first.
    starts: list[datetime] = field(default_factory=list)

    @property
    def is_closed(self) -> bool:
        return self._paused() > timedelta(0)

    def wait(self, ahead: int, usual: float) -> timedelta:
        """Until the call of somebody with so many jobs ahead starts, when calls take `usual`
        seconds: what the slowest of pause, limiter and places allows."""
        return max(self._paused(), self._limited(ahead), self._crowded(ahead, usual))

    def _paused(self) -> timedelta:
        return max((self.closed_until or self.now) - self.now, timedelta(0))

    def _limited(self, ahead: int) -> timedelta:
        left = ahead - max(self.limit - len(self.starts), 0)
        if left < 0:
            return timedelta(0)
        rounds, number = divmod(left, self.limit)
        # A full window empties in the order in which it filled, and fills again alike.
        start = self.starts[number] if number < len(self.starts) else self.now
        return max(start + (rounds + 1) * (MINUTE + MARGIN) - self.now, timedelta(0))

    def _crowded(self, ahead: int, usual: float) -> timedelta:
        over = ahead - max(self.places - self.busy, 0)
        return timedelta(seconds=(over // self.places + 1) * usual) if over >= 0 else timedelta(0)


def lines(fingerprints: Collection[str], *, places: Subquery) -> dict[str, Line]:
    """The line of each of these accounts. `places` reads how many calls workers make at once."""
    # What is under way began lately. Without that bound SQLite reads every call of an account:
    # half a second at 100,000 of them (2026-11).
    longest = timedelta(seconds=settings.CALL_TIMEOUT) + 2 * MINUTE
    counted = FilteredRelation(
        "calls",
        condition=Q(calls__started_at__gt=ago(longest))
        & (Q(calls__started_at__gt=ago(MINUTE + MARGIN)) | Q(calls__outcome=Call.Outcome.OPEN)),
    )
    rows = Account.objects.filter(pk__in=fingerprints).annotate(
        now=Now(),
        places=places,
        counted=counted,
        start=F("counted__started_at"),
        outcome=F("counted__outcome"),
    )
    found: dict[str, Line] = {}
    for row in rows.order_by("start"):
        line = found.setdefault(row.pk, _line(row))
        line.busy += row.outcome == Call.Outcome.OPEN
        if row.start and row.start > line.now - MINUTE - MARGIN:
            line.starts = [*line.starts, row.start][-line.limit :]
    return found


def _line(account: Any) -> Line:
    return Line(
        now=account.now,
        limit=limit(account),
        closed_until=account.closed_until,
        closed_for=account.closed_for,
        places=max(account.places or 0, 1),
    )
