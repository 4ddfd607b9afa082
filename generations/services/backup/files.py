"""Files of a backup, into the storage."""

import re
import tempfile
from contextlib import suppress
from types import TracebackType
from typing import IO, Self

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from generations.services.backup.tar import Unusable

_HAS_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Written:
    """Remembers what it has written, and takes it back when the rest fails.

    A restore that was killed has left files, and perhaps half of one: the next one finds those
    that are whole as they should be, and writes the others again.
    """

    def __init__(self) -> None:
        self.count = 0
        self._names: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with self._names:
            if error is not None:
                self._take_back()

    def put(self, name: str, data: bytes) -> None:
        """Raises Unusable for a name that is no image's; OSError when the storage fails."""
        if not _HAS_ID.search(name):
            # It may be anybody's; what has an image's id in its name is that image's.
            raise Unusable(f"This archive has a file that belongs to no image: {name[:80]!r}.")
        self.count += 1
        if default_storage.exists(name):
            if _read(name) == data:
                return
            default_storage.delete(name)
        self._names.write(f"{name}\n")
        if default_storage.save(name, ContentFile(data)) != name:
            raise Unusable(f"The storage does not take the name {name[:80]!r}.")

    def _take_back(self) -> None:
        self._names.seek(0)
        for line in self._names:
            with suppress(OSError):
                default_storage.delete(line.rstrip("\n"))


def _read(name: str) -> bytes:
    with default_storage.open(name) as file:
        return bytes(file.read())
