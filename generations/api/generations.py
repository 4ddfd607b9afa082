"""GET and DELETE /v1/generations: the jobs of the token's person, page by page, and cancelling."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.dateparse import parse_date, parse_datetime

from generations import queries
from generations.api import jobs, schema
from generations.api.access import ApiRequest, own_generation, program
from generations.api.errors import ApiError
from generations.models import Generation, Image
from generations.models.generation import State
from generations.models.token import Scope
from generations.services import generation as generations
from generations.services.errors import NotPossible

PAGE, MOST = 20, 100
FILTERS = ("state", "model", "since", "until", "limit", "after")


@program("GET", "HEAD", scopes=(Scope.READ,))
def collection(request: ApiRequest) -> HttpResponseBase:
    """Newest first. What was cancelled while it ran is left out, as in the history."""
    if unknown := sorted(set(request.GET) - set(FILTERS)):
        name = unknown[0][:80]
        raise ApiError("unknown_parameter", f"Unknown parameter: “{name}”.", param=name)
    limit = _limit(request)
    rows = _filtered(request, Generation.objects.filter(user=request.user, is_hidden=False))
    kept = Prefetch(
        "images", Image.objects.filter(deleted_at=None).order_by("number"), to_attr="kept"
    )
    found: list[Any] = list(rows.order_by("-created_at", "-id").prefetch_related(kept)[: limit + 1])
    page, base = found[:limit], schema.base_of(request)
    body = {
        "object": "list",
        "data": [schema.generation(job, job.kept, base=base) for job in page],
        "next": _next(request, page[-1], base) if len(found) > limit else None,
    }
    return JsonResponse(body)


@program("GET", "HEAD", "DELETE", scopes=(Scope.READ, Scope.GENERATE))
def detail(request: ApiRequest, pk: uuid.UUID) -> HttpResponseBase:
    job = own_generation(request, pk)
    status = 200
    if request.method == "DELETE":
        if Scope.GENERATE not in request.token.scopes:
            raise ApiError("missing_scope", "This token may not do that: it lacks “generate”.")
        status = 200 if _cancel(request, job) else 202
        job.refresh_from_db()
    response: HttpResponse = JsonResponse(
        jobs.as_json(job, base=schema.base_of(request)), status=status
    )
    response["X-Generation-Id"] = str(job.pk)
    return response


def _cancel(request: ApiRequest, job: Generation) -> bool:
    """False: it is with Venice already. What comes is kept, paid for, and shown in no list.

    Raises ApiError when it is over.
    """
    try:
        return generations.cancel(job, by=request.user)
    except NotPossible as problem:
        raise ApiError("not_cancellable", f"{problem} There is nothing to cancel.") from None


def _filtered(request: ApiRequest, rows: QuerySet[Generation]) -> QuerySet[Generation]:
    """Raises ApiError for a filter that makes no sense."""
    asked = request.GET
    if "state" in asked:
        states = [state for text in asked.getlist("state") for state in text.split(",")]
        if wrong := [state for state in states if state not in State.values]:
            known = ", ".join(State.values)
            raise _wrong("state", f"“{wrong[0][:40]}” is no state: there are {known}.")
        rows = rows.filter(state__in=states)
    if "model" in asked:
        if "\0" in asked["model"]:
            raise _wrong("model", "There is a character in it that no model's id has.")
        rows = rows.filter(model=asked["model"])
    if "since" in asked:
        rows = rows.filter(created_at__gte=_moment(request, "since"))
    if "until" in asked:
        rows = rows.filter(created_at__lt=_moment(request, "until"))
    if "after" in asked:
        if not queries.is_cursor(asked["after"]):
            raise _wrong("after", "This is no place in the list: take it from “next”.")
        rows = queries.after(rows, asked["after"])
    return rows


def _limit(request: ApiRequest) -> int:
    text = request.GET.get("limit", str(PAGE))
    # No longer than needed: what is cut off may not count, and Python reads no 5,000 digits.
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= limit <= MOST:
        raise _wrong("limit", f"From 1 to {MOST} at a time.")
    return limit


def _moment(request: ApiRequest, name: str) -> datetime:
    """A moment, UTC unless it says otherwise. A day is meant whole: from it, and up to its end."""
    # A "+" of a time zone that was not escaped has become a space.
    text = request.GET[name].strip().replace(" ", "+")
    try:
        day = parse_date(text)
        if day:
            day += timedelta(days=1 if name == "until" else 0)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        if moment := parse_datetime(text):
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _wrong(name, f"“{name}” is a day or a moment: 2026-11-20 or 2026-11-20T08:00:00Z.")


def _wrong(name: str, sentence: str) -> ApiError:
    return ApiError("invalid_value", sentence, param=name)


def _next(request: ApiRequest, last: Generation, base: str) -> str:
    """The address of what follows."""
    asked = [(name, text) for name, texts in request.GET.lists() for text in texts]
    kept = [(name, text) for name, text in asked if name != "after"]
    return f"{base}/v1/generations?{urlencode([*kept, ('after', queries.cursor_of(last))])}"
