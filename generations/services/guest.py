"""What a guest does at a share link: visit, give the password, pick."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib.auth.hashers import check_password
from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from generations import queries
from generations.models import Image, Pick, Share
from generations.services import archive, audit, throttle
from generations.services import image as files
from generations.services import share as shares
from generations.services.errors import Invalid

# A visit is one guest within an hour, however many pages and files that takes.
VISIT = 60 * 60
# Tries of a password: for one address at one link, and for one address at all links. Counted by
# address, so that a stranger's wrong tries keep nobody else out.
TRIES, TRIES_AT_ALL, TRIES_WITHIN = 8, 40, 10 * 60
PICKS, PICKS_WITHIN = 120, 60
# How long a password that was given once is good for.
OPEN_FOR = 12 * 60 * 60


class TooMany(Exception):
    """More of it than a guest may do; the message is for the guest."""


def find(token: str) -> Share | None:
    """The link behind a token from outside, when it works at this moment."""
    return queries.working_share(shares.hash_of(token))


def count_visit(share: Share, *, guest: str) -> None:
    """Count this guest once an hour; `guest` is whatever tells guests apart, kept as a hash."""
    who = hashlib.sha256(guest.encode(errors="replace")).hexdigest()[:32]
    if throttle.is_first(f"visit:{share.pk}:{who}", seconds=VISIT):
        Share.objects.filter(pk=share.pk).update(visits=F("visits") + 1, visited_at=timezone.now())


# --- password ---------------------------------------------------------------------------------


def unlock(share: Share, password: str, *, address: str) -> str | None:
    """A ticket for this link when the password is right, else None. Raises TooMany."""
    here = f"unlock:{share.pk}:{address}"
    is_allowed = throttle.is_allowed(here, most=TRIES, seconds=TRIES_WITHIN)
    everywhere = throttle.is_allowed(f"unlock:{address}", most=TRIES_AT_ALL, seconds=TRIES_WITHIN)
    if not (is_allowed and everywhere):
        raise TooMany("Too many tries. Wait ten minutes, then try again.")
    if not check_password(password[: shares.PASSWORD_MOST], share.password):
        return None
    throttle.forget(here)
    return _signer(share).sign("open")


def is_open(share: Share, ticket: str) -> bool:
    """Whether a guest with this ticket, as a cookie has it, may look."""
    if not share.password:
        return True
    try:
        return _signer(share).unsign(ticket, max_age=OPEN_FOR) == "open"
    except signing.BadSignature:
        return False


def _signer(share: Share) -> signing.TimestampSigner:
    # The password's hash is in what the key is derived from: a new password ends every ticket.
    return signing.TimestampSigner(salt=f"share:{share.pk}:{share.password}")


# --- picks --------------------------------------------------------------------------------------


def pick(
    share: Share, image: Image, *, choice: str | None = None, note: str | None = None, address: str
) -> Pick:
    """What the guest says of an image; None leaves that as it is. Raises Invalid, TooMany."""
    if not throttle.is_allowed(f"pick:{share.pk}:{address}", most=PICKS, seconds=PICKS_WITHIN):
        raise TooMany("That was a lot at once. Wait a minute; what you picked so far is kept.")
    changes = _changes(choice, note)
    for _ in range(2):  # two first picks at once are one after the other
        with suppress(IntegrityError), transaction.atomic():
            return Pick.objects.update_or_create(share=share, image=image, defaults=changes)[0]
    raise Invalid({"image": "This image is not there any more."})


def _changes(choice: str | None, note: str | None) -> dict[str, Any]:
    changes: dict[str, Any] = {"changed_at": timezone.now()}
    if choice is not None:
        if choice not in Pick.Choice.values:
            raise Invalid({"choice": "Choose yes, no or neither."})
        changes["choice"] = choice
    if note is not None:
        # Browsers send line ends as two characters, and count them as one.
        changes["note"] = note.replace("\0", "").replace("\r\n", "\n").strip()
        if (over := len(changes["note"]) - Pick.NOTE_LIMIT) > 0:
            raise Invalid({"note": f"{over:,} characters too long: at most {Pick.NOTE_LIMIT}."})
    return changes


def send(share: Share, *, address: str) -> None:
    """The guest says that the picks are done; more may follow. Raises TooMany."""
    if not throttle.is_allowed(f"pick:{share.pk}:{address}", most=PICKS, seconds=PICKS_WITHIN):
        raise TooMany("That was a lot at once. Wait a minute; what you picked so far is kept.")
    Share.objects.filter(pk=share.pk).update(sent_at=timezone.now())


# --- taking it along ------------------------------------------------------------------------------


def archive_of(share: Share) -> archive.Archive:
    """All that the link shows, as guests may have it. Its size is not known beforehand."""
    return archive.Archive(Stripped(list(queries.shared_images(share))))


def note_archive(share: Share) -> None:
    """A guest takes all of it along."""
    count = queries.shared_images(share).order_by().count()
    audit.note(audit.Action.EXPORTED, by=None, subject=share, what="images by a guest", count=count)


class Stripped(Sequence[archive.Entry]):
    """Entries made one at a time, when each is asked for, so that none waits in memory. Names
    tell the order and nothing else. What the storage lost is left out."""

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = images
        self._made = 0

    def __len__(self) -> int:
        """How many entries were made so far: what an archive says at its end."""
        return self._made

    def __getitem__(self, at: Any) -> Any:
        raise TypeError("these entries are made in their order")

    def __iter__(self) -> Iterator[archive.Entry]:
        now = timezone.now()
        for number, image in enumerate(self._images, 1):
            try:
                data = files.stripped(image)
            except FileNotFoundError:
                continue
            self._made += 1
            name = f"image-{number:03}.{image.format}"
            yield archive.Entry(name, len(data), now, partial(bytes, data))
