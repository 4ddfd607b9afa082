"""A line of the audit log as admins read it."""

import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from generations import queries
from generations.models import Event, User
from generations.services.audit import Action
from generations.views import words

KINDS = {
    "user": "person",
    "share": "link",
    "generation": "job",
    "invite": "invitation",
    "venicekey": "key",
    "apitoken": "API token",
    "fieldrule": "field rule",
    "venicemodel": "model",
}
_VIA = {Event.Via.COMMAND: "command line", Event.Via.SYSTEM: "by itself", Event.Via.API: "API"}


def rows(events: Sequence[Event], user: User, address: Callable[..., str]) -> list[dict[str, Any]]:
    there = _addresses(events, user)
    return [
        {
            "at": event.at,
            "when": words.when(event.at),
            "who": event.actor.display_name if event.actor else _nobody(event),
            "who_url": address(person=event.actor_id) if event.actor_id else "",
            "email": event.actor_name if event.actor else "",
            "what": label_of(event.action),
            "kind": KINDS.get(event.subject_kind, event.subject_kind),
            "subject": event.subject_name,
            "subject_url": there.get((event.subject_kind, event.subject_id), ""),
            "about_url": address(subject=f"{event.subject_kind}:{event.subject_id}")
            if event.subject_id
            else "",
            "details": said(event.details),
            "address": event.address,
            "via": _VIA.get(Event.Via(event.via), ""),
        }
        for event in events
    ]


def label_of(action: str) -> str:
    """In words; an action that a later version does not know any more stays as it was written."""
    return Action(action).label if action in Action.values else action


def _nobody(event: Event) -> str:
    if event.via == Event.Via.COMMAND:
        return event.actor_name or "Command line"
    if event.action == Action.SIGN_IN_FAILED:
        return "Nobody signed in"
    return "A guest" if event.action == Action.EXPORTED else "The studio"


def said(details: dict[str, Any]) -> str:
    """Figures and words for people: "3 images · safe mode forced → free"."""
    given = {name: value for name, value in details.items() if name != "ids"}
    before, after = (given.pop(a, given.pop(b, None)) for a, b in _CHANGE)
    has_changed = before is not None or after is not None
    parts = [f"{_word(before)} → {_word(after)}"] if has_changed else []
    return " · ".join([*parts, *(_part(name, value) for name, value in given.items())])


def _part(name: str, value: Any) -> str:
    if name == "count" and isinstance(value, int):
        return words.images(value)
    form = _FORMS.get(name, f"{name.replace('_', ' ')} {{}}")
    return form.format(_word(value))


_FORMS = {
    "what": "{}",
    "scope": "for {}",
    "whose": "of {}",
    "others": "{} of them somebody else’s",
    "charged": "it cost {}",
}
_CHANGE = (("from", "before"), ("to", "after"))


def _word(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"from", "to"}:
        return f"{_word(value['from'])} → {_word(value['to'])}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_word(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_word, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return words.clip(str(value), 200) or "empty"


def _addresses(events: Iterable[Event], user: User) -> dict[tuple[str, str], str]:
    """Where a line's subject is, as far as it is there and this admin may see it."""
    wanted: dict[str, set[str]] = {}
    for event in events:
        wanted.setdefault(event.subject_kind, set()).add(event.subject_id)
    found = {}
    for kind, (rows, name) in _PLACES.items():
        if ids := _ids(kind, wanted.get(kind, ())):
            for pk in rows(user).filter(pk__in=ids).values_list("pk", flat=True):
                found[kind, str(pk)] = reverse(name, args=[pk])
    return found


def is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,18}", text))


def _ids(kind: str, texts: Iterable[str]) -> list[Any]:
    if kind == "user":
        return [int(text) for text in texts if is_number(text)]
    return [uuid.UUID(text) for text in texts if re.fullmatch(r"[0-9a-f-]{36}", text)]


_PLACES: dict[str, tuple[Callable[[User], QuerySet[Any]], str]] = {
    "user": (lambda user: User.objects.all(), "team-person"),
    "share": (queries.openable_shares, "share-detail"),
    "collection": (queries.visible_collections, "collection-detail"),
    "generation": (queries.openable_generations, "generation-detail"),
    "image": (queries.openable_images, "image-detail"),
}
