"""A backup a day, made by one process; old ones go."""

import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from generations.models import Backup
from generations.services.backup.make import Made, Refused, Stopped, make
from generations.services.backup.tar import Unusable
from generations.services.clock import ago, ahead

logger = logging.getLogger(__name__)

# An hour less, so that it is the same hour each day.
EVERY = timedelta(hours=23)
# A process that is not done by then is dead.
CLAIM = timedelta(hours=12)
# Only what has such a name is ours to delete.
_OURS = re.compile(r"veniceweb-\d{8}T\d{6}Z\.tar(\.partial)?")


def last() -> datetime | None:
    """When a scheduled backup last succeeded; None: never."""
    return Backup.objects.filter(pk=1).values_list("succeeded_at", flat=True).first()


def problem() -> str:
    """Why the newest try came to nothing, in a sentence; "" when it did not fail."""
    return Backup.objects.filter(pk=1).values_list("problem", flat=True).first() or ""


def run_if_due(should_stop: Callable[[], bool] = lambda: False) -> bool:
    """Make the backup of the day; False when none is wanted, it was made, or another is at it."""
    if settings.BACKUPS is None or not _claim():
        return False
    folder = Path(settings.BACKUPS)
    path = folder / f"veniceweb-{timezone.now():%Y%m%dT%H%M%SZ}.tar"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_halves(folder)
        made = make(path, should_stop=should_stop)
    except Stopped:
        _done(claimed_until=None)
        return False
    except (Refused, Unusable, DatabaseError, OSError) as error:
        _fail(error)
        return False
    _succeed(path, made)
    _keep_newest(folder)
    return True


def _claim() -> bool:
    """One row, one UPDATE: of all that are rung for at once, one has changed it."""
    Backup.objects.get_or_create(pk=1)
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=Now())
    is_due = Q(succeeded_at=None) | Q(succeeded_at__lt=ago(EVERY))
    return bool(Backup.objects.filter(is_free, is_due).update(claimed_until=ahead(CLAIM)))


def _done(**values: object) -> None:
    Backup.objects.filter(pk=1).update(**values)


def _fail(error: Exception) -> None:
    reason = getattr(error, "strerror", None) or str(error)
    logger.error("no backup was made: %s", reason)
    _done(claimed_until=None, problem=reason[:300])


def _succeed(path: Path, made: Made) -> None:
    logger.info("backup of %s rows and %s files at %s", made.rows, made.files, path)
    lost = f"{made.missing:,} files are not in the storage." if made.missing else ""
    _done(
        claimed_until=None,
        succeeded_at=Now(),
        file=str(path)[:300],
        bytes=made.bytes,
        problem=lost,
    )


def _keep_newest(folder: Path) -> None:
    """Names are times, so their order is their age."""
    ours = sorted(p for p in folder.iterdir() if _OURS.fullmatch(p.name) and p.suffix == ".tar")
    for path in ours[: -settings.BACKUPS_KEPT]:
        path.unlink(missing_ok=True)


def _forget_halves(folder: Path) -> None:
    """What a killed one left: whoever has the claim is alone here."""
    for path in folder.glob("*.partial"):
        if _OURS.fullmatch(path.name):
            path.unlink(missing_ok=True)
