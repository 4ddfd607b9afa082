"""The trash: out of every list at once, back for as many days as the policy says, then row and
files are really gone.

Who may: the maker of an image, and admins. What a job cost stands in its generation, which stays.
"""

import contextlib
import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from generations import queries
from generations.models import Generation, Image, User
from generations.services import audit, policy
from generations.services.image import KINDS

logger = logging.getLogger(__name__)

_BATCH = 100


@transaction.atomic
def delete(user: User, *, images: Iterable[Image], at: datetime) -> int:
    """Into the trash; others' images stay where they are. Returns how many went.

    `at` names the deletion: `undo` takes back what one of them did, and nothing else.
    """
    rows = _removable(user, images).filter(deleted_at=None)
    gone = _locked(rows)
    _note(audit.Action.IMAGES_DELETED, gone, by=user)
    return Image.objects.filter(pk__in=gone).update(deleted_at=at, deleted_by=user)


@transaction.atomic
def undo(user: User, *, at: datetime) -> int:
    """Take back this person's deletion of that moment. Returns how many images came back."""
    return _bring_back(user, Image.objects.filter(deleted_by=user, deleted_at=at))


@transaction.atomic
def restore(user: User, *, images: Iterable[Image]) -> int:
    """Out of the trash again. Returns how many came back."""
    return _bring_back(user, _removable(user, images).filter(deleted_at__isnull=False))


def erase(user: User, *, images: Iterable[Image]) -> int:
    """For good, before their time; only what is in the trash. Returns how many are gone."""
    return _erase(_removable(user, images).filter(deleted_at__isnull=False), by=user)


def kept() -> timedelta:
    """How long the trash keeps, by the policy."""
    return timedelta(days=policy.current().trash_days)


def purge() -> int:
    """For good what has been in the trash long enough. Returns how many are gone."""
    gone = _erase(Image.objects.filter(deleted_at__lt=timezone.now() - kept()))
    if gone:
        logger.info("%s images left the trash for good", gone)
    return gone


def finish(images: Iterable[uuid.UUID]) -> int:
    """For good what somebody erased while a backup of it was made: its files are not in there.

    Returns how many are gone.
    """
    return sum(_erase(Image.objects.filter(pk=pk)) for pk in images)


def _removable(user: User, images: Iterable[Image]) -> QuerySet[Image]:
    rows = Image.objects.filter(pk__in=[image.pk for image in images])
    return rows if user.is_admin else rows.filter(user=user)


def _locked(rows: QuerySet[Image]) -> dict[uuid.UUID, int]:
    """The images, held until the transaction ends, and whose they are."""
    return dict(rows.select_for_update().values_list("pk", "user"))


def _bring_back(user: User, rows: QuerySet[Image]) -> int:
    back = _locked(rows)
    _note(audit.Action.IMAGES_RESTORED, back, by=user)
    return Image.objects.filter(pk__in=back).update(deleted_at=None, deleted_by=None)


def _note(action: audit.Action, images: dict[uuid.UUID, int], *, by: User | None) -> None:
    """One line for what is done at once; `others`: how many of them somebody else had made."""
    if not images:
        return
    others = sum(maker != by.pk for maker in images.values()) if by else 0
    more: dict[str, Any] = {"others": others} if others else {}
    audit.note(action, by=by, count=len(images), ids=audit.ids(images), **more)


def _erase(rows: QuerySet[Image], *, by: User | None = None) -> int:
    # What waits for a reviewer is no longer its maker's to erase.
    rows = rows.filter(pk__in=queries.erasable_images().values("pk"))
    ids: Sequence[uuid.UUID] = list(rows.values_list("pk", flat=True))
    batches = (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
    return sum(
        _erase_batch(rows.filter(Q(pk__in=batch)), by=by) for batch in batches if _has_storage()
    )


def _has_storage() -> bool:
    """Asked before rows are locked: each of a hundred images would wait for a bucket that is away,
    and all who write for them."""
    try:
        getattr(default_storage, "check", bool)()
    except OSError as error:
        logger.warning("nothing leaves the trash now: %s", error.strerror)
        return False
    return True


@transaction.atomic
def _erase_batch(rows: QuerySet[Image], *, by: User | None) -> int:
    """Files first: a process that dies in between leaves rows, which the next round finds; files
    without a row nobody would find. The lock keeps a restore from coming in between."""
    gone = _without_files(list(rows.select_for_update()))
    for generation, count in Counter(image.generation_id for image in gone).items():
        # What came of a job stays in its account, as what it cost does.
        Generation.objects.filter(pk=generation).update(erased=F("erased") + count)
    Image.objects.filter(pk__in=[image.pk for image in gone]).delete()
    _note(audit.Action.IMAGES_ERASED, {image.pk: image.user_id for image in gone}, by=by)
    return len(gone)


def _without_files(images: list[Image]) -> list[Image]:
    """Those whose files are gone."""
    delete_all = getattr(default_storage, "delete_all", None)
    if delete_all is None:
        return [image for image in images if _remove_files(image)]
    names = {image.pk: {getattr(image, kind) for kind in KINDS} - {""} for image in images}
    deleted = delete_all(set().union(*names.values()))
    return [image for image in images if names[image.pk] <= deleted]


def _remove_files(image: Image) -> bool:
    """Whether they are gone. While the storage does not let go of one, its row stays as well."""
    try:
        for kind in KINDS:
            if name := getattr(image, kind):
                default_storage.delete(name)
    except OSError as error:
        logger.warning("the files of image %s cannot be deleted: %s", image.pk, error.strerror)
        return False
    _remove_folder(image)
    return True


def _remove_folder(image: Image) -> None:
    with contextlib.suppress(OSError):
        default_storage.delete(str(PurePosixPath(image.original).parent))
