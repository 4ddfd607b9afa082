"""Invitations: which are still open, and what became of the others."""

from collections.abc import Callable

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from generations.models import Invite, User


def _open() -> Q:
    """Neither used nor withdrawn nor over, and of somebody who may still invite."""
    inviter = Q(created_by__is_active=True, created_by__role=User.Role.ADMIN)
    return Q(used_at=None, revoked_at=None, expires_at__gt=timezone.now()) & inviter


def _expired() -> Q:
    return Q(used_at=None, revoked_at=None, expires_at__lte=timezone.now())


def _used() -> Q:
    return Q(used_at__isnull=False)


def _withdrawn() -> Q:
    return Q(used_at=None, revoked_at__isnull=False)


# By what the page asks for; "" is all of them.
INVITE_STATES: dict[str, Callable[[], Q]] = {
    "": Q,
    "open": _open,
    "used": _used,
    "expired": _expired,
    "withdrawn": _withdrawn,
}


def invites(state: str = "") -> QuerySet[Invite]:
    """Newest first, with who made and who used them."""
    rows = Invite.objects.select_related("created_by", "used_by").order_by("-created_at", "-id")
    return rows.filter(INVITE_STATES.get(state, INVITE_STATES[""])())


def open_invites() -> QuerySet[Invite]:
    return Invite.objects.filter(_open())


def open_invite(token_hash: str) -> Invite | None:
    """The invitation behind a token, when it can still be used at this moment."""
    return open_invites().filter(token_hash=token_hash).first()


def invite_counts() -> dict[str, int]:
    """How many there are of each state that has a name."""
    states = {name: Count("pk", filter=of()) for name, of in INVITE_STATES.items() if name}
    return Invite.objects.aggregate(**states)
