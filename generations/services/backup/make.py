"""Making a backup while the studio runs: rows of one moment, then the files that they name.

Files never change under their name, so reading them after the rows is as good as at once; one
that is gone by then was deleted by somebody, if its row is gone as well.
"""

import fcntl
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from generations.models import Image
from generations.services import audit
from generations.services.backup import rows, tar
from generations.services.backup.verify import verify
from generations.services.image import KINDS

# Uncompressed bytes of rows in one part; files in one index.
_PART = 8 * 1024 * 1024
_FILES = 2000


class Refused(Exception):
    """There will be no backup. The message is a sentence for a person."""


class Stopped(Exception):
    """Somebody asked to stop."""


@dataclass
class Made:
    rows: int = 0
    files: int = 0
    # Deleted while the backup was made; and not in the storage though their row says so.
    vanished: int = 0
    missing: int = 0
    bytes: int = 0


def make(
    path: Path, *, with_secrets: bool = False, should_stop: Callable[[], bool] = lambda: False
) -> Made:
    """Write an archive, read all of it again, and only then give it its name.

    Raises Refused, Stopped; OSError when the disk or the storage fails. Nothing is left then.
    """
    if path.exists():
        raise Refused(f"{path} is there already, and is not overwritten.")
    with _partial(path) as (stream, partial):
        made = write(stream, with_secrets=with_secrets, should_stop=should_stop, near=path.parent)
        stream.flush()
        os.fsync(stream.fileno())
        verify(partial)
        if path.exists():
            raise Refused(f"{path} is there already, and is not overwritten.")
        made.bytes = partial.stat().st_size
        partial.rename(path)
    audit.note(
        audit.Action.BACKUP_MADE, by=None, rows=made.rows, files=made.files, secrets=with_secrets
    )
    return made


@contextmanager
def _partial(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """FILE.partial, for this process alone; what a killed one left there is written over."""
    partial = path.with_name(f"{path.name}.partial")
    number = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "r+b") as stream:
        if not _is_mine(stream, partial):
            raise Refused(f"Another backup to {path} is under way.")
        try:
            os.fchmod(number, 0o600)
            stream.truncate()
            yield stream, partial
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            with suppress(OSError):
                stream.truncate(0)  # what a full disk did not take must not be flushed later
            raise


def _is_mine(stream: IO[bytes], partial: Path) -> bool:
    """Locked, and still what the name leads to: another process may have finished just now."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(stream.fileno()), partial.lstat())
    except OSError:
        return False


def write(
    stream: IO[bytes],
    *,
    with_secrets: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    near: Path | None = None,
) -> Made:
    """The archive to any stream. `near`: a folder that has room for the names of the files."""
    with tempfile.TemporaryFile("w+", dir=near, encoding="utf-8") as names:
        making = _Making(tar.Writer(stream), names, should_stop)
        try:
            making.all(with_secrets=with_secrets)
        except BaseException:
            making.writer.abandon()
            raise
    return making.made


@dataclass
class _Making:
    writer: tar.Writer
    # Each image's id and its files' names, as the snapshot has them.
    names: IO[str]
    should_stop: Callable[[], bool]
    made: Made = field(default_factory=Made)
    members: list[tar.Member] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)

    def all(self, *, with_secrets: bool) -> None:
        self.head()
        with rows.snapshot():
            self.tables()
        self.files()
        if with_secrets:
            self.secrets()
        self.end(has_secrets=with_secrets)

    def head(self) -> None:
        self.told = {
            "format": tar.FORMAT,
            "veniceweb": settings.VERSION,
            "made_at": timezone.now().isoformat(timespec="seconds"),
            "database": connection.vendor,
        }
        self._add(tar.HEAD, json.dumps(self.told).encode())

    def tables(self) -> None:
        self.told["migrations"] = rows.migrations()
        self.told["left_out"] = rows.LEFT_OUT
        self.told["tables"] = {m._meta.db_table: self._table(m) for m in rows.kept()}

    def _table(self, model: Any) -> dict[str, Any]:
        table, part, count, number = model._meta.db_table, tar.Lines(), 0, 0
        places = [f.attname for f in rows.columns_of(model)]
        picked = (
            [places.index(name) for name in ("id", *KINDS)] if table == Image._meta.db_table else []
        )
        for row in rows.dump(model):
            part.add(rows.line(row))
            count += 1
            if picked:
                self.names.write(rows.line([row[place] for place in picked]) + "\n")
            if part.size > _PART:
                number, part = self._close(table, part, number), tar.Lines()
        if part.size:
            self._close(table, part, number)
        self.made.rows += count
        columns = [f.column for f in rows.columns_of(model)]
        return {"app": model._meta.app_label, "columns": columns, "rows": count}

    def _close(self, table: str, part: tar.Lines, number: int) -> int:
        self._stop_if_asked()
        self._add(f"{tar.TABLES}/{table}/{number + 1:05}.jsonl.gz", part.close())
        return number + 1

    def files(self) -> None:
        self.names.seek(0)
        index: list[dict[str, Any]] = []
        number = 0
        for line in self.names:
            pk, *names = json.loads(line)
            index += [self._file(pk, name) for name in names if name]
            if len(index) >= _FILES:
                number, index = self._index(index, number), []
        if index:
            self._index(index, number)

    def _file(self, pk: str, name: str) -> dict[str, Any]:
        self._stop_if_asked()
        try:
            with default_storage.open(name) as file:
                data = file.read()
        except FileNotFoundError:
            return {"name": name, "image": pk, "gone": self._why_gone(pk)}
        member = self.writer.add(f"{tar.FILES}/{name}", data)
        self.made.files += 1
        return asdict(member) | {"name": name, "image": pk}

    def _why_gone(self, pk: str) -> str:
        is_lost = Image.objects.filter(pk=uuid.UUID(pk)).exists()
        if is_lost:
            self.made.missing += 1
        else:
            self.made.vanished += 1
        return "missing" if is_lost else "vanished"

    def _index(self, index: list[dict[str, Any]], number: int) -> int:
        part = tar.Lines()
        for told in index:
            part.add(json.dumps(told))
        self._add(f"{tar.INDEX}/{number + 1:05}.jsonl.gz", part.close())
        return number + 1

    def secrets(self) -> None:
        self._add(f"{tar.SECRETS}/secret_key", settings.SECRET_KEY.encode())
        self._add(f"{tar.SECRETS}/encryption_keys", ",".join(settings.ENCRYPTION_KEYS).encode())

    def end(self, *, has_secrets: bool) -> None:
        self.told |= {
            "files": self.made.files,
            "vanished": self.made.vanished,
            "missing": self.made.missing,
            "has_secrets": has_secrets,
            "members": [[m.name, m.size, m.sha256] for m in self.members],
        }
        manifest = self.writer.add(tar.MANIFEST, json.dumps(self.told, indent=1).encode())
        self.writer.add(tar.SEAL, manifest.sha256.encode())
        self.writer.close()

    def _add(self, name: str, data: bytes) -> None:
        self.members.append(self.writer.add(name, data))

    def _stop_if_asked(self) -> None:
        if self.should_stop():
            raise Stopped
