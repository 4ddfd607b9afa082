"""The audit log as admins read it: filtered by what stands in the address, and taken along."""

import csv
import io
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from generations import queries
from generations.models import Event, User
from generations.services import audit
from generations.services.audit import Action
from generations.views import words
from generations.views.access import Request, admin
from generations.views.downloads import harmless, streamed

PAGE = 100
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


# --- the page -----------------------------------------------------------------------------------


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


@require_GET
@admin
def log(request: Request) -> HttpResponse:
    filters = _read(request)
    people = {str(person.pk): person for person in User.objects.order_by("email")}
    before = request.GET.get("before", "")
    page = queries.events_page(
        filters.rows(),
        size=PAGE,
        before=int(before) if _is_number(before) else None,
        span=filters.span,
    )
    context = {
        "section": "audit",
        "rows": _rows(page.events, request.user, filters),
        "given": filters.given,
        "since": filters.since,
        "until": filters.until,
        "group_choices": [(*one, one[0] == filters.given.get("group")) for one in GROUPS.items()],
        "person_choices": _person_choices(people, filters.given.get("person", "")),
        "chips": _chips(filters, people),
        "is_wrong": filters.is_wrong,
        "is_first": not before,
        "more_url": filters.address(before=page.before) if page.before else "",
        "csv_url": filters.address("team-audit-csv"),
        "json_url": filters.address("team-audit-jsonl"),
        "span_label": f"{queries.EVENT_SPAN:,}",
    }
    return render(request, "team/audit.html", context)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,18}", text))


def _read(request: Request) -> Filters:
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
    if text != "nobody" and not _is_number(text):
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


def _person_choices(people: dict[str, User], chosen: str) -> list[tuple[str, str, bool]]:
    named = [(pk, person.email) for pk, person in people.items()]
    choices = [*named, ("nobody", "Nobody of the team")]
    return [(value, label, value == chosen) for value, label in choices]


def _chips(filters: Filters, people: dict[str, User]) -> list[dict[str, str]]:
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
    return f"{_KINDS.get(filters.subject[0], filters.subject[0])} {row.subject_name if row else ''}"


# --- a line -------------------------------------------------------------------------------------

_KINDS = {
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


def _rows(events: Sequence[Event], user: User, filters: Filters) -> list[dict[str, Any]]:
    there = _addresses(events, user)
    return [
        {
            "at": event.at,
            "when": words.when(event.at),
            "who": event.actor.display_name if event.actor else _nobody(event),
            "who_url": filters.address(person=event.actor_id) if event.actor_id else "",
            "email": event.actor_name if event.actor else "",
            "what": label_of(event.action),
            "kind": _KINDS.get(event.subject_kind, event.subject_kind),
            "subject": event.subject_name,
            "subject_url": there.get((event.subject_kind, event.subject_id), ""),
            "about_url": filters.address(subject=f"{event.subject_kind}:{event.subject_id}")
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


def _ids(kind: str, texts: Iterable[str]) -> list[Any]:
    if kind == "user":
        return [int(text) for text in texts if _is_number(text)]
    return [uuid.UUID(text) for text in texts if re.fullmatch(r"[0-9a-f-]{36}", text)]


_PLACES: dict[str, tuple[Callable[[User], QuerySet[Any]], str]] = {
    "user": (lambda user: User.objects.all(), "team-person"),
    "share": (queries.openable_shares, "share-detail"),
    "collection": (queries.visible_collections, "collection-detail"),
    "generation": (queries.openable_generations, "generation-detail"),
    "image": (queries.openable_images, "image-detail"),
}


# --- taking it along ------------------------------------------------------------------------------

_COLUMNS = (
    "id",
    "at",
    "action",
    "what",
    "actor",
    "actor_name",
    "subject_kind",
    "subject_id",
    "subject_name",
    "details",
    "via",
    "address",
)


@require_GET
@admin
def as_csv(request: Request) -> StreamingHttpResponse:
    return _export(request, "csv", "text/csv; charset=utf-8", _csv)


@require_GET
@admin
def as_json_lines(request: Request) -> StreamingHttpResponse:
    return _export(request, "jsonl", "application/x-ndjson; charset=utf-8", _json_lines)


def _export(
    request: Request,
    ending: str,
    content_type: str,
    pieces: Callable[[Iterable[list[Event]]], Iterator[str]],
) -> StreamingHttpResponse:
    filters = _read(request)
    given: dict[str, Any] = {"filters": filters.given} if filters.given else {}
    audit.note(Action.EXPORTED, by=request.user, what=f"audit log ({ending})", **given)
    batches = queries.event_batches(filters.rows())
    name = f"audit-log-{timezone.now():%Y-%m-%d}.{ending}"
    return streamed(request, pieces(batches), content_type=content_type, name=name)


def _csv(batches: Iterable[list[Event]]) -> Iterator[str]:
    yield ",".join(_COLUMNS) + "\r\n"
    for batch in batches:
        text = io.StringIO()
        writer = csv.writer(text)
        for event in batch:
            line = _line(event)
            line["details"] = json.dumps(line["details"], ensure_ascii=False)
            writer.writerow(harmless(str(line[name])) for name in _COLUMNS)
        yield text.getvalue()


def _json_lines(batches: Iterable[list[Event]]) -> Iterator[str]:
    for batch in batches:
        yield "".join(json.dumps(_line(event), ensure_ascii=False) + "\n" for event in batch)


def _line(event: Event) -> dict[str, Any]:
    return {
        "id": event.pk,
        "at": event.at.isoformat(timespec="milliseconds"),
        "action": event.action,
        "what": label_of(event.action),
        "actor": "" if event.actor_id is None else event.actor_id,
        "actor_name": event.actor_name,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "subject_name": event.subject_name,
        "details": event.details,
        "via": event.via,
        "address": event.address,
    }
