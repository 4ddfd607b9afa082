"""Images: who may see which, and the gallery."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from generations.models import Case, Image, User


def visible_images(user: User) -> QuerySet[Image]:
    """What this person's lists show: the team's images and their own, none that is held or in
    the trash."""
    return Image.objects.filter(_seen_by(user), state=Image.State.SHOWN, deleted_at=None)


def trash(user: User) -> QuerySet[Image]:
    """What this person may take back: their own images, and for admins the team's."""
    rows = Image.objects.filter(state=Image.State.SHOWN, deleted_at__isnull=False)
    return rows.filter(_seen_by(user) if user.is_admin else Q(user=user))


def openable_images(user: User) -> QuerySet[Image]:
    """What this person may open by its address: also what they may take out of the trash, and
    for reviewers what is held or rejected. What is locked away nobody opens."""
    theirs = _seen_by(user) if user.is_admin else Q(user=user)
    seen = Q(_seen_by(user), deleted_at=None) | Q(theirs, deleted_at__isnull=False)
    seen &= Q(state=Image.State.SHOWN)
    if user.is_reviewer:
        seen |= Q(state__in=(Image.State.HELD, Image.State.REJECTED))
    return Image.objects.filter(seen)


def _seen_by(user: User) -> Q:
    """What somebody cancelled while it ran is nobody else's to see, like what is private."""
    return Q(visibility=Image.Visibility.TEAM, is_hidden=False) | Q(user=user)


def newest(rows: QuerySet[Image]) -> QuerySet[Image]:
    """Newest first, with what a tile shows."""
    return rows.select_related("generation", "user").order_by("-created_at", "-id")


def images_of(user: User) -> QuerySet[Image]:
    """Whatever came of a person's jobs and still hangs, held or not; for counting."""
    return Image.objects.filter(user=user, deleted_at=None, is_hidden=False)


def held_images() -> QuerySet[Image]:
    """What is kept from people: held, rejected, or locked away; in the trash or not."""
    return Image.objects.exclude(state=Image.State.SHOWN)


def erasable_images() -> QuerySet[Image]:
    """What may be gone for good. What waits for a decision is kept, as is what shows a minor."""
    kept = Q(state__in=(Image.State.HELD, Image.State.LOCKED))
    waits = Exists(Case.objects.filter(image=OuterRef("pk"), closed_at=None))
    return Image.objects.exclude(kept).filter(~waits)
