"""Budgets: hard limits for each calendar month, counted from the jobs themselves.

A job that waits or runs counts with its price (reserved), one whose answer was lost too (maybe
charged), a finished one with what it cost. There is no second ledger that could drift.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from generations.models import ApiToken, Budget, Generation, User
from generations.models.spend import MAYBE, month_start, total
from generations.services import audit
from generations.services.errors import NotPossible, OverBudget

logger = logging.getLogger(__name__)

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody stands this month, in USD. `limit` None: no budget is set."""

    limit: Decimal | None
    spent: Decimal

    @property
    def left(self) -> Decimal | None:
        return None if self.limit is None else max(self.limit - self.spent, NOTHING)


def spent(user: User | None, since: datetime | None = None) -> Decimal:
    """What a person, or with None the team, has spent, reserved or maybe spent since then."""
    rows = Generation.objects.filter(created_at__gte=since or month_start())
    rows = rows.filter(is_demo=settings.IS_DEMO)
    if user is not None:
        rows = rows.filter(user=user)
    return Decimal(rows.aggregate(total=total())["total"])


def standing(user: User) -> Standing:
    """The tighter of the person's own and the team's budget: what is left is true for both."""
    return min(
        (Standing(budget.monthly_usd, spent(_whose(budget, user))) for budget in budgets(user)),
        key=lambda one: one.left or NOTHING,
        default=Standing(None, NOTHING),
    )


def budgets(user: User) -> list[Budget]:
    """The budgets that hold for this person: their own or everyone's, and the team's."""
    rows = {b.scope: b for b in Budget.objects.filter(Q(user=user) | Q(user=None))}
    own = rows.get(Budget.Scope.PERSON) or rows.get(Budget.Scope.EVERYONE)
    return [budget for budget in (own, rows.get(Budget.Scope.TEAM)) if budget]


def _whose(budget: Budget, user: User) -> User | None:
    return None if budget.scope == Budget.Scope.TEAM else user


def spent_by(token: ApiToken) -> Decimal:
    """What a token has spent, reserved or maybe spent this month."""
    rows = Generation.objects.filter(token=token, created_at__gte=month_start())
    rows = rows.filter(is_demo=settings.IS_DEMO)
    return Decimal(rows.aggregate(total=total())["total"])


def left(user: User, token: ApiToken | None = None) -> Decimal | None:
    """What may still be spent this month, on this token; None when nothing limits it."""
    room = [standing(user).left]
    if token and token.monthly_usd is not None:
        room.append(Standing(token.monthly_usd, spent_by(token)).left)
    return min((amount for amount in room if amount is not None), default=None)


def require_room(
    user: User, price: Decimal, *, token: ApiToken | None = None, is_least: bool = False
) -> None:
    """Raises OverBudget when `price` more would be over a budget. `is_least`: it may cost more,
    since Venice names no price for some of it; of a budget that is used up that takes nothing.

    Call it inside the transaction that writes the job: it locks, so that of two parallel
    submits against the last cents one sees the other.
    """
    _lock(user)
    for budget in budgets(user):
        left = budget.monthly_usd - spent(_whose(budget, user))
        if price > left or (is_least and left <= 0):
            raise OverBudget({"": _over(budget, price - left)})
    if token and token.monthly_usd is not None:
        left = token.monthly_usd - spent_by(token)
        if price > left or (is_least and left <= 0):
            raise OverBudget({"": _OVER_OWN.format(_by(price - left))})


_OVER_OWN = (
    "Over the budget of this API token{}. Nothing was sent. "
    "Make fewer images, or take a token with a larger one."
)


def _by(amount: Decimal) -> str:
    return f" by ${amount:.2f}" if amount > 0 else ""


def _lock(user: User) -> None:
    # SQLite's IMMEDIATE transaction is the lock already. Not the key: whoever ends a job of this
    # person refers to them, and would wait for us while we wait for the account.
    if connection.features.has_select_for_update:
        rows = Budget.objects.select_for_update().order_by("scope", "pk")
        list(rows.filter(user=None).values_list("pk", flat=True))
        list(
            User.objects.select_for_update(no_key=True)
            .filter(pk=user.pk)
            .values_list("pk", flat=True)
        )


def _over(budget: Budget, by: Decimal) -> str:
    whose = "the team’s" if budget.scope == Budget.Scope.TEAM else "your"
    return (
        f"Over {whose} budget{_by(by)}. Nothing was sent. "
        "Make fewer images, or ask an admin for more."
    )


@transaction.atomic
def set_budget(
    scope: str, amount: Decimal | None, *, user: User | None = None, by: User | None = None
) -> None:
    """Set a monthly limit in USD, or with None take it away."""
    rows = Budget.objects.filter(scope=scope, user=user)
    before = rows.values_list("monthly_usd", flat=True).first()
    if amount == before:
        return
    if amount is None:
        rows.delete()
    else:
        Budget.objects.update_or_create(scope=scope, user=user, defaults={"monthly_usd": amount})
    was, limit = ("no limit" if one is None else _usd(one) for one in (before, amount))
    change = {"scope": scope, "from": was, "to": limit}
    audit.note(audit.Action.BUDGET_CHANGED, by=by, subject=user, **change)
    whose = user.email if user else scope
    logger.info("budget of %s: %s by %s", whose, limit, by.email if by else "the system")


@transaction.atomic
def set_budgets(changes: Iterable[tuple[str, User | None, Decimal | None]], *, by: User) -> None:
    """Set several at once: (scope, person, limit in USD or None)."""
    for scope, user, amount in changes:
        set_budget(scope, amount, user=user, by=by)


@transaction.atomic
def resolve_unknown(generation: Generation, *, was_charged: bool, by: User) -> None:
    """A person looked at Venice's bill: the job cost its price, or nothing.

    Raises NotPossible when the job's cost is known already, or its price is not.
    """
    charged = generation.price if was_charged else NOTHING
    if charged is None:
        raise NotPossible("Venice named no price for it, so what it cost cannot be said.")
    rows = Generation.objects.filter(pk=generation.pk).filter(MAYBE)
    if not rows.update(charged=charged, version=F("version") + 1, changed_at=timezone.now()):
        raise NotPossible("What it cost is known already.")
    audit.note(audit.Action.COST_RESOLVED, by=by, subject=generation, charged=_usd(charged))
    logger.info("generation %s: what it cost is $%s, says %s", generation.pk, charged, by.email)


def _usd(amount: Decimal) -> str:
    return f"${amount.normalize():f}"
