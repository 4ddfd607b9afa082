"""What the storage holds against what the rows name: files that are missing, files left over.

Storage and rows are compared shelf by shelf, a shelf being the first two signs of an image's id,
so the memory needed is that of the 256th part of them: with a million images a few megabytes.
"""

import hashlib
import logging
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.db.models import Q
from django.utils import timezone

from generations.models import Image
from generations.services import image as images
from generations.services import pixels
from generations.services.image import KINDS

logger = logging.getLogger(__name__)

DAY = timedelta(days=1)
# Smaller copies come a moment after the row; after this long they should be there.
_SOON = timedelta(minutes=10)
# A file of ours. What else lies in the same bucket or folder is none of our business.
_OURS = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{6}-[0-9a-f-]{27}/(?:original|w512|w1024)[\w.-]*")
_FEW = 100
_BATCH = 200


class Kind(StrEnum):
    # Nothing can make it again but a backup.
    MISSING_ORIGINAL = "missing original"
    # Not as long as its row says.
    DAMAGED_ORIGINAL = "damaged original"
    # `heal` makes it again from the original.
    MISSING_COPY = "missing smaller copy"
    # No row names it; `heal` deletes it.
    ORPHAN = "file without an image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`name` is the file's in the storage ("" for a smaller copy that was never made), `part` one
    of image.KINDS, `image` the id in its row, None for an orphan. `size` in bytes and
    `modified_at` only of what is there."""

    kind: Kind
    name: str
    image: uuid.UUID | None = None
    part: str = ""
    size: int | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Healing:
    """What became of a finding: `why` is a sentence when it is not done."""

    finding: Finding
    is_done: bool
    why: str = ""


class TooManyOrphans(Exception):
    """More files without an image than with one: probably another database than theirs."""


@dataclass(frozen=True, slots=True)
class File:
    """None is what the listing did not tell."""

    size: int | None = None
    modified_at: datetime | None = None


def missing(storage: Storage = default_storage) -> Iterator[Finding]:
    """Files that rows name and the storage has not, and originals that are not whole.

    Raises OSError while the storage is away.
    """
    for shelf, files in shelves(storage):
        for image in images_on(shelf):
            for part in KINDS:
                if (kind := _problem(storage, image, part, files)) and _is_there(image):
                    name = getattr(image, part)
                    yield Finding(kind=kind, name=name, image=image.pk, part=part)


def orphans(
    storage: Storage = default_storage, *, older_than: timedelta = DAY
) -> Iterator[Finding]:
    """Files of ours that no row names. Young ones may belong to a row that is being written.

    Raises OSError while the storage is away.
    """
    until = timezone.now() - older_than
    for shelf, files in shelves(storage):
        named = {getattr(image, part) for image in images_on(shelf) for part in KINDS}
        for name in sorted(files.keys() - named):
            if _OURS.fullmatch(name) and (found := _orphan(storage, name, files[name], until)):
                yield found


def heal(*, older_than: timedelta = DAY, is_sure: bool = False) -> Iterator[Healing]:
    """Make missing smaller copies again, delete orphans, and say of the rest why it stays.

    Raises OSError while the storage is away; TooManyOrphans, before any is deleted, when there
    are more of them than of files that belong to an image, unless `is_sure`.
    """
    for finding in missing():
        yield _make_again(finding)
    yield from delete_orphans(older_than=older_than, is_sure=is_sure)


def delete_orphans(
    storage: Storage = default_storage, *, older_than: timedelta = DAY, is_sure: bool = False
) -> Iterator[Healing]:
    """The second half of `heal`, for any storage."""
    count = sum(1 for _ in orphans(storage, older_than=older_than))
    if count > max(_FEW, Image.objects.count() * len(KINDS)) and not is_sure:
        raise TooManyOrphans(f"{count:,} files belong to no image")
    found = orphans(storage, older_than=older_than)
    while batch := list(islice(found, _BATCH)):
        yield from _delete(storage, batch)


# --- looking ------------------------------------------------------------------------------------


SHELVES = tuple(f"{number:02x}" for number in range(256))


def shelves(storage: Storage) -> Iterator[tuple[str, dict[str, File]]]:
    """All of SHELVES in their order, each with its files by their names.

    A bucket is listed once, a thousand with each request: it names its objects in that order.
    """
    entries = getattr(storage, "entries", None)
    return _of_bucket(entries()) if entries else _of_folder(storage)


def _of_bucket(
    entries: Iterator[tuple[str, int, datetime]],
) -> Iterator[tuple[str, dict[str, File]]]:
    held = next(entries, None)
    for shelf in SHELVES:
        files: dict[str, File] = {}
        while held and held[0] < f"{shelf}0":  # "0" is the sign after "/"
            if held[0].startswith(f"{shelf}/"):
                files[held[0]] = File(held[1], held[2])
            held = next(entries, None)
        yield shelf, files


def _of_folder(storage: Storage) -> Iterator[tuple[str, dict[str, File]]]:
    for shelf in SHELVES:
        folders = _listed(storage, shelf)[0]
        paths = (f"{shelf}/{folder}" for folder in folders)
        yield (
            shelf,
            {f"{path}/{name}": File() for path in paths for name in _listed(storage, path)[1]},
        )


def images_on(shelf: str) -> list[Image]:
    """Read after the files are listed, so that what was stored meanwhile only seems missing."""
    first, last = (uuid.UUID(shelf + sign * 30) for sign in "0f")
    rows = Image.objects.filter(pk__gte=first, pk__lte=last).order_by("pk")
    return list(rows.only(*KINDS, "bytes", "sha256", "created_at"))


def _listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    try:
        folders, files = storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    return list(folders), list(files)


def _problem(storage: Storage, image: Image, part: str, files: dict[str, File]) -> Kind | None:
    name = getattr(image, part)
    if not name and timezone.now() - image.created_at < _SOON:
        return None
    is_original = part == "original"
    if name not in files and not (name and storage.exists(name)):
        return Kind.MISSING_ORIGINAL if is_original else Kind.MISSING_COPY
    if is_original and size_in(storage, name, files) not in (image.bytes, None):
        return Kind.DAMAGED_ORIGINAL
    return None


def size_in(storage: Storage, name: str, files: dict[str, File]) -> int | None:
    """None when it is not there, or went in this moment."""
    if name in files and files[name].size is not None:
        return files[name].size
    try:
        return storage.size(name)
    except FileNotFoundError:
        return None


def _is_there(image: Image) -> bool:
    """It may have been erased since its row was read."""
    return Image.objects.filter(pk=image.pk).exists()


def _orphan(storage: Storage, name: str, file: File, until: datetime) -> Finding | None:
    try:
        modified_at = file.modified_at or storage.get_modified_time(name)
        if modified_at >= until:
            return None
        size = storage.size(name) if file.size is None else file.size
    except FileNotFoundError:
        return None
    return Finding(kind=Kind.ORPHAN, name=name, size=size, modified_at=modified_at)


# --- healing ------------------------------------------------------------------------------------


def _make_again(finding: Finding) -> Healing:
    if finding.kind != Kind.MISSING_COPY:
        why = "Nothing but a backup has it. Its row stays, so that it can be put back."
        return Healing(finding=finding, is_done=False, why=why)
    image = Image.objects.filter(Q(pk=finding.image)).first()
    if image is None:
        return Healing(finding=finding, is_done=True)
    try:
        _put_back(image, finding, _copy_of(image, finding.part))
    except (FileNotFoundError, pixels.UnusablePicture):
        why = "Its original is missing or damaged."
        return Healing(finding=finding, is_done=False, why=why)
    return Healing(finding=finding, is_done=True)


def _copy_of(image: Image, part: str) -> bytes:
    with default_storage.open(image.original) as file:
        data = bytes(file.read())
    if hashlib.sha256(data).hexdigest() != image.sha256:
        raise pixels.UnusablePicture("truncated")
    return bytes(getattr(images.copies_of(image, data), part))


def _put_back(image: Image, finding: Finding, data: bytes) -> None:
    folder = PurePosixPath(image.original).parent
    wanted = finding.name or f"{folder}/{finding.part}.webp"
    name = default_storage.save(wanted, ContentFile(data))
    if name != finding.name:
        rows = Image.objects.filter(Q(pk=image.pk, **{finding.part: finding.name}))
        changed: dict[str, Any] = {finding.part: name}
        if not rows.update(**changed):  # somebody else was first, or it was erased
            default_storage.delete(name)


def _delete(storage: Storage, batch: list[Finding]) -> Iterator[Healing]:
    """Asked once more of all rows, and not only of those with the id in the name."""
    names = [finding.name for finding in batch]
    taken: set[str] = set()
    for part in KINDS:
        named = Q(**{f"{part}__in": names})
        taken |= set(Image.objects.filter(named).values_list(part, flat=True))
    for finding in batch:
        if finding.name in taken:
            continue
        storage.delete(finding.name)
        logger.info("deleted %s, which no image names", finding.name)
        yield Healing(finding=finding, is_done=True)
