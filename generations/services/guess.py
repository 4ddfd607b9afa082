"""Guessing: how often somebody may be wrong about a password or a code.

A browser that has signed in to the account before counts for itself alone, so that nobody who
guesses, from however many addresses, can shut its owner out. All others share what is left.
"""

import hashlib
import secrets
from dataclasses import dataclass

from django.core import signing

from generations.services import throttle

# How many wrong answers in how many seconds.
OF_DEVICE = (10, 300)
OF_PLACE = (20, 300)
OF_ACCOUNT_FROM_PLACE = (5, 300)
OF_ACCOUNT = (50, 3600)
# A browser remembers so many accounts, for so long.
MOST_ACCOUNTS = 8
REMEMBERED = 365 * 24 * 3600
_SALT = "generations.device"


@dataclass(frozen=True)
class Guess:
    """One try at an account: `account` is its e-mail as typed, whether there is one or not."""

    account: str
    # The network it comes from.
    place: str
    # The name that the browser got when it signed in to this account; "" for one we do not know.
    device: str = ""

    def is_allowed(self) -> bool:
        """Count it; False when there were too many."""
        return all(
            throttle.is_allowed(name, most=most, seconds=seconds)
            for name, (most, seconds) in self._limits.items()
        )

    def was_right(self) -> None:
        """It was no guess: it does not count."""
        for name in self._limits:
            throttle.take_back(name)

    @property
    def _limits(self) -> dict[str, tuple[int, int]]:
        account = _fold(self.account)
        if self.device:
            return {f"guess:{account}:{_fold(self.device)}": OF_DEVICE}
        place = _fold(self.place)
        return {
            f"guess:from:{place}": OF_PLACE,
            f"guess:{account}:{place}": OF_ACCOUNT_FROM_PLACE,
            f"guess:{account}": OF_ACCOUNT,
        }


def forget(account: str) -> None:
    """Whoever has just shown by mail whose account it is need not wait for others' guesses."""
    throttle.forget(f"guess:{_fold(account)}")


def device_of(cookie: str, account: str) -> str:
    """The name of this browser for that account; "" when it has not signed in to it before."""
    return _read(cookie).get(_fold(account), "")


def remember(cookie: str, account: str) -> str:
    """What the browser keeps from now on: it has signed in to that account."""
    known = _read(cookie)
    name = known.pop(_fold(account), "") or secrets.token_urlsafe(12)
    newest = {_fold(account): name} | dict(list(known.items())[: MOST_ACCOUNTS - 1])
    return signing.dumps(newest, salt=_SALT)


def _read(cookie: str) -> dict[str, str]:
    try:
        return dict(signing.loads(cookie, salt=_SALT, max_age=REMEMBERED)) if cookie else {}
    except signing.BadSignature:
        return {}


def _fold(text: str) -> str:
    return hashlib.sha256(text.strip().lower().encode(errors="replace")).hexdigest()[:32]
