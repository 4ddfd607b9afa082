"""A link's images with what its guest said of them, live."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from generations import queries
from generations.models import Image, Share, User
from generations.views import cards, words
from generations.views.access import Request, shareable_collection

PAGE = 60
# Longer lists are found with the filter, and taken over with "Add to a collection".
MOST_COPIED = 500
_LABELS = {"": "All", "yes": "Yes", "no": "No", "open": "Open", "note": "With a note"}
_COUNTS = {"": "all"}
# Two moments that are this near may have been written in the other order.
OVERLAP = timedelta(seconds=5)


@dataclass
class Picked:
    dom_id: str
    number: int
    frame: cards.Frame
    choice: str
    note: str
    at: datetime | None


def shown(request: Request, share: Share) -> dict[str, Any]:
    """What the page of a link shows of its images."""
    show, number = _show(request, share), _page_number(request)
    rows = queries.filter_picks(queries.with_picks(queries.shared_images(share), share), show)
    found = list(rows[(number - 1) * PAGE : number * PAGE + 1])
    first = (number - 1) * PAGE + 1
    return _summary(share, show) | {
        "pictures": [_picked(image, at) for at, image in enumerate(found[:PAGE], first)],
        "next_url": _address(share, show, number + 1) if len(found) > PAGE else "",
        "poll": _poll(share, show, number),
        "show": show,
    }


def changed(request: Request, share: Share) -> HttpResponse:
    """The poller's answer. A filtered list is sent whole: what is in it may have changed."""
    show, number = _show(request, share), _page_number(request)
    if request.GET.get("seen", "") == _mark(share):
        return HttpResponse(status=204)
    context = shown(request, share)
    since = _moment(request.GET.get("seen", ""))
    if not show:
        pictures = context["pictures"]
        context["pictures"] = [one for one in pictures if one.at and one.at >= since]
    context |= {"poll": _poll(share, show, number), "share": share}
    return render(request, "shares/_poll.html", context)


def of_collection(user: User, pk: uuid.UUID) -> dict[str, Any]:
    """What the page of a collection shows of picks at this person's links to it."""
    rows: list[Any] = list(queries.collected_shares(user, pk))
    seen = max((row.picked_at for row in rows if row.picked_at), default=None)
    url = reverse("share-collected", args=[pk])
    query = urlencode({"seen": f"{len(rows)}-{_micros(seen)}"})
    return {
        "links": [_link(row) for row in rows],
        "poll": {"url": f"{url}?{query}", "interval": _interval(seen)} if rows else None,
    }


def _link(row: Any) -> dict[str, Any]:
    url = reverse("share-detail", args=[row.pk])
    counts = (("yes", row.yes, "yes"), ("no", row.no, "no"), ("note", row.notes, "with a note"))
    return {
        "name": row.label or row.title or f"Link of {words.date(row.created_at)}",
        "url": url,
        "counts": [(f"{url}?show={show}", f"{count} {label}") for show, count, label in counts],
    }


def collected(request: Request, pk: uuid.UUID) -> HttpResponse:
    """The answer to the poller of a collection's page. Their own links are theirs to see; where
    there is none any more, the collection must be."""
    context = of_collection(request.user, pk)
    if not context["links"]:
        shareable_collection(request.user, pk)
    query = urlencode({"seen": request.GET.get("seen", "")})
    if context["poll"] and context["poll"]["url"].endswith(f"?{query}"):
        return HttpResponse(status=204)
    return render(request, "shares/_collected.html", {**context, "is_oob": True})


def _summary(share: Share, show: str) -> dict[str, Any]:
    if not share.asks_picks:
        return {}
    counts = queries.pick_counts(share)
    tabs = [
        {
            "label": label,
            "url": _address(share, value),
            "is_current": value == show,
            "count": counts[_COUNTS.get(value, value)],
        }
        for value, label in _LABELS.items()
    ]
    return {
        "tabs": tabs,
        "sent": words.when(share.sent_at) if share.sent_at else "",
        **(_taken(share) if counts["yes"] else {}),
    }


def _taken(share: Share) -> dict[str, Any]:
    """What was picked, to take along: as text, and into a collection."""
    rows = queries.with_picks(queries.shared_images(share), share)
    yes = list(queries.filter_picks(rows, "yes")[:MOST_COPIED])
    base = settings.PUBLIC_URL.rstrip("/")
    lines = [f"{base}{reverse('image-detail', args=[one.pk])} {_note(one)}".strip() for one in yes]
    try:
        collect_url = reverse("collection-add")
    except NoReverseMatch:
        collect_url = ""
    return {
        "yes_text": "\n".join(lines),
        "yes_ids": [image.pk for image in yes],
        "collect_url": collect_url,
    }


def _note(image: Any) -> str:
    return " ".join((image.note_of_guest or "").split())


def _picked(image: Image, number: int) -> Picked:
    return Picked(
        dom_id=f"pick-{image.pk.hex}",
        number=number,
        frame=cards.frame(image, ""),
        choice=image.choice or "",  # type: ignore[attr-defined]
        note=image.note_of_guest or "",  # type: ignore[attr-defined]
        at=image.picked_at,  # type: ignore[attr-defined]
    )


# --- addresses and the poller -------------------------------------------------------------------


def _show(request: Request, share: Share) -> str:
    show = request.GET.get("show", "")
    return show if share.asks_picks and show in queries.PICKS else ""


def _page_number(request: Request) -> int:
    text = request.GET.get("page", "")
    return min(max(int(text), 1), 1000) if text.isdecimal() and len(text) < 6 else 1


def _address(share: Share, show: str, number: int = 1) -> str:
    query = {"show": show, "page": str(number) if number > 1 else ""}
    given = urlencode({key: value for key, value in query.items() if value})
    return f"{reverse('share-detail', args=[share.pk])}{'?' if given else ''}{given}"


def _poll(share: Any, show: str, number: int) -> dict[str, Any] | None:
    """None where nothing can come any more."""
    if not (share.asks_picks and share.works):
        return None
    query = urlencode({"seen": _mark(share), "show": show, "page": number})
    return {
        "url": f"{reverse('share-poll', args=[share.pk])}?{query}",
        "interval": _interval(share.picked_at),
    }


def _interval(latest: datetime | None) -> int:
    """Seconds; longer the longer nobody picked."""
    age = (timezone.now() - latest).total_seconds() if latest else 3600
    return next((every for most, every in ((60, 3), (600, 5)) if age < most), 10)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _mark(share: Any) -> str:
    """What the page was made from: changes with every pick."""
    return f"{_micros(share.picked_at)}-{_micros(share.sent_at)}"


def _micros(at: datetime | None) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) if at else 0


def _moment(mark: str) -> datetime:
    micros = mark.partition("-")[0]
    if not (micros.isdecimal() and len(micros) < 18):
        return _EPOCH
    return _EPOCH + timedelta(microseconds=int(micros)) - OVERLAP
