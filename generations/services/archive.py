"""ZIP archives of images, written while they are sent: their size is known before the first byte.

Stored, not deflated: pictures are compressed already, and only so the size is a sum. Each file is
read when its turn comes, so the memory needed is that of one picture. (Format: PKWARE APPNOTE
6.3.10; the 64-bit records only where the archive is too large for the others.)
"""

import json
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db.models import prefetch_related_objects

from generations.models import Image, User
from generations.services import audit
from generations.services.image import read_shown, sizes

METADATA = "metadata.json"
TITLE_LIMIT = 60
# More than this does not fit into the plain records. Tests lower them.
MOST_BYTES = 0xFFFFFFFF
MOST_ENTRIES = 0xFFFF
_PIECE = 256 * 1024


class Changed(Exception):
    """A file is gone or has another size than when the archive's size was told."""


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    size: int
    made_at: datetime
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Archive:
    entries: Sequence[Entry]

    @property
    def size(self) -> int:
        """Bytes of the whole archive."""
        offset, directory = 0, 0
        for entry in self.entries:
            directory += len(_central(entry, 0, offset))
            offset += len(_local(entry, 0)) + entry.size
        return offset + directory + len(_end(len(self.entries), directory, offset))

    def pieces(self) -> Iterator[bytes]:
        """The archive, piece by piece. Raises Changed rather than send what was not told."""
        offset, directory = 0, bytearray()
        for entry in self.entries:
            data = _read(entry)
            crc = zlib.crc32(data)
            record = _local(entry, crc) + data
            directory += _central(entry, crc, offset)
            offset += len(record)
            for start in range(0, len(record), _PIECE):
                yield record[start : start + _PIECE]
        yield bytes(directory) + _end(len(self.entries), len(directory), offset)


def export(user: User, images: Sequence[Image]) -> Archive:
    """These images for somebody of the team, which the audit log remembers."""
    packed = pack(images)
    ids = audit.ids(image.pk for image in images)
    audit.note(audit.Action.EXPORTED, by=user, what="images", count=len(images), ids=ids)
    return packed


def pack(
    images: Sequence[Image],
    *,
    kind: str = "original",
    has_prompts: bool = True,
    has_details: bool = True,
) -> Archive:
    """Images with what is known of them in METADATA; files that are gone are named there.

    Without `has_prompts` and `has_details` neither a name nor METADATA tells what a guest is not
    to read.
    """
    names = names_of(images, has_prompts=has_prompts, ending="" if kind == "original" else "webp")
    entries, missing = [], []
    for image, name, size in zip(images, names, sizes(images, kind), strict=True):
        if size is None:
            missing.append(image)
            continue
        read = partial(read_shown, image, kind)
        entries.append((image, Entry(name, size, image.created_at, read)))
    if has_details:
        prefetch_related_objects(list(images), "tags")
    tell = partial(_described, has_prompts=has_prompts, has_details=has_details)
    told = {"images": [tell(image, file=entry.name) for image, entry in entries]}
    if missing:
        told["missing"] = [tell(image, file=None) for image in missing]
    return Archive([_metadata(told), *(entry for _, entry in entries)])


def names_of(images: Sequence[Image], *, has_prompts: bool = True, ending: str = "") -> list[str]:
    """A file name for each image: its day and the beginning of its prompt, none of them twice."""
    taken = {METADATA}
    names = []
    for image in images:
        title = _title(image.generation.prompt) if has_prompts else ""
        stem = f"{image.created_at:%Y-%m-%d} {title}".strip()
        names.append(_free(stem, ending or image.format, taken))
    return names


def _title(prompt: str) -> str:
    """What every system takes as a part of a file's name."""
    text = unicodedata.normalize("NFC", prompt)
    kept = (" " if _is_barred(char) else char for char in text)
    words = " ".join("".join(kept).split())[:TITLE_LIMIT]
    # 255 bytes are a name's limit nearly everywhere; day, number and ending need some too.
    return words.encode()[:200].decode(errors="ignore").strip(" .")


