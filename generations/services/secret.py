"""Everything that is stored encrypted, in one list: can it be read, and put it under a new key."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from generations import crypto
from generations.models import Invite, Salt, Share, VeniceKey, Webhook
from generations.services import audit, factor
from generations.services import key as keys


@dataclass(frozen=True, slots=True)
class Store:
    """A column of encrypted text. `name` as people call what is in it."""

    name: str
    model: type[Model]
    column: str

    def secrets(self) -> Iterator[tuple[Any, str]]:
        if self.model._meta.db_table in _tables():
            rows = self.model._default_manager.order_by("pk").values_list("pk", self.column)
            yield from rows.iterator(chunk_size=_BATCH)


STORES = (
    Store("Venice keys", VeniceKey, "secret"),
    Store("salts", Salt, "secret"),
    Store("share links", Share, "token"),
    Store("invitations", Invite, "token"),
    Store("webhooks", Webhook, "secret"),
)
FACTORS = "second factors"
_BATCH = 500
# What is written under an old key while this runs is found by another round.
_ROUNDS = 3


def unreadable() -> dict[str, int]:
    """Kind of secret -> how many of them none of the keys can read; empty: all is well."""
    found = {
        store.name: sum(not _is_readable(text) for _, text in store.secrets()) for store in STORES
    }
    found[FACTORS] = sum(not _is_readable(text) for text in _factors())
    return {name: count for name, count in found.items() if count}


def has_unreadable() -> bool:
    """The same, as soon as one is found."""
    texts = (text for store in STORES for _, text in store.secrets())
    return not all(map(_is_readable, texts)) or not all(map(_is_readable, _factors()))


def has_old() -> bool:
    """Whether something is not under the first key yet."""
    texts = (text for store in STORES for _, text in store.secrets())
    return not all(map(crypto.is_current, texts)) or not all(map(crypto.is_current, _factors()))


def _is_readable(text: str) -> bool:
    try:
        crypto.decrypt(text)
    except crypto.CannotDecrypt:
        return False
    return True


def _factors() -> Iterator[str]:
    if "mfa_authenticator" in _tables():
        yield from factor.stored_secrets()


def _tables() -> list[str]:
    return connection.introspection.table_names()


class Unreadable(Exception):
    """Some secrets cannot be read with these keys; the message says which."""


def rotate() -> dict[str, int]:
    """Encrypt every secret with the first key; kind -> how many were not.

    Row by row, so that a studio may run meanwhile, and whoever is interrupted begins again.
    Fingerprints of accounts stay: their salt is one of the secrets. Raises Unreadable before
    anything is changed.
    """
    if lost := unreadable():
        raise Unreadable(", ".join(f"{count:,} {name}" for name, count in lost.items()))
    keys.store_salt()
    counts: dict[str, int] = {}
    for _ in range(_ROUNDS):
        found = {store.name: _rotate(store) for store in STORES}
        found[FACTORS] = _rotate_factors()
        counts = {name: counts.get(name, 0) + count for name, count in found.items()}
        if not any(found.values()):
            break
    details: dict[str, Any] = {**counts}
    audit.note(audit.Action.KEYS_ROTATED, by=None, **details)
    return counts


def _rotate(store: Store) -> int:
    count = 0
    for pk, old in list(store.secrets()):
        if crypto.is_current(old):
            continue
        # Only while it is the same: a key that was replaced meanwhile stays the new one.
        same = store.model._default_manager.filter(pk=pk, **{store.column: old})
        count += same.update(**{store.column: crypto.rotate(old)})
    return count


@transaction.atomic
def _rotate_factors() -> int:
    if all(map(crypto.is_current, _factors())):
        return 0
    return factor.reencrypt(crypto.rotate)
