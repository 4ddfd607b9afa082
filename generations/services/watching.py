"""The figures of this installation that all of its processes share: read from the database, each a
bounded stretch of it, and kept for some seconds, so that many who look cost as much as one."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.core.cache import cache
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Now

from generations import queries
from generations.models import Account, Call, Generation, Image, VeniceKey, WebhookDelivery
from generations.models.generation import State
from generations.models.spend import MAYBE, Month, total
from generations.services import beat, limiter, queue
from generations.services.clock import ago

T = TypeVar("T")

# What is read again after so many seconds: the queue and who works on it; the calls of the hour and
# the month's sum; the storage, which is a look at every image.
FRESH, RECENT, SLOW = 5, 30, 600
HOUR = timedelta(hours=1)
# The newest calls of the hour that are looked at: all of them up to 160 a minute.
MOST_CALLS = 10_000
# Labels are for good in whatever stores them: so many, and no more.
MOST_ACCOUNTS, MOST_MODELS = 100, 40
OTHER = "other"
QUANTILES = (0.5, 0.95, 0.99)
LANES: dict[int, str] = {lane.value: lane.name.lower() for lane in Generation.Lane}


@dataclass(frozen=True, slots=True)
class Spread:
    """Lengths of time, in seconds. `quantiles`: so many of a hundred took no longer."""

    count: int
    total: float
    quantiles: dict[float, float]

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Spread":
        found = sorted(seconds)
        last = len(found) - 1
        return cls(len(found), sum(found), {q: found[round(last * q)] for q in QUANTILES})


@dataclass(frozen=True, slots=True)
class Hour:
    """The newest calls of the last hour."""

    # Model, lane and outcome -> how many.
    calls: dict[tuple[str, str, str], int]
    # Model -> how long those took that Venice answered.
    took: dict[str, Spread]
    # Model and lane -> from asking to the first call.
    waited: dict[tuple[str, str], Spread]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """The line of an account at Venice. Nothing here leads to its key."""

    name: str
    # The last four of a team's key; of a person's own not even these.
    key: str
    limit: int
    # Calls that count in the rolling minute, and those under way.
    used: int
    busy: int
    # Why the limiter lets nothing start, and for how many seconds still; "" when it does.
    closed_for: str
    closed_seconds: float
    # Why nothing is sent until its key is tested or replaced; "" when nothing is wrong.
    problem: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The queue at this moment, and who works on it."""

    # State and lane -> jobs that wait or run.
    jobs: dict[tuple[str, str], int]
    # Lane -> seconds that its oldest job has waited.
    oldest: dict[str, float]
    maybe_charged: int
    held: int
    webhooks_waiting: int
    webhooks_overdue: int
    accounts: list[AccountLine]
    workers: int
    places: int
    beats: int


@dataclass(frozen=True, slots=True)
class Figures:
    standing: Standing
    hour: Hour
    spent: Decimal
    images: int
    image_bytes: int


def figures() -> Figures:
    images, size = _kept("storage", SLOW, _storage)
    return Figures(
        standing=_kept("standing", FRESH, _standing),
        hour=_kept("hour", RECENT, _hour),
        spent=_kept("spent", RECENT, _spent),
        images=images,
        image_bytes=size,
    )


def _kept(name: str, seconds: int, read: Callable[[], T]) -> T:
    found: T | None = cache.get(f"watching:{name}")
    if found is None:
        found = read()
        cache.set(f"watching:{name}", found, seconds)
    return found


# --- at this moment -------------------------------------------------------------------------


def _standing() -> Standing:
    # Each state by itself: SQLite sees no partial index behind IN.
    waiting = list(_by_lane(State.QUEUED, oldest=Min("created_at"), now=Now()))
    jobs = {(State.QUEUED.value, LANES[row["lane"]]): row["jobs"] for row in waiting}
    for row in _by_lane(State.CALLING):
        jobs[State.CALLING.value, LANES[row["lane"]]] = row["jobs"]
    living = queries.living_workers(queue.SILENCE)
    return Standing(
        jobs=jobs,
        oldest={LANES[row["lane"]]: _seconds(row["oldest"], row["now"]) for row in waiting},
        maybe_charged=Generation.objects.filter(MAYBE).count(),
        held=queries.count_waiting(),
        accounts=_accounts(),
        beats=queries.living_beats(beat.SILENCE).count(),
        **living.aggregate(workers=Count("pk"), places=Sum("places", default=0)),
        **_webhooks(),
    )


