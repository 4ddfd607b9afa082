"""The archive: one tar, written and read as a stream, with the SHA-256 of every member.

    veniceweb-backup.json           what this is, before anything else
    tables/<table>/00001.jsonl.gz   rows, each a list on a line
    files/<name in the storage>     pictures, as they are
    index/00001.jsonl.gz            the files since the last one: name, image, size, SHA-256
    secrets/<name>                  only when they were asked for
    manifest.json                   counts, columns, and every member but the files
    manifest.sha256                 the last member: half an archive has none

Files have indexes of their own, so that neither side holds three million names in memory.
"""

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

FORMAT = 1
HEAD, MANIFEST, SEAL = "veniceweb-backup.json", "manifest.json", "manifest.sha256"
TABLES, FILES, INDEX, SECRETS = "tables", "files", "index", "secrets"

# What no archive of ours exceeds, so that a forged one cannot fill the memory.
MOST_BYTES = 512 * 1024 * 1024
MOST_PART = 256 * 1024 * 1024
_PIECE = 1024 * 1024
_NAMES = re.compile(
    rf"{re.escape(HEAD)}|{re.escape(MANIFEST)}|{re.escape(SEAL)}"
    rf"|{TABLES}/[a-z0-9_]+/\d{{5,}}\.jsonl\.gz|{INDEX}/\d{{5,}}\.jsonl\.gz"
    rf"|{SECRETS}/(secret_key|encryption_keys)"
    rf"|{FILES}/[\w-][\w.-]*(/[\w-][\w.-]*)*",
    re.ASCII,
)


class Unusable(Exception):
    """This archive cannot be restored here. The message is a sentence for a person."""


HALF = Unusable("This is half a backup: its end is missing. Take another one.")


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    size: int
    sha256: str


class Writer:
    def __init__(self, stream: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.GNU_FORMAT)  # noqa: SIM115

    def add(self, name: str, data: bytes) -> Member:
        """Raises OSError when the disk takes no more."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        self._tar.addfile(info, io.BytesIO(data))
        # Otherwise it remembers every member until the end.
        self._tar.members.clear()  # type: ignore[attr-defined]
        return Member(name, len(data), hashlib.sha256(data).hexdigest())

    def close(self) -> None:
        self._tar.close()

    def abandon(self) -> None:
        """Nothing more is written, also not when it is forgotten."""
        self._tar.fileobj.closed = True  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Entry:
    """A member while it is read: its bytes are there once."""

    name: str
    size: int
    _file: IO[bytes]

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]

    @property
    def rest(self) -> str:
        return self.name.partition("/")[2]

    def read(self) -> bytes:
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Raises Unusable when the archive ends in the middle of it."""
        try:
            while piece := self._file.read(_PIECE):
                yield piece
        except tarfile.TarError:
            raise HALF from None

    def sum(self) -> Member:
        """Read it to the end for its SHA-256."""
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return Member(self.name, self.size, digest.hexdigest())


def read(stream: IO[bytes]) -> Iterator[Entry]:
    """The members in their order; the bytes of each before the next is asked for.

    Raises Unusable for what is no archive of ours, and for half of one.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            while info := archive.next():
                archive.members.clear()  # type: ignore[attr-defined]
                yield _entry(archive, info)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError):
        raise HALF from None


def _entry(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Entry:
    if not info.isreg() or info.issparse() or not _NAMES.fullmatch(info.name):
        raise Unusable(f"This is no backup of veniceweb: it holds {info.name[:80]!r}.")
    if info.size > MOST_BYTES:
        raise Unusable(f"{info.name[:80]!r} says it has {info.size:,} bytes; no part of ours does.")
    file = archive.extractfile(info)
    assert file is not None
    return Entry(info.name, info.size, file)


def lines(data: bytes) -> Iterator[bytes]:
    """The lines of a compressed part, however much it says it unfolds to. Raises Unusable."""
    left = MOST_PART
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as unfolded:
            while line := unfolded.readline(left + 1):
                left -= len(line)
                if left < 0:
                    raise Unusable("A part of this archive unfolds to more than any of ours does.")
                yield line
    except (OSError, EOFError, zlib.error):
        raise Unusable("A part of this archive cannot be read.") from None


class Lines:
    """Collects lines for one compressed part."""

    def __init__(self) -> None:
        self.size = 0
        self._packed = bytearray()
        # As gzip writes it (31), with not much effort: the pictures are what takes the space.
        self._packer = zlib.compressobj(5, wbits=31)

    def add(self, line: str) -> None:
        data = f"{line}\n".encode()
        self.size += len(data)
        self._packed += self._packer.compress(data)

    def close(self) -> bytes:
        return bytes(self._packed + self._packer.flush())
