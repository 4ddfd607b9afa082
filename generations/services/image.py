"""Images: from Venice's bytes to files and rows."""

import hashlib
import logging
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from generations import queries
from generations.models import Generation, Image, User
from generations.services import decoders, metadata, pixels
from generations.services.clock import ago
from generations.venice.types import Verdict

logger = logging.getLogger(__name__)

COPIES = ("w512", "w1024")
KINDS = ("original", *COPIES)


class StorageAway(Exception):
    """The storage does not take files now: full, read-only, or not there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An image whose original is in the storage: its unsaved row, and what copies are made of."""

    image: Image
    data: bytes
    examined: decoders.Examined


def store(
    generation: Generation, number: int, data: bytes, *, verdict: Verdict, price: Decimal | None
) -> Stored:
    """Examine the bytes and write them down; the row has `is_blank`. Its copies come later.

    Whether it is held is decided by services.holding, in the transaction that saves it.

    Raises pixels.UnusablePicture, StorageAway.
    """
    pk = uuid.uuid4()
    expected = generation.parameters.get("format", "webp")
    examined = decoders.examine(data, expected, key=pk.hex, processes=settings.IMAGE_PROCESSES)
    image = _row(pk, generation, number, data, examined.picture, verdict)
    image.price, image.is_blank = price, examined.picture.is_blank  # type: ignore[attr-defined]
    try:
        image.original = _write(f"{_folder(image)}/original.{image.format}", data)
    except OSError as error:
        raise StorageAway(f"{type(error).__name__}: {error.strerror}") from error
    return Stored(image, data, examined)


def _folder(image: Image) -> str:
    return f"{image.id.hex[:2]}/{image.id}"


