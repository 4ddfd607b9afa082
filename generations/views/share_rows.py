"""A share link in words: in a list, and its facts."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from generations.models import Collection, Share, User
from generations.services import share as services
from generations.views import words


@dataclass
class Row:
    url: str
    name: str
    what: str
    who: str
    state: str
    is_working: bool
    visits: str
    guests: str
    # For its owner alone; "" also when the key that hid it is gone.
    link: str
    revoke_url: str


def row(share: Share, user: User) -> Row:
    """`share` comes from queries.with_counts."""
    is_working: bool = share.works  # type: ignore[attr-defined]
    return Row(
        url=reverse("share-detail", args=[share.pk]),
        name=share.label or share.title or f"Link of {words.date(share.created_at)}",
        what=what(share, user),
        who=share.user.display_name,
        state=state(share),
        is_working=is_working,
        visits=_visits(share),
        guests=_guests(share),
        link=_link(share) if is_working and share.user_id == user.pk else "",
        revoke_url="" if share.revoked_at else reverse("share-revoke", args=[share.pk]),
    )


def what(share: Share, user: User) -> str:
    """A collection by its name only where this person may see it."""
    if share.collection is None:
        return words.images(share.chosen)  # type: ignore[attr-defined]
    is_team = share.collection.visibility == Collection.Visibility.TEAM
    may_see = is_team or share.collection.user_id == user.pk
    return f"“{share.collection.name}”" if may_see else "A collection"


def links(count: int) -> str:
    return "1 link" if count == 1 else f"{count:,} links"


def facts(share: Share, user: User) -> list[tuple[str, str]]:
    rows = [
        ("Shows", what(share, user)),
        ("State", state(share)),
        ("Made", words.when(share.created_at)),
        ("Visits", _visits(share)),
        ("Guests", _guests(share)),
    ]
    return rows if share.user_id == user.pk else [("By", share.user.display_name), *rows]


def state(share: Share) -> str:
    if share.revoked_at:
        return f"Revoked {words.date(share.revoked_at)}"
    ends_at = services.ends_at(share)
    if ends_at <= timezone.now():
        return f"Ended {words.date(ends_at)}"
    if not share.works:  # type: ignore[attr-defined]
        return "Opens nothing now"
    return f"Works until {words.date(ends_at)}"


def _visits(share: Share) -> str:
    if share.visited_at is None:
        return "None yet"
    times = "1 visit" if share.visits == 1 else f"{share.visits:,} visits"
    return f"{times} · {words.when(share.visited_at)}"


def _guests(share: Share) -> str:
    """What guests need, and may do."""
    given = (
        (share.password, "need a password"),
        (share.may_download, "download"),
        (share.shows_prompt, "read the prompts"),
        (share.asks_picks, "pick"),
    )
    return ", ".join(label for is_so, label in given if is_so) or "look only"


def _link(share: Share) -> str:
    token = services.token_of(share)
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse('guest', args=[token])}" if token else ""
