"""Second factors: TOTP secrets and recovery codes at rest, and who lacks one.

Passkeys keep nothing here that is secret: the private half never leaves its device.
"""

from collections.abc import Callable, Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from generations import crypto
from generations.models import User
from generations.services import audit
from generations.services import user as users

# Where allauth keeps what our adapter encrypts, in Authenticator.data.
_SECRETS = ("secret", "seed")


encrypt, decrypt = crypto.encrypt, crypto.decrypt


@transaction.atomic
def added(user: User, *, kind: str) -> None:
    _changed(user)
    audit.note(audit.Action.FACTOR_ADDED, by=user, subject=user, kind=kind)


@transaction.atomic
def removed(user: User, *, kind: str) -> None:
    _changed(user)
    audit.note(audit.Action.FACTOR_REMOVED, by=user, subject=user, kind=kind)


def _changed(user: User) -> None:
    users.update_second_factor(User.objects.filter(pk=user.pk))
    user.refresh_from_db(fields=["needs_second_factor"])


def stored_secrets() -> Iterator[str]:
    """Every secret as it is stored, encrypted."""
    for data in Authenticator.objects.exclude(type="webauthn").values_list("data", flat=True):
        yield from (data[name] for name in _SECRETS if data.get(name))
        yield from data.get("migrated_codes") or ()


@transaction.atomic
def reencrypt(encrypt_again: Callable[[str], str]) -> int:
    """Put every stored secret through `encrypt_again` (old cipher text to new).

    Returns how many there were. For `manage.py rotatekeys`; a recovery code that is used in the
    same moment waits.
    """
    count = 0
    for row in Authenticator.objects.select_for_update().exclude(type="webauthn"):
        changed: dict[str, Any] = {
            name: encrypt_again(row.data[name]) for name in _SECRETS if row.data.get(name)
        }
        if codes := row.data.get("migrated_codes"):
            changed["migrated_codes"] = [encrypt_again(code) for code in codes]
        if changed:
            row.data |= changed
            row.save(update_fields=["data"])
            count += 1
    return count
