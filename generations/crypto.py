"""The only door to the cipher library: secrets at rest, encrypted with MultiFernet.

The first of VENICEWEB_ENCRYPTION_KEYS encrypts, every one of them may decrypt.
"""

import hashlib
import hmac
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class CannotDecrypt(Exception):
    """The stored secret was encrypted with a key that is not among the configured ones."""


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(secret: str) -> str:
    """Encrypt text; the result is URL-safe text."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(secret.encode()).decode()


def decrypt(token: str) -> str:
    """Decrypt what `encrypt` made. Raises CannotDecrypt."""
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken:
        raise CannotDecrypt from None


def is_current(token: str) -> bool:
    """Whether the first key has encrypted it."""
    try:
        _cipher(tuple(settings.ENCRYPTION_KEYS[:1])).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def rotate(token: str) -> str:
    """The same secret under the first key. Raises CannotDecrypt."""
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).rotate(token.encode()).decode()
    except InvalidToken:
        raise CannotDecrypt from None


def first_salt() -> str:
    """What fingerprints begin with where none is stored yet: the oldest key."""
    return str(settings.ENCRYPTION_KEYS[-1])


def fingerprint(secret: str, *, salt: str) -> str:
    """A stable name of a secret (32 hex digits) that does not lead back to it."""
    return hmac.new(salt.encode(), secret.encode(), hashlib.sha256).hexdigest()[:32]
