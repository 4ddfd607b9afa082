"""What people say of images: favourites, ratings, tags, notes, and who may see them.

Who may: everybody who sees an image in their lists may favourite, tag and rate it, for tags and
rating belong to the team. The note and the visibility belong to the maker alone: an admin who
made somebody's image private would take it from themselves. Nobody marks what is held or in the
trash. Of many images at once, those that a person may not mark stay as they are, and the count
that comes back says how many did change.
"""

import unicodedata
import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Count

from generations import queries
from generations.models import Favourite, Image, ImageTag, ShareImage, Tag, User
from generations.services import search
from generations.services.errors import Invalid

RATINGS = range(1, 6)
MOST_TAGS = 30
NOTE_LIMIT = 2000
_UNKEPT = "There is a character in it that cannot be kept. Type it again."


def favourite(user: User, *, images: Iterable[Image], is_on: bool) -> int:
    """Keep images close, or let them go; for this person alone. Returns how many they were."""
    ids = _markable(user, images)
    if is_on:
        rows = [Favourite(user=user, image_id=pk) for pk in ids]
        Favourite.objects.bulk_create(rows, ignore_conflicts=True)
    else:
        Favourite.objects.filter(user=user, image__in=ids).delete()
    return len(ids)


@transaction.atomic
def rate(user: User, *, images: Iterable[Image], rating: int | None) -> int:
    """1 to 5, or None to take the rating away. Raises Invalid."""
    if rating is not None and rating not in RATINGS:
        raise Invalid({"rating": "A rating is 1 to 5, or none."})
    ids = _markable(user, images)
    Image.objects.filter(pk__in=ids).update(rating=rating)
    _reindex(ids)
    return len(ids)


def cleaned_tags(text: str) -> list[str]:
    """The tags of a text with commas, as they are stored, each once. Raises Invalid."""
    if "\0" in text:
        raise Invalid({"tag": _UNKEPT})
    given = unicodedata.normalize("NFC", text).lower().split(",")
    names = list(dict.fromkeys(name for part in given if (name := " ".join(part.split()))))
    if not names:
        raise Invalid({"tag": "Write a tag first."})
    if any(len(name) > Tag.NAME_LIMIT for name in names):
        raise Invalid({"tag": f"A tag has at most {Tag.NAME_LIMIT} characters."})
    if len(names) > MOST_TAGS:
        raise Invalid({"tag": _too_many(1)})
    return names


def _too_many(count: int) -> str:
    whose = "An image has" if count == 1 else "Each image has"
    return f"{whose} at most {MOST_TAGS} tags. Take one off first."


@transaction.atomic
def tag(user: User, *, images: Iterable[Image], names: Sequence[str]) -> int:
    """Put tags (from cleaned_tags) on images; all of them or, raising Invalid, none."""
    ids = _markable(user, images)
    # One after the other: two at once could bring an image over the most it may have.
    list(Image.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))
    Tag.objects.bulk_create([Tag(name=name) for name in names], ignore_conflicts=True)
    tags = list(Tag.objects.filter(name__in=names).values_list("pk", flat=True))
    rows = [ImageTag(image_id=pk, tag_id=one) for pk in ids for one in tags]
    ImageTag.objects.bulk_create(rows, ignore_conflicts=True, batch_size=5000)
    tagged = ImageTag.objects.filter(image__in=ids).order_by().values("image")
    if tagged.annotate(tags=Count("pk")).filter(tags__gt=MOST_TAGS).exists():
        raise Invalid({"tag": _too_many(len(ids))})
    _reindex(ids)
    return len(ids)


@transaction.atomic
def untag(user: User, *, images: Iterable[Image], names: Sequence[str]) -> int:
    """Take tags off images. The word itself stays: suggestions are read from the images."""
    ids = _markable(user, images)
    ImageTag.objects.filter(image__in=ids, tag__name__in=names).delete()
    _reindex(ids)
    return len(ids)


@transaction.atomic
def note(user: User, *, image: Image, text: str) -> None:
    """What its maker wants to be read beside an image. Raises Invalid."""
    if image.pk not in _own(user, [image]):
        raise Invalid({"note": "Only who made an image writes its note."})
    if "\0" in text:
        raise Invalid({"note": _UNKEPT})
    text = text.replace("\r\n", "\n").strip()
    if len(text) > NOTE_LIMIT:
        over = len(text) - NOTE_LIMIT
        raise Invalid({"note": f"{over:,} characters too long: at most {NOTE_LIMIT:,}."})
    Image.objects.filter(pk=image.pk).update(note=text)
    _reindex([image.pk])


@transaction.atomic
def show_to(user: User, *, images: Iterable[Image], visibility: str) -> int:
    """Open one's own images to the team, or to oneself alone; others' stay. Raises Invalid."""
    if visibility not in Image.Visibility.values:
        raise Invalid({"visibility": "Choose Team or Only me."})
    rows = Image.objects.filter(pk__in=_own(user, images))
    if visibility == Image.Visibility.PRIVATE:
        # What turns private is taken back from every link, also from one that was made when it
        # was private before.
        turned = rows.filter(visibility=Image.Visibility.TEAM)
        ShareImage.objects.filter(image__in=turned.values("pk")).update(was_private=False)
    return rows.update(visibility=visibility)


def _markable(user: User, images: Iterable[Image]) -> list[uuid.UUID]:
    """The ids of those that this person sees, asked again: a moment may have passed."""
    ids = [image.pk for image in images]
    rows = queries.visible_images(user).filter(pk__in=ids)
    return list(rows.values_list("pk", flat=True))


def _own(user: User, images: Iterable[Image]) -> list[uuid.UUID]:
    ids = [image.pk for image in images]
    rows = queries.visible_images(user).filter(pk__in=ids, user=user)
    return list(rows.values_list("pk", flat=True))


def _reindex(ids: Sequence[uuid.UUID]) -> None:
    search.reindex(list(Image.objects.filter(pk__in=ids)))
