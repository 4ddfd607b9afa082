"""From one storage to another, while the studio runs.

Every file is read back after it was written, and compared with the SHA-256 in its row or, a
smaller copy, with what it was copied from. A run that was killed is simply run again: what lies
there in its full length is not copied once more. Before anything is taken away from the old
storage, its copy is read as a whole again.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from generations.models import Image
from generations.services import stock
from generations.services.image import KINDS

THREADS = 8
# What no row names and is older was left by an image that was erased between two runs.
_LEFT = timedelta(hours=1)


class End(StrEnum):
    COPIED = "copied"
    THERE = "there"
    # In neither storage.
    MISSING = "missing"
    # Not the bytes of its row, or what was written is not what is read: it stays where it is.
    DAMAGED = "damaged"


@dataclass
class Report:
    counts: Counter[End] = field(default_factory=Counter)
    bytes: int = 0
    shelves: int = 0
    deleted: int = 0
    orphans: int = 0
    # Names, the first hundred of them.
    problems: list[tuple[End, str]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not (self.counts[End.MISSING] or self.counts[End.DAMAGED])


@dataclass(frozen=True, slots=True)
class _Task:
    image: Image
    part: str
    name: str
    is_here: bool
    is_there: bool


@dataclass(frozen=True, slots=True)
class _Done:
    task: _Task
    end: End
    bytes: int = 0


def storage_of(config: dict[str, Any]) -> Storage:
    """As one of settings.STORAGES."""
    made: Storage = storages.create_storage(config)
    return made


def place(config: dict[str, Any]) -> tuple[str, ...]:
    """Where that is, whoever asks: the same place with other credentials is the same."""
    options = config.get("OPTIONS", {})
    return tuple(str(options.get(key, "")) for key in ("location", "endpoint", "bucket", "prefix"))


def move(
    source: Storage,
    target: Storage,
    *,
    is_deleting: bool = False,
    tell: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Copy every image's files; with `is_deleting` take them away from `source` then, and from
    both what belongs to no image. `tell` is called now and then.

    Raises OSError when a storage is away, stock.TooManyOrphans. What was done stays done.
    """
    report = Report()
    threads = ThreadPoolExecutor(THREADS)
    try:
        both = zip(stock.shelves(source), stock.shelves(target), strict=True)
        for (shelf, here), (_, there) in both:
            tasks = list(_tasks(shelf, source, here, target, there))
            _move_shelf(shelf, source, target, tasks, is_deleting, threads, report)
            report.shelves += 1
            tell(report)
    finally:
        threads.shutdown(cancel_futures=True)
    if is_deleting:
        for storage in (source, target):
            report.orphans += sum(1 for _ in stock.delete_orphans(storage, older_than=_LEFT))
    return report


def _tasks(
    shelf: str,
    source: Storage,
    here: dict[str, stock.File],
    target: Storage,
    there: dict[str, stock.File],
) -> Iterator[_Task]:
    for image in stock.images_on(shelf):
        for part in KINDS:
            if name := getattr(image, part):
                is_whole = _is_whole(image, part, source, here, target, there)
                yield _Task(image, part, name, name in here, is_whole)


def _move_shelf(
    shelf: str,
    source: Storage,
    target: Storage,
    tasks: list[_Task],
    is_deleting: bool,
    threads: ThreadPoolExecutor,
    report: Report,
) -> None:
    work = partial(_file, source, target, is_deleting)
    ends = list(threads.map(work, tasks))
    alive = {image.pk for image in stock.images_on(shelf)}
    _forget((end.task for end in ends if end.task.image.pk not in alive), target)
    for end in ends:
        _note(report, end, alive)
    if is_deleting:
        kept = [end for end in ends if end.end in (End.COPIED, End.THERE) and end.task.is_here]
        report.deleted += sum(threads.map(partial(_take_away, source), kept))


def _is_whole(
    image: Image,
    part: str,
    source: Storage,
    here: dict[str, stock.File],
    target: Storage,
    there: dict[str, stock.File],
) -> bool:
    """A copy that was interrupted is shorter."""
    name = getattr(image, part)
    if name not in there:
        return False
    size = stock.size_in(source, name, here)
    if size is None and part == "original":
        size = image.bytes
    return size is None or stock.size_in(target, name, there) == size


def _file(source: Storage, target: Storage, is_deleting: bool, task: _Task) -> _Done:
    if task.is_there and not (is_deleting and task.is_here):
        return _Done(task, End.THERE)
    try:
        data = _read(source, task.name)
    except FileNotFoundError:
        return _Done(task, End.MISSING)
    if task.part == "original" and _digest(data) != task.image.sha256:
        return _Done(task, End.DAMAGED)
    if task.is_there and _holds(target, task.name, data):
        return _Done(task, End.THERE)
    _write(target, task.name, data)
    return _Done(task, End.COPIED if _holds(target, task.name, data) else End.DAMAGED, len(data))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read(storage: Storage, name: str) -> bytes:
    with storage.open(name) as file:
        return bytes(file.read())


def _holds(storage: Storage, name: str, data: bytes) -> bool:
    try:
        return _digest(_read(storage, name)) == _digest(data)
    except FileNotFoundError:
        return False


def _write(storage: Storage, name: str, data: bytes) -> None:
    """Under this name, in place of what an interrupted run left there."""
    if storage.exists(name):
        storage.delete(name)
    written = storage.save(name, ContentFile(data))
    if written != name:  # somebody else was faster, with another file
        storage.delete(written)


def _forget(tasks: Iterable[_Task], target: Storage) -> None:
    """The image was erased meanwhile: no copy of it stays."""
    for task in tasks:
        with suppress(FileNotFoundError):
            target.delete(task.name)


def _note(report: Report, done: _Done, alive: set[uuid.UUID]) -> None:
    if done.task.image.pk not in alive:
        return
    report.counts[done.end] += 1
    report.bytes += done.bytes
    if done.end in (End.MISSING, End.DAMAGED) and len(report.problems) < 100:
        report.problems.append((done.end, done.task.name))


def _take_away(source: Storage, done: _Done) -> bool:
    source.delete(done.task.name)
    if not hasattr(source, "entries"):  # a folder that is empty now goes, too
        with suppress(OSError):
            source.delete(str(PurePosixPath(done.task.name).parent))
    return True
