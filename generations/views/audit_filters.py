"""What an address asks of the audit log, and how that is said on its page."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from generations import queries
from generations.models import Event, User
from generations.services.audit import Action
from generations.views.access import Request
from generations.views.audit_lines import KINDS, is_number

GROUPS = {
    "entrance": "Signing in",
    "people": "People and invitations",
    "keys": "Keys, tokens and webhooks",
    "policy": "Policy",
    "money": "Budgets and costs",
    "links": "Links",
    "review": "Review",
    "deletions": "Deletions",
    "exports": "Exports",
    "admin": "Django’s admin",
}
_APART = {
    **dict.fromkeys(
        (
            Action.SIGNED_IN,
            Action.SIGN_IN_FAILED,
            Action.SIGNED_OUT,
            Action.PASSWORD_CHANGED,
            Action.FACTOR_ADDED,
            Action.FACTOR_REMOVED,
            Action.SESSION_ENDED,
        ),
        "entrance",
    ),
    **dict.fromkeys(
        (Action.IMAGES_DELETED, Action.IMAGES_RESTORED, Action.IMAGES_ERASED), "deletions"
    ),
}
_BY_KIND = {
    "user": "people",
    "invite": "people",
    "key": "keys",
    "token": "keys",
    "webhook": "keys",
    "policy": "policy",
    "budget": "money",
    "generation": "money",
    "share": "links",
    "image": "review",
    "collection": "deletions",
    "export": "exports",
    "backup": "exports",
    "admin": "admin",
}


def group_of(action: Action) -> str:
    return _APART.get(action) or _BY_KIND[action.partition(".")[0]]


@dataclass
class Filters:
    """What the address asks for. One that makes no sense finds nothing: a log that shows more
    than was asked for reads as if it were an answer."""

    given: dict[str, str] = field(default_factory=dict)
    is_wrong: bool = False
    actions: list[str] | None = None
    actor: int | str | None = None
    subject: tuple[str, str] | None = None
    since: date | None = None
    until: date | None = None
    text: str = ""

    @property
    def span(self) -> int | None:
        return queries.EVENT_SPAN if self.text or self.actions else None

    def rows(self) -> QuerySet[Event]:
        if self.is_wrong:
            return Event.objects.none()
        return queries.events(
            actions=self.actions,
            actor=self.actor,
            subject=self.subject,
            since=self.since,
            until=self.until,
            text=self.text,
            text_actions=[a for a in Action if self.text.lower() in a.label.lower()],
        )

    def address(self, to: str = "team-audit", /, **changes: Any) -> str:
        wanted = {**self.given, **changes}
        query = urlencode({key: value for key, value in wanted.items() if value})
        return f"{reverse(to)}{'?' if query else ''}{query}"

    def without(self, name: str) -> str:
        changes: dict[str, Any] = {name: None}
        return self.address(**changes)


# --- reading the address --------------------------------------------------------------------------


def read(request: Request) -> Filters:
    names = ("q", "group", "person", "subject", "since", "until")
    given = {name: text for name in names if (text := request.GET.get(name, "").strip())}
    filters = Filters(given, text=given.get("q", "")[:200])
    if "\0" in filters.text:
        filters.is_wrong = True
    for name in given.keys() & _READERS.keys():
        try:
            _READERS[name](filters, given[name])
        except ValueError:
            filters.is_wrong = True
    return filters


def _read_group(filters: Filters, text: str) -> None:
    if text not in GROUPS:
        raise ValueError
    filters.actions = [action.value for action in Action if group_of(action) == text]


def _read_person(filters: Filters, text: str) -> None:
    if text != "nobody" and not is_number(text):
        raise ValueError
    filters.actor = text if text == "nobody" else int(text)


def _read_subject(filters: Filters, text: str) -> None:
    kind, _, pk = text.partition(":")
    if not re.fullmatch(r"[a-z]{1,24}:[0-9a-f-]{1,64}", text):
        raise ValueError
    filters.subject = kind, pk


def _read_since(filters: Filters, text: str) -> None:
    filters.since = _day(text)


def _read_until(filters: Filters, text: str) -> None:
    filters.until = _day(text)


def _day(text: str) -> date:
    day = queries.read_day(text)
    if day is None:
        raise ValueError
    return day


_READERS: dict[str, Callable[[Filters, str], None]] = {
    "group": _read_group,
    "person": _read_person,
    "subject": _read_subject,
    "since": _read_since,
    "until": _read_until,
}


def person_choices(people: dict[str, User], chosen: str) -> list[tuple[str, str, bool]]:
    named = [(pk, person.email) for pk, person in people.items()]
    choices = [*named, ("nobody", "Nobody of the team")]
    return [(value, label, value == chosen) for value, label in choices]


def chips(filters: Filters, people: dict[str, User]) -> list[dict[str, str]]:
    person = filters.given.get("person", "")
    labels = {
        "group": ("About", GROUPS.get(filters.given.get("group", ""), "")),
        "person": ("By", people[person].email if person in people else "nobody of the team"),
        "subject": ("Concerns", _concerns(filters)),
        "since": ("Since", filters.given.get("since", "")),
        "until": ("Until", filters.given.get("until", "")),
    }
    return [
        {"name": label, "value": value, "url": filters.without(name)}
        for name, (label, value) in labels.items()
        if name in filters.given
    ]


def _concerns(filters: Filters) -> str:
    """The last name that the log has for it."""
    if filters.subject is None:
        return ""
    row = queries.events(subject=filters.subject).first()
    return f"{KINDS.get(filters.subject[0], filters.subject[0])} {row.subject_name if row else ''}"
