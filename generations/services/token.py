"""API tokens: making, finding and revoking what programs sign in with."""

import hashlib
import logging
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations.models import ApiToken, User
from generations.models.token import Scope
from generations.services import audit
from generations.services.errors import Invalid

logger = logging.getLogger(__name__)

PREFIX = "vw_"
# How exactly `last_used_at` is kept: a write for every request would be one too many.
EVERY = timedelta(minutes=1)
NAME_LIMIT = 80
MOST = 100


def create(
    user: User,
    *,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
    monthly_usd: Decimal | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its text, which is not kept: nobody can be told it again.

    `monthly_usd`: at most so much a calendar month. Raises Invalid (`name`, `scopes`,
    `expires_at`, `monthly_usd`).
    """
    name = name.strip()
    if problems := _problems(user, name, scopes, expires_at, monthly_usd):
        raise Invalid(problems)
    text = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = ApiToken.objects.create(
            user=user,
            name=name,
            token_hash=hash_of(text),
            last_four=text[-4:],
            scopes=[scope for scope in Scope.values if scope in scopes],
            expires_at=expires_at,
            monthly_usd=monthly_usd,
        )
        audit.note(audit.Action.TOKEN_MADE, by=user, subject=token, scopes=token.scopes)
    logger.info("API token %s made by %s", token.pk, user.pk)
    return token, text


def scopes_for(user: User) -> list[str]:
    """All that this person may give a token."""
    return [scope for scope in Scope.values if scope != Scope.REVIEW or user.is_reviewer]


def _problems(
    user: User,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None,
    monthly_usd: Decimal | None,
) -> dict[str, str]:
    problems = {}
    if not name or len(name) > NAME_LIMIT:
        problems["name"] = f"Give it a name of at most {NAME_LIMIT} characters."
    if not scopes or set(scopes) - set(Scope.values):
        problems["scopes"] = "Choose what it may do: at least one of these."
    elif Scope.REVIEW in scopes and not user.is_reviewer:
        problems["scopes"] = "Only reviewers and admins decide on held images."
    if expires_at and expires_at <= timezone.now():
        problems["expires_at"] = "Choose a day to come, or none."
    if monthly_usd is not None and monthly_usd < 0:
        problems["monthly_usd"] = "Give an amount in USD, or none."
    if ApiToken.objects.filter(user=user, revoked_at=None).count() >= MOST:
        problems[""] = f"There are {MOST} tokens. Revoke one that is not used any more."
    return problems


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def find(text: str) -> ApiToken | None:
    """The token with this text, with its user, when it works now.

    Nothing works for somebody who may not sign in, or who owes a second factor: no page opens
    for them either.
    """
    if not text.startswith(PREFIX):
        return None
    rows = ApiToken.objects.select_related("user").filter(
        Q(expires_at=None) | Q(expires_at__gt=timezone.now()),
        token_hash=hash_of(text),
        revoked_at=None,
        user__is_active=True,
        user__needs_second_factor=False,
    )
    return rows.first()


def note_use(token: ApiToken) -> None:
    """Write down that it was used now, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


@transaction.atomic
def revoke(token: ApiToken, *, by: User) -> None:
    """It is refused from the next request on. What it asked for goes on."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        audit.note(audit.Action.TOKEN_REVOKED, by=by, subject=token)
        logger.info("API token %s revoked by %s", token.pk, by.pk)
