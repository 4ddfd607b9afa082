"""Share links: whose they are, which still work, and what each shows at this moment."""

import uuid
from datetime import timedelta

from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Cast, Coalesce
from django.db.models.lookups import Exact, In
from django.utils import timezone

from generations.models import Collection, Image, Pick, Policy, Share, ShareImage, User
from generations.models.policy import Who

# How a link's picks can be filtered; "" is all of them.
PICKS: dict[str, Q] = {
    "": Q(),
    "yes": Q(choice=Pick.Choice.YES),
    "no": Q(choice=Pick.Choice.NO),
    "open": Q(choice=None) | Q(choice=Pick.Choice.OPEN),
    "note": Q(note_of_guest__gt=""),
}


def own_shares(user: User) -> QuerySet[Share]:
    """A person's links, newest first."""
    return Share.objects.filter(user=user).order_by("-created_at", "-id")


def openable_shares(user: User) -> QuerySet[Share]:
    """Links this person may look after: their own, and for admins everybody's."""
    rows = Share.objects.all() if user.is_admin else Share.objects.filter(user=user)
    return rows.order_by("-created_at", "-id")


def _works() -> Q:
    """Not revoked, not over, of somebody who is still here, and of a collection they still see;
    and as the team's policy wants links to be at this moment."""
    team = Q(collection__visibility=Collection.Visibility.TEAM)
    collection = Q(collection__user=F("user")) | team
    return (
        Q(revoked_at=None, user__is_active=True)
        & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
        & (Q(collection=None) | (Q(collection__deleted_at=None) & collection))
        & _is_allowed()
    )


def _policy(field: str) -> Coalesce:
    """Inside the query: a guest's poll asks the database once. Without a row the default."""
    rows = Policy.objects.filter(pk=1).values(field)
    return Coalesce(Subquery(rows), Value(getattr(Policy(), field)))


def _is_allowed() -> Q:
    # To the end of the last day, as expiry is.
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    day = Value(timedelta(days=1), DurationField())
    days = Cast(_policy("share_most_days"), IntegerField())
    longest = ExpressionWrapper(days * day, DurationField())
    first = ExpressionWrapper(Value(today, DateTimeField()) - longest, DateTimeField())
    has_password = Q(password__gt="") | Q(Exact(_policy("share_needs_password"), Value(False)))
    return Q(created_at__gte=first) & has_password & _may_share()


def _may_share() -> Q:
    may = Q(user__may_share=True)
    for role in User.Role.values:
        who = [value for value in Who if role in value.roles]
        may |= Q(user__may_share=None, user__role=role) & Q(In(_policy("sharing_for"), who))
    return may


def working_shares(rows: QuerySet[Share]) -> QuerySet[Share]:
    return rows.filter(_works())


def ended_shares(rows: QuerySet[Share]) -> QuerySet[Share]:
    return rows.exclude(pk__in=Share.objects.filter(_works()).values("pk"))


def with_counts(rows: QuerySet[Share]) -> QuerySet[Share]:
    """With `chosen`: how many images were put into a link that is of no collection; `picked_at`:
    when its guest last picked; `works`: whether it opens anything at this moment; and `most_days`
    that the policy lets it live."""
    items = ShareImage.objects.filter(share=OuterRef("pk")).order_by().values("share")
    chosen = Subquery(items.annotate(count=Count("pk")).values("count"))
    picks = Pick.objects.filter(share=OuterRef("pk")).order_by().values("share")
    picked_at = Subquery(picks.annotate(latest=Max("changed_at")).values("latest"))
    rows = rows.select_related("collection", "user")
    works = Exists(Share.objects.filter(_works(), pk=OuterRef("pk")))
    return rows.annotate(
        chosen=Coalesce(chosen, 0),
        picked_at=picked_at,
        works=works,
        most_days=_policy("share_most_days"),
    )


def working_share(token_hash: str) -> Share | None:
    """The link behind a token, when it works at this moment; with `most_days`."""
    rows = Share.objects.filter(_works(), token_hash=token_hash)
    rows = rows.annotate(most_days=_policy("share_most_days"))
    return rows.select_related("collection").first()


def shareable_collections(user: User) -> QuerySet[Collection]:
    """Collections this person may share: their own, and the team's."""
    team = Q(visibility=Collection.Visibility.TEAM)
    return Collection.objects.filter(team | Q(user=user), deleted_at=None)


def collected_images(collection: Collection | uuid.UUID) -> QuerySet[Image]:
    """What a link to a collection shows: of its images those that are the team's to see."""
    rows = Image.objects.filter(
        state=Image.State.SHOWN,
        visibility=Image.Visibility.TEAM,
        deleted_at=None,
        is_hidden=False,
    )
    return rows.filter(items__collection=collection).order_by("items__position", "items__id")


def shared_images(share: Share) -> QuerySet[Image]:
    """What a link shows at this moment, in its order. Held, deleted and private ones are not
    there; a private one is when its maker shared it as such."""
    if share.collection is not None:
        return collected_images(share.collection)
    mine = Q(share_items__was_private=True, user=share.user_id)
    rows = Image.objects.filter(state=Image.State.SHOWN, deleted_at=None)
    rows = rows.filter(
        Q(visibility=Image.Visibility.TEAM) | mine,
        share_items__share=share,
    )
    return rows.order_by("share_items__position", "share_items__id")


def with_picks(images: QuerySet[Image], share: Share) -> QuerySet[Image]:
    """With `choice` and `note_of_guest`, None where the guest said nothing."""
    said = Pick.objects.filter(share=share, image=OuterRef("pk"))
    return images.annotate(
        choice=Subquery(said.values("choice")[:1]),
        note_of_guest=Subquery(said.values("note")[:1]),
        picked_at=Subquery(said.values("changed_at")[:1]),
    )


def pick_counts(share: Share) -> dict[str, int]:
    """Of what the link shows: `all`, `yes`, `no`, `open`, and `note` (with a note)."""
    shown = shared_images(share).order_by()
    said = Pick.objects.filter(share=share, image__in=shown.values("pk")).aggregate(
        yes=Count("pk", filter=Q(choice=Pick.Choice.YES)),
        no=Count("pk", filter=Q(choice=Pick.Choice.NO)),
        note=Count("pk", filter=Q(note__gt="")),
    )
    count = shown.count()
    return {"all": count, "open": count - said["yes"] - said["no"], **said}


def collected_shares(user: User, collection: uuid.UUID) -> QuerySet[Share]:
    """A person's links to a collection that work and ask for picks, oldest first; with `yes`,
    `no` and `notes`, how many there are, and `picked_at`."""
    rows = working_shares(Share.objects.filter(user=user, collection=collection, asks_picks=True))
    shown = Q(picks__image__in=collected_images(collection).order_by().values("pk"))
    return rows.order_by("created_at", "pk").annotate(
        yes=Count("picks", filter=shown & Q(picks__choice=Pick.Choice.YES)),
        no=Count("picks", filter=shown & Q(picks__choice=Pick.Choice.NO)),
        notes=Count("picks", filter=shown & Q(picks__note__gt="")),
        picked_at=Max("picks__changed_at"),
    )


def undecided_images(share: Share) -> QuerySet[Image]:
    """What the guest has still to say yes or no to, in its order."""
    said = Pick.objects.filter(share=share, image=OuterRef("pk")).exclude(choice="")
    return shared_images(share).filter(~Exists(said))


def filter_picks(images: QuerySet[Image], show: str) -> QuerySet[Image]:
    """Of images that have their picks, those of one kind; see PICKS."""
    return images.filter(PICKS.get(show, PICKS[""]))
