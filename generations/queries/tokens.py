"""API tokens, and what was spent on each."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from generations.models import ApiToken, Generation, User
from generations.models.spend import month_start, total


def own_tokens(user: User) -> QuerySet[ApiToken]:
    """A person's tokens, newest first, also those that do not work any more."""
    return ApiToken.objects.filter(user=user)


def working_tokens(rows: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    now = timezone.now()
    return rows.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


def spent_by_token(rows: QuerySet[ApiToken]) -> dict[uuid.UUID, Decimal]:
    """Token -> USD spent, reserved or maybe spent this month; those that spent nothing are left
    out."""
    jobs = Generation.objects.filter(
        token__in=rows.order_by(), created_at__gte=month_start(), is_demo=settings.IS_DEMO
    )
    sums = jobs.order_by().values("token").annotate(spent=total())
    return dict(sums.values_list("token", "spent"))
