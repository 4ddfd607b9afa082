"""The audit log as admins read it: filtered by what stands in the address, and taken along."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from generations import queries
from generations.models import Event, User
from generations.services import audit
from generations.services.audit import Action
from generations.views import audit_filters, audit_lines
from generations.views.access import Request, admin
from generations.views.downloads import harmless, streamed

PAGE = 100


@require_GET
@admin
def log(request: Request) -> HttpResponse:
    filters = audit_filters.read(request)
    people = {str(person.pk): person for person in User.objects.order_by("email")}
    before = request.GET.get("before", "")
    page = queries.events_page(
        filters.rows(),
        size=PAGE,
        before=int(before) if audit_lines.is_number(before) else None,
        span=filters.span,
    )
    context = {
        "section": "audit",
        "rows": audit_lines.rows(page.events, request.user, filters.address),
        "given": filters.given,
        "since": filters.since,
        "until": filters.until,
        "group_choices": [
            (*one, one[0] == filters.given.get("group")) for one in audit_filters.GROUPS.items()
        ],
        "person_choices": audit_filters.person_choices(people, filters.given.get("person", "")),
        "chips": audit_filters.chips(filters, people),
        "is_wrong": filters.is_wrong,
        "is_first": not before,
        "more_url": filters.address(before=page.before) if page.before else "",
        "csv_url": filters.address("team-audit-csv"),
        "json_url": filters.address("team-audit-jsonl"),
        "span_label": f"{queries.EVENT_SPAN:,}",
    }
    return render(request, "team/audit.html", context)


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
    filters = audit_filters.read(request)
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
        "what": audit_lines.label_of(event.action),
        "actor": "" if event.actor_id is None else event.actor_id,
        "actor_name": event.actor_name,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "subject_name": event.subject_name,
        "details": event.details,
        "via": event.via,
        "address": event.address,
    }
