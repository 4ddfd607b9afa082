"""Images: from Venice's bytes to files and rows."""

import hashlib
import uuid
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from generations import queries
from generations.models import Generation, Image, User
from generations.services import decoders, metadata, pixels
from generations.venice.types import Verdict

KINDS = ("original", "w512", "w1024")


def store(
    generation: Generation, number: int, data: bytes, *, verdict: Verdict, price: Decimal | None
) -> Image:
    """Examine the bytes and write the files; returns the unsaved row.

    Raises pixels.UnusablePicture; OSError when the storage does not take the files.
    """
    picture = decoders.examine(
        data, generation.parameters.get("format", "webp"), processes=settings.IMAGE_PROCESSES
    )
    image = _row(generation, number, data, picture, verdict)
    image.price = price
    folder = f"{image.id.hex[:2]}/{image.id}"
    try:
        image.original = _write(f"{folder}/original.{picture.format}", data)
        image.w512 = _write(f"{folder}/w512.webp", picture.w512)
        image.w1024 = _write(f"{folder}/w1024.webp", picture.w1024)
    except OSError:
        remove_files(image)
        raise
    return image


def _row(
    generation: Generation, number: int, data: bytes, picture: pixels.Picture, verdict: Verdict
) -> Image:
    return Image(
        id=uuid.uuid4(),
        generation=generation,
        user_id=generation.user_id,
        number=number,
        state=Image.State.HELD if verdict.is_flagged else Image.State.SHOWN,
        is_blurred=verdict.blurred,
        is_violation=verdict.violation,
        is_adult=verdict.adult,
        has_minor=verdict.minor,
        seed=None if generation.seed is None else generation.seed + number,
        format=picture.format,
        width=picture.width,
        height=picture.height,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def _write(name: str, data: bytes) -> str:
    return default_storage.save(name, ContentFile(data))


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
            default_storage.delete(name)


def read_file(image: Image, kind: str) -> bytes:
    """The bytes of one of KINDS. Raises FileNotFoundError when the storage lost it."""
    with default_storage.open(getattr(image, kind)) as file:
        return bytes(file.read())
