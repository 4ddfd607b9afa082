"""Images: from Venice's bytes to files and rows."""

import hashlib
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from generations.venice.types import Verdict

KINDS = ("original", "w512", "w1024")


class StorageAway(Exception):
    """The storage does not take files now: full, read-only, or not there."""


def store(
    generation: Generation, number: int, data: bytes, *, verdict: Verdict, price: Decimal | None
) -> Image:
    """Examine the bytes and write the files; returns the unsaved row, with `is_blank`.

    Whether it is held is decided by services.holding, in the transaction that saves it.

    Raises pixels.UnusablePicture, StorageAway.
    """
    picture = decoders.examine(
        data, generation.parameters.get("format", "webp"), processes=settings.IMAGE_PROCESSES
    )
    image = _row(generation, number, data, picture, verdict)
    image.price, image.is_blank = price, picture.is_blank  # type: ignore[attr-defined]
    folder = f"{image.id.hex[:2]}/{image.id}"
    try:
        image.original = _write(f"{folder}/original.{picture.format}", data)
        image.w512 = _write(f"{folder}/w512.webp", picture.w512)
        image.w1024 = _write(f"{folder}/w1024.webp", picture.w1024)
    except OSError as error:
        remove_files(image)
        raise StorageAway(f"{type(error).__name__}: {error.strerror}") from error
    return image


def _row(
    generation: Generation, number: int, data: bytes, picture: pixels.Picture, verdict: Verdict
) -> Image:
    return Image(
        id=uuid.uuid4(),
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
    for kind in KINDS:
        if name := getattr(image, kind):
            with suppress(OSError):
                default_storage.delete(name)


def read_file(image: Image, kind: str) -> bytes:
    """The bytes of one of KINDS. Raises FileNotFoundError when the storage lost it."""
    with default_storage.open(getattr(image, kind)) as file:
        return bytes(file.read())


def size_of(image: Image, kind: str) -> int:
    """Bytes of the file. Raises FileNotFoundError."""
    return default_storage.size(getattr(image, kind))


def read_part(image: Image, kind: str, first: int, last: int) -> bytes:
    """From the first byte to the last, and no more of it is fetched. Raises FileNotFoundError."""
    with default_storage.open(getattr(image, kind)) as file:
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
