"""The audit log: one line for whatever an admin may be asked about later.

Call `note` inside the transaction that does the thing: both happen, or neither.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, TextChoices

from generations.models import Event, User

# What `details` never name. A word of them would be a secret, or what somebody wrote.
NEVER = frozenset({"prompt", "negative_prompt", "token", "password", "key", "secret"})
# Of a thousand images at once the first ids are enough to know which they were.
MOST_IDS = 20


class Action(TextChoices):
    """Everything that is written down: kind of subject, and what happened to it."""

    SIGNED_IN = "user.signed_in", "Signed in"
    SIGN_IN_FAILED = "user.sign_in_failed", "Sign-in failed"
    SIGNED_OUT = "user.signed_out", "Signed out"
    INVITE_MADE = "invite.made", "Invited"
    INVITE_USED = "invite.used", "Invitation used"
    INVITE_REVOKED = "invite.revoked", "Invitation withdrawn"
    USER_ADDED = "user.added", "Person added"
    ROLE_CHANGED = "user.role", "Role changed"
    USER_DEACTIVATED = "user.deactivated", "Person deactivated"
    USER_ACTIVATED = "user.activated", "Person let back in"
    EXCEPTION_CHANGED = "user.exception", "Exception for a person changed"
    PASSWORD_CHANGED = "user.password", "Password changed"
    FACTOR_ADDED = "user.factor_added", "Second factor added"
    FACTOR_REMOVED = "user.factor_removed", "Second factor removed"
    SESSION_ENDED = "user.session_ended", "Session ended"
    KEY_SAVED = "key.saved", "Venice key saved"
    KEY_TESTED = "key.tested", "Venice key tested"
    KEY_REMOVED = "key.removed", "Venice key removed"
    KEYS_ROTATED = "key.rotated", "Secrets encrypted again"
    TOKEN_MADE = "token.made", "API token made"
    TOKEN_REVOKED = "token.revoked", "API token revoked"
    WEBHOOK_MADE = "webhook.made", "Webhook made"
    WEBHOOK_REMOVED = "webhook.removed", "Webhook removed"
    POLICY_CHANGED = "policy.changed", "Policy changed"
    BUDGET_CHANGED = "budget.changed", "Budget changed"
    SHARE_MADE = "share.made", "Link made"
    SHARE_CHANGED = "share.changed", "Link changed"
    SHARE_REVOKED = "share.revoked", "Link revoked"
    IMAGE_HELD = "image.held", "Image held"
    IMAGE_REPORTED = "image.reported", "Image reported"
    IMAGE_APPROVED = "image.approved", "Image approved"
    IMAGE_REJECTED = "image.rejected", "Image rejected"
    MAKER_ASKED = "image.asked", "Maker asked"
    MAKER_ANSWERED = "image.answered", "Maker answered"
    DECISION_UNDONE = "image.undone", "Decision undone"
    APPEALED = "image.appealed", "Appealed"
    IMAGES_DELETED = "image.deleted", "Images deleted"
    IMAGES_RESTORED = "image.restored", "Images restored"
    IMAGES_ERASED = "image.erased", "Images erased for good"
    COLLECTION_DELETED = "collection.deleted", "Collection deleted"
    COLLECTION_RESTORED = "collection.restored", "Collection restored"
    EXPORTED = "export.made", "Exported"
    BACKUP_MADE = "backup.made", "Backup made"
    RESTORED = "backup.restored", "Backup restored"
    COST_RESOLVED = "generation.resolved", "Cost of a lost answer decided"
    ADMIN_SAVED = "admin.saved", "Saved in Django’s admin"
    ADMIN_DELETED = "admin.deleted", "Deleted in Django’s admin"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where what happens now comes from; `who`: what its doer is called when nobody is signed in.

    `address` is a network address or "".
    """

    via: Event.Via = Event.Via.SYSTEM
    address: str = ""
    who: str = ""


_BY_ITSELF = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=_BY_ITSELF)


@contextmanager
def coming_from(via: Event.Via, address: str = "", who: str = "") -> Iterator[None]:
    """Whatever is noted inside came this way."""
    token = _origin.set(Origin(via, address, who))
    try:
        yield
    finally:
        _origin.reset(token)


def note(action: Action, *, by: User | None, subject: Model | None = None, **details: Any) -> None:
    """Write one line. `details` are words and figures for the one who reads it: JSON, no secret.

    `by` None: the system, or somebody who is not signed in.
    """
    origin = _origin.get()
    Event.objects.create(
        action=action,
        actor=by,
        actor_name=by.email if by else origin.who,
        subject_kind=(subject._meta.model_name or "") if subject else "",
        subject_id=str(subject.pk) if subject else "",
        subject_name=_name(subject)[:254] if subject else "",
        details=details,
        via=origin.via,
        address=origin.address,
    )


def ids(rows: Iterable[Any]) -> list[str]:
    """The first MOST_IDS of these ids, as details have them."""
    return [str(pk) for _, pk in zip(range(MOST_IDS), rows, strict=False)]


def _name(subject: Model) -> str:
    """What it is called, without a word of a prompt; of what is not listed here, its kind."""
    name = _NAMES.get(subject._meta.model_name or "")
    return name(subject) if name else str(subject._meta.verbose_name)


_NAMES: dict[str, Callable[[Any], str]] = {
    "user": lambda user: user.email,
    "invite": lambda invite: invite.email or f"as {invite.role}",
    # Of a person's own key not even the last four are an admin's to see.
    "venicekey": str,
    "apitoken": lambda token: token.name,
    "share": lambda share: share.label or share.title or "without a label",
    "collection": lambda collection: collection.name,
    "recipe": lambda recipe: recipe.name,
    "generation": lambda generation: generation.model_name,
    "image": lambda image: image.pk.hex[:8],
    "case": lambda case: case.image_uuid.hex[:8],
    "decision": lambda decision: decision.case.image_uuid.hex[:8],
    "budget": lambda budget: budget.user.email if budget.user else budget.scope,
    "venicemodel": lambda model: model.name,
    "fieldrule": lambda rule: f"{rule.field} of {rule.model_id}",
}