def _is_barred(char: str) -> bool:
    """Separators, what Windows bars, and what is not seen: controls, marks of direction."""
    return char in '<>:"/\\|?*' or unicodedata.category(char)[0] in "CZ"


def _free(stem: str, ending: str, taken: set[str]) -> str:
    """Numbered from the second on; upper and lower case are one on many disks."""
    name, number = f"{stem}.{ending}", 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem} ({number}).{ending}"
    taken.add(name.casefold())
    return name


def _described(
    image: Image, *, file: str | None, has_prompts: bool, has_details: bool
) -> dict[str, Any]:
    made = image.generation
    told: dict[str, Any] = {"file": file, "width": image.width, "height": image.height}
    if has_prompts:
        told["prompt"] = made.prompt
    if not has_details:
        return told
    return told | {
        "id": str(image.pk),
        "negative_prompt": made.negative_prompt,
        "model": made.model,
        "model_name": made.model_name,
        "parameters": made.parameters,
        "seed": image.seed,
        "price": None if image.price is None else str(image.price),
        "made_by": image.user.display_name,
        "created_at": image.created_at.isoformat(),
        "rating": image.rating,
        "tags": sorted(tag.name for tag in image.tags.all()),
        "note": image.note,
    }


def _metadata(told: dict[str, list[dict[str, Any]]]) -> Entry:
    """A line for each image: to be read, and ten times as fast as indented all through."""
    lists = (
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in some)
        for name, some in told.items()
    )
    data = ("{" + "\n],\n".join(lists) + "\n]}\n").encode()
    return Entry(METADATA, len(data), datetime.now(UTC), lambda: data)


def _read(entry: Entry) -> bytes:
    try:
        data = entry.read()
    except OSError as error:
        raise Changed(entry.name) from error
    if len(data) != entry.size:
        raise Changed(entry.name)
    return data


# --- records ----------------------------------------------------------------------------------

_IS_UTF8 = 0x800
_VERSION, _VERSION_64 = 20, 45
_UNIX, _READABLE = 3 << 8, 0o100644 << 16


def _moment(made_at: datetime) -> tuple[int, int]:
    """Time and day as DOS has them: since 1980, in steps of two seconds."""
    at = max(made_at.astimezone(UTC), datetime(1980, 1, 1, tzinfo=UTC))
    day = (at.year - 1980) << 9 | at.month << 5 | at.day
    return at.hour << 11 | at.minute << 5 | at.second // 2, day


def _local(entry: Entry, crc: int) -> bytes:
    name = entry.name.encode()
    flags = (_VERSION, _IS_UTF8, 0, *_moment(entry.made_at))
    sizes = (crc, entry.size, entry.size, len(name), 0)
    return struct.pack("<4s5H3I2H", b"PK\3\4", *flags, *sizes) + name


def _central(entry: Entry, crc: int, offset: int) -> bytes:
    name = entry.name.encode()
    is_far = offset >= MOST_BYTES
    extra = struct.pack("<2HQ", 1, 8, offset) if is_far else b""
    version = _VERSION_64 if is_far else _VERSION
    flags = (_UNIX | version, version, _IS_UTF8, 0, *_moment(entry.made_at))
    sizes = (crc, entry.size, entry.size, len(name), len(extra), 0, 0, 0, _READABLE)
    place = 0xFFFFFFFF if is_far else offset
    return struct.pack("<4s6H3I5H2I", b"PK\1\2", *flags, *sizes, place) + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    """`size` and `offset` are the central directory's."""
    if count < MOST_ENTRIES and size < MOST_BYTES and offset < MOST_BYTES:
        return struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, offset, 0)
    counts = (count, count, size, offset)
    versions = (_UNIX | _VERSION_64, _VERSION_64, 0, 0)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, *versions, *counts)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, offset + size, 1)
    full = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return record + locator + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, *full, 0)


def file_name(moment: datetime) -> str:
    """The archive's own name."""
    return f"images {moment:%Y-%m-%d %H%M}.zip"
