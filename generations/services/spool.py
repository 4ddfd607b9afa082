"""Answers on disk, from the moment they arrive until they are settled.

An answer is paid for and cannot be asked for again. Whatever happens between its last byte and
the commit that settles it (the worker is killed, the database or the storage is away), the
bytes are in this folder, and the next worker on this machine settles them.

Whoever works on a file holds its lock (flock), which ends with the process.
"""

import fcntl
import json
import logging
import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings

from generations.models import Call
from generations.venice.types import AccountState, Deprecation, ImageAnswer, Verdict

logger = logging.getLogger(__name__)

ENDING, STUCK = ".answer", ".stuck"


@dataclass
class Kept:
    """An answer that this process is to settle. Without a file it is only in its memory."""

    call: uuid.UUID
    answer: ImageAnswer | None = field(repr=False)
    path: Path | None = None
    lock: int | None = None

    def read(self) -> ImageAnswer:
        """Raises ValueError for a file that is none of ours."""
        if self.answer is not None:
            return self.answer
        assert self.path is not None
        return _unpacked(self.path.read_bytes())

    def remove(self) -> None:
        """It is settled."""
        if self.path:
            with suppress(OSError):  # then it is found again, settled, and removed later
                self.path.unlink(missing_ok=True)
        self._unlock()

    def set_aside(self) -> None:
        """It cannot be settled, and somebody may want to know why: kept under another name."""
        if self.path:
            logger.error("the answer to call %s is kept at %s", self.call, self.path)
            with suppress(OSError):
                self.path.rename(self.path.with_suffix(STUCK))
        self._unlock()

    def _unlock(self) -> None:
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None


def keep(call: Call, answer: ImageAnswer) -> Kept:
    """Write the answer down. When no folder takes it, it stays in memory."""
    content = _packed(call, answer)
    for folder in _folders():
        try:
            return _kept_in(folder, call, answer, content)
        except OSError as error:
            logger.warning("no answer can be kept in %s: %s", folder, error.strerror)
    return Kept(call.pk, answer)


def _folders() -> tuple[Path, ...]:
    """Our own, and the system's, which may be on a disk that still has room."""
    ours: Path = settings.SPOOL
    mark = uuid.uuid5(uuid.NAMESPACE_URL, str(ours.resolve())).hex[:12]
    return ours, Path(tempfile.gettempdir()) / f"veniceweb-spool-{os.getuid()}-{mark}"


def _kept_in(folder: Path, call: Call, answer: ImageAnswer, content: bytes) -> Kept:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_ours(folder)
    written, path = folder / f".{call.pk}.{os.getpid()}", folder / f"{call.pk}{ENDING}"
    lock = os.open(written, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with os.fdopen(os.dup(lock), "wb") as file:
            file.write(content)
        written.rename(path)
    except OSError:
        os.close(lock)
        written.unlink(missing_ok=True)
        raise
    return Kept(call.pk, answer, path, lock)


def _require_ours(folder: Path) -> None:
    # In the system's folder anybody may have made one of that name.
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(1, "it is open to others", str(folder))


def left_behind() -> Iterator[Kept]:
    """Answers whose process has ended before it settled them; ours to settle now."""
    for folder in _folders():
        with suppress(OSError):
            for path in sorted(folder.glob(f"*{ENDING}")):
                if taken := _taken(path):
                    yield taken


def left() -> tuple[int, int]:
    """How many answers on this disk have waited for a minute, and how many nobody could settle."""
    before = time.time() - 60
    waiting = stuck = 0
    for folder in _folders():
        with suppress(OSError):
            stuck += sum(1 for _ in folder.glob(f"*{STUCK}"))
            waiting += sum(path.stat().st_mtime < before for path in folder.glob(f"*{ENDING}"))
    return waiting, stuck


def _taken(path: Path) -> Kept | None:
    try:
        call = uuid.UUID(path.stem)
        lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except (ValueError, OSError):
        return None
    try:
        _require_ours(path.parent)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino == os.fstat(lock).st_ino:
            return Kept(call, None, path, lock)
    except OSError:  # somebody holds it, or has just settled it
        pass
    os.close(lock)
    return None


# --- the file: a line of JSON, then the images, one behind the other ----------------------------


def _packed(call: Call, answer: ImageAnswer) -> bytes:
    told = asdict(answer) | {"images": [len(image) for image in answer.images]}
    head = json.dumps({"call": str(call.pk), "answer": told}, default=str)
    return b"".join([head.encode(), b"\n", *answer.images])


def _unpacked(content: bytes) -> ImageAnswer:
    line, _, rest = content.partition(b"\n")
    try:
        told = json.loads(line)["answer"]
        images, sizes = [], told.pop("images")
        if len(rest) != sum(sizes):
            raise ValueError("its images are not as long as it says")
        for size in sizes:
            images.append(rest[:size])
            rest = rest[size:]
        return ImageAnswer(
            images=tuple(images),
            verdict=Verdict(**told.pop("verdict")),
            account=_account(told.pop("account")),
            deprecation=_deprecation(told.pop("deprecation")),
            **told,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no answer of ours: {error}") from None


def _account(told: Mapping[str, Any]) -> AccountState:
    usd, diem, reset = told["balance_usd"], told["balance_diem"], told["reset_at"]
    return AccountState(
        balance_usd=None if usd is None else Decimal(usd),
        balance_diem=None if diem is None else Decimal(diem),
        limit_requests=told["limit_requests"],
        remaining_requests=told["remaining_requests"],
        reset_at=None if reset is None else datetime.fromisoformat(reset),
    )


def _deprecation(told: Mapping[str, Any] | None) -> Deprecation | None:
    if told is None:
        return None
    date = told["date"]
    return Deprecation(
        date=None if date is None else datetime.fromisoformat(date),
        replacement=told["replacement"],
        warning=told["warning"],
    )