def _by_lane(state: State, **more: Any) -> Iterable[Mapping[str, Any]]:
    rows = Generation.objects.filter(state=state).order_by().values("lane")
    return rows.annotate(jobs=Count("pk"), **more)


def _seconds(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)


def _webhooks() -> dict[str, int]:
    waiting = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING)
    overdue = Q(due_at__lt=ago(timedelta(minutes=1)))
    return waiting.aggregate(
        webhooks_waiting=Count("pk"), webhooks_overdue=Count("pk", filter=overdue)
    )


def _accounts() -> list[AccountLine]:
    """Those that were served last. An account that the team and a member share is the team's."""
    keys = VeniceKey.objects.select_related("account").annotate(now=Now())
    served = keys.order_by(F("account__served_at").desc(nulls_last=True), "user")
    found: dict[str, Any] = {}
    for key in served[: 2 * MOST_ACCOUNTS]:
        if key.is_team or key.account_id not in found:
            found[key.account_id] = key
    chosen = list(found.values())[:MOST_ACCOUNTS]
    calls = Call.objects.filter(account__in=[key.account_id for key in chosen])
    used = _by_account(calls.filter(started_at__gt=ago(limiter.MINUTE + limiter.MARGIN)))
    busy = _by_account(calls.filter(outcome=Call.Outcome.OPEN))
    return [_account(key, used[key.account_id], busy[key.account_id]) for key in chosen]


def _by_account(calls: QuerySet[Call]) -> Counter[str]:
    return Counter(dict(calls.order_by().values_list("account").annotate(Count("pk"))))


def _account(key: Any, used: int, busy: int) -> AccountLine:
    account: Account = key.account
    closed = _seconds(key.now, account.closed_until or key.now)
    return AccountLine(
        name=account.pk[:6],
        key=key.last_four if key.is_team else "own",
        limit=limiter.limit(account),
        used=used,
        busy=busy,
        closed_for=account.closed_for if closed else "",
        closed_seconds=closed,
        problem=account.problem,
    )


# --- of some time ---------------------------------------------------------------------------


def _hour() -> Hour:
    rows = Call.objects.filter(started_at__gt=ago(HOUR)).order_by("-started_at")
    job = ("generation__model", "generation__lane", "generation__created_at")
    found = list(
        rows.values_list(*job, "number", "outcome", "started_at", "finished_at")[:MOST_CALLS]
    )
    name = _names(row[0] for row in found)
    calls: Counter[tuple[str, str, str]] = Counter()
    took, waited = defaultdict(list), defaultdict(list)
    for model, lane, asked_at, number, outcome, start, end in found:
        calls[name[model], LANES[lane], outcome] += 1
        if outcome == Call.Outcome.ARRIVED and end is not None:
            took[name[model]].append(_seconds(start, end))
        if number == 1:
            waited[name[model], LANES[lane]].append(_seconds(asked_at, start))
    return Hour(
        calls=dict(calls),
        took={model: Spread.of(lengths) for model, lengths in took.items()},
        waited={where: Spread.of(lengths) for where, lengths in waited.items()},
    )


def _names(models: Iterable[str]) -> dict[str, str]:
    """What each model is called in the figures: the busiest by themselves."""
    counted = Counter(models).most_common()
    return {model: model if n < MOST_MODELS else OTHER for n, (model, _) in enumerate(counted)}


def _spent() -> Decimal:
    spent = queries.month_of(Month.current(), None).aggregate(spent=total())["spent"]
    return Decimal(spent)


def _storage() -> tuple[int, int]:
    """Images, and the bytes of their originals; the smaller ones beside them are a tenth more."""
    found = Image.objects.aggregate(images=Count("pk"), size=Sum("bytes", default=0))
    return found["images"], found["size"]