def _row(
    pk: uuid.UUID,
    generation: Generation,
    number: int,
    data: bytes,
    picture: pixels.Picture,
    verdict: Verdict,
) -> Image:
    return Image(
        id=pk,
        generation=generation,
        user_id=generation.user_id,
        number=number,
        dhash=picture.dhash,
        visibility=generation.visibility,
        is_blurred=verdict.blurred,
        is_violation=verdict.violation,
        is_adult=verdict.adult,
        has_minor=verdict.minor,
        seed=None if generation.seed is None else generation.seed + number,
        model=generation.model,
        style=generation.parameters.get("style_preset") or "",
        has_parent=generation.made_from_id is not None,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _write(name: str, data: bytes) -> str:
    try:
        return default_storage.save(name, ContentFile(data))
    except OSError:
        # A full disk keeps the first part of a file; a bucket keeps nothing, or what is another's.
        if not hasattr(default_storage, "entries"):
            with suppress(OSError):
                default_storage.delete(name)
        raise


# --- copies -----------------------------------------------------------------------------------

# Copies that are not made by then were lost with a worker; of older images the original is gone.
LOST, GIVEN_UP = timedelta(seconds=30), timedelta(days=1)
_MOST_AT_ONCE = 50
# Without an original that can be read: this process does not try these again, nor say so again.
_hopeless: set[uuid.UUID] = set()


def make_copies(stored: Stored) -> None:
    """The smaller copies, once the row is saved. Never raises: they are looked for again."""
    image = stored.image
    try:
        _keep_copies(image, decoders.copies(stored.examined, stored.data, key=image.id.hex))
    except Exception as error:
        logger.warning("image %s has no copies yet: %r", image.pk, error)


def make_missing_copies() -> int:
    """Make those that nobody made, because a worker was killed or the storage was away.

    Returns how many were tried.
    """
    rows = Image.objects.filter(w512="", created_at__lt=ago(LOST), created_at__gt=ago(GIVEN_UP))
    found = list(rows.exclude(pk__in=_hopeless).order_by("created_at")[:_MOST_AT_ONCE])
    for image in found:
        try:
            _keep_copies(image, copies_of(image, read_file(image, "original")))
        except (FileNotFoundError, pixels.UnusablePicture) as error:
            _hopeless.add(image.pk)
            logger.warning("image %s will have no copies: %r", image.pk, error)
        except OSError as error:
            logger.warning("image %s has no copies yet: %r", image.pk, error)
    return len(found)


def copies_of(image: Image, data: bytes) -> pixels.Copies:
    """Made anew from the bytes of its original. Raises pixels.UnusablePicture."""
    key, processes = image.id.hex, settings.IMAGE_PROCESSES
    examined = decoders.examine(data, image.format, key=key, processes=processes)
    return decoders.copies(examined, data, key=key)


def _has_copies(image: Image) -> bool:
    """Whether they are made by now: the row in hand may be older."""
    if not image.w512:
        now = Image.objects.filter(pk=image.pk).values_list(*COPIES).first()
        image.w512, image.w1024 = now or ("", "")
    return bool(image.w512)


def _copied_now(image: Image) -> pixels.Copies:
    """For whoever asks before the worker came to it: what is made twice is kept once.

    Raises FileNotFoundError.
    """
    try:
        made = pixels.copies(pixels.examine(read_file(image, "original"), image.format)[1])
    except pixels.UnusablePicture:
        raise FileNotFoundError(image.original) from None
    with suppress(OSError):
        _keep_copies(image, made)
    return made


def _keep_copies(image: Image, made: pixels.Copies) -> None:
    """Write them and note them in the row, unless somebody was faster. Raises OSError."""
    names: dict[str, str] = {}
    try:
        for kind in COPIES:
            names[kind] = _write(f"{_folder(image)}/{kind}.webp", getattr(made, kind))
        is_noted = Image.objects.filter(pk=image.pk, w512="").update(**names)
    except Exception:
        _delete(names.values())
        raise
    if not is_noted:
        _delete(names.values())


def settings_of(user: User, data: bytes) -> dict[str, Any]:
    """What a file tells about how it was made: {"image": id} for one of ours that this person
    may see, settings under Venice's names for another, {} when it says nothing."""
    digest = hashlib.sha256(data).hexdigest()
    if ours := queries.visible_images(user).filter(sha256=digest).first():
        return {"image": ours.pk}
    try:
        return metadata.settings_in(pixels.texts(data))
    except pixels.UnusablePicture:
        return {}


def remove_files(image: Image) -> None:
    """Take the files of a row that was never saved, or is gone, out of the storage."""
    _delete(getattr(image, kind) for kind in KINDS)


def _delete(names: Iterable[str]) -> None:
    for name in filter(None, names):
        with suppress(OSError):
            default_storage.delete(name)


# --- reading ----------------------------------------------------------------------------------


def name_of(image: Image, kind: str) -> str:
    """Its name in the storage; a copy that nobody made yet is made. Raises FileNotFoundError."""
    if kind in COPIES and not _has_copies(image):
        _copied_now(image)
        if not _has_copies(image):
            raise FileNotFoundError(f"{kind} of {image.pk}")
    return str(getattr(image, kind))


def read_file(image: Image, kind: str) -> bytes:
    """The bytes of one of KINDS. Raises FileNotFoundError when the storage lost it."""
    if kind in COPIES and not _has_copies(image):
        return bytes(getattr(_copied_now(image), kind))
    with default_storage.open(getattr(image, kind)) as file:
        return bytes(file.read())


def size_of(image: Image, kind: str) -> int:
    """Bytes of the file. Raises FileNotFoundError."""
    return default_storage.size(name_of(image, kind))


def read_part(image: Image, kind: str, first: int, last: int) -> bytes:
    """From the first byte to the last, and no more of it is fetched. Raises FileNotFoundError."""
    with default_storage.open(name_of(image, kind)) as file:
        file.seek(first)
        return bytes(file.read(last - first + 1))


def sizes(images: Sequence[Image], kind: str) -> list[int | None]:
    """Of each its bytes, None when the storage lost it. Raises OSError while a bucket is away."""
    at_once: int = getattr(default_storage, "AT_ONCE", 0)
    if not at_once:
        return [_size_on_disk(image, kind) for image in images]
    threads = ThreadPoolExecutor(at_once)
    try:
        return list(threads.map(partial(_size_in_bucket, kind=kind), images))
    finally:
        threads.shutdown(cancel_futures=True)


def _size_on_disk(image: Image, kind: str) -> int | None:
    try:
        return size_of(image, kind)
    except (OSError, ValueError):
        return None


def _size_in_bucket(image: Image, kind: str) -> int | None:
    try:
        return size_of(image, kind)
    except FileNotFoundError:
        return None


def read_shown(image: Image, kind: str) -> bytes:
    """The same of an image that people may see at this moment: an archive of many takes minutes,
    and one of them may be held meanwhile. Raises FileNotFoundError."""
    is_shown = Image.objects.filter(pk=image.pk, state=Image.State.SHOWN).exists()
    if not connection.in_atomic_block:
        # Back to the pool: between two files a slow reader needs none.
        connection.close()
    if not is_shown:
        raise FileNotFoundError(image.original)
    return read_file(image, kind)


def veiled(image: Image) -> bytes:
    """A few of its colours as WebP, for who has not asked to see it. Raises FileNotFoundError."""
    try:
        return pixels.veiled(read_file(image, "w512"))
    except pixels.UnusablePicture:
        raise FileNotFoundError(image.w512) from None


def stripped(image: Image) -> bytes:
    """The original for people outside: the same pixels, without what is written into the file.

    Raises FileNotFoundError, also for a file that is no picture any more.
    """
    try:
        return pixels.stripped(read_shown(image, "original"))
    except pixels.UnusablePicture:
        raise FileNotFoundError(image.original) from None
