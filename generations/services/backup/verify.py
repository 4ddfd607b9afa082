"""Whether an archive is whole: every byte is read and summed, nothing is written."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generations.services.backup import tar
from generations.services.backup.tar import Entry, Member, Unusable

NOT_OURS = Unusable("This is no backup of veniceweb.")


@dataclass(frozen=True, slots=True)
class Table:
    app: str
    columns: list[str]
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself."""

    version: str
    made_at: str
    database: str
    # App -> its last migration.
    migrations: dict[str, str]
    tables: dict[str, Table]
    files: int
    has_secrets: bool


def verify(path: Path) -> Manifest:
    """Read all of it. Raises Unusable: no archive, half of one, a changed byte, a newer format."""
    check = _Check()
    try:
        with path.open("rb") as stream:
            for entry in tar.read(stream):
                check.take(entry)
        return check.result()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # Forged, for whole archives of ours say what is asked for here.
        raise NOT_OURS from None


@dataclass
class _Check:
    members: list[Member] = field(default_factory=list)
    # Files since the last index.
    open_files: list[Member] = field(default_factory=list)
    files: int = 0
    manifest: bytes = b""
    is_sealed: bool = False

    def take(self, entry: Entry) -> None:
        if not self.members:
            self._begin(entry)
        elif self.is_sealed or (self.manifest and entry.name != tar.SEAL):
            raise Unusable("This archive goes on behind its end.")
        elif entry.kind == tar.FILES:
            self.open_files.append(entry.sum())
        elif entry.kind == tar.INDEX:
            self._compare(entry)
        elif entry.name == tar.MANIFEST:
            self.manifest = entry.read()
        elif entry.name == tar.SEAL:
            self._seal(entry.read())
        else:
            self.members.append(entry.sum())

    def _begin(self, entry: Entry) -> None:
        data = entry.read()
        try:
            told = json.loads(data) if entry.name == tar.HEAD else {}
            number, version = told["format"], told["veniceweb"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NOT_OURS from None
        if number != tar.FORMAT:
            raise Unusable(
                f"This archive is of format {number!r}, made by veniceweb {str(version)[:20]}; "
                f"this version reads format {tar.FORMAT}. Restore it with that version or later."
            )
        self.members.append(_summed(entry.name, data))

    def _compare(self, entry: Entry) -> None:
        data = entry.read()
        self.members.append(_summed(entry.name, data))
        told = [json.loads(line) for line in tar.lines(data)]
        there = [(f"{tar.FILES}/{t['name']}", t["size"], t["sha256"]) for t in told if "size" in t]
        if there != [(m.name, m.size, m.sha256) for m in self.open_files]:
            raise _changed("A file")
        self.files += len(there)
        self.open_files.clear()

    def _seal(self, data: bytes) -> None:
        if data.decode(errors="replace") != hashlib.sha256(self.manifest).hexdigest():
            raise _changed("Its manifest")
        self.is_sealed = True

    def result(self) -> Manifest:
        if not self.members:
            raise NOT_OURS
        if not self.is_sealed:
            raise tar.HALF
        told = json.loads(self.manifest)
        if told["members"] != [[m.name, m.size, m.sha256] for m in self.members]:
            raise _changed("A part")
        if self.open_files or told["files"] != self.files:
            raise _changed("A file")
        return _typed(told)


def _typed(told: dict[str, Any]) -> Manifest:
    tables = {
        name: Table(table["app"], list(table["columns"]), int(table["rows"]))
        for name, table in told["tables"].items()
    }
    return Manifest(
        version=told["veniceweb"],
        made_at=told["made_at"],
        database=told["database"],
        migrations=dict(told["migrations"]),
        tables=tables,
        files=told["files"],
        has_secrets=told["has_secrets"],
    )


def _summed(name: str, data: bytes) -> Member:
    return Member(name, len(data), hashlib.sha256(data).hexdigest())


def _changed(what: str) -> Unusable:
    return Unusable(
        f"{what} in this archive is not what was written: it was changed or damaged since."
    )
