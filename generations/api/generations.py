"""GET and DELETE /v1/generations: the jobs of the token's person, page by page, and cancelling."""

import uuid
from datetime import UTC, datetime, timedelta

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.dateparse import parse_date, parse_datetime

from generations import queries
from generations.api import jobs, paging, schema
from generations.api.access import ApiRequest, own_generation, program
from generations.api.errors import ApiError
from generations.api.paging import wrong
from generations.models import Generation, Image
from generations.models.generation import State
from generations.models.token import Scope
from generations.services import generation as generations
from generations.services.errors import NotPossible

FILTERS = ("state", "model", "since", "until")


@program("GET", "HEAD", scopes=(Scope.READ,))
def collection(request: ApiRequest) -> HttpResponseBase:
    """Newest first. What was cancelled while it ran is left out, as in the history."""
    paging.require_known(request, FILTERS)
    rows = _filtered(request, Generation.objects.filter(user=request.user, is_hidden=False))
    kept = Prefetch(
        "images", Image.objects.filter(deleted_at=None).order_by("number"), to_attr="kept"
    )
    page, has_more = paging.page(request, rows.prefetch_related(kept))
    base = schema.base_of(request)
    place = queries.cursor_of(page[-1]) if has_more else ""
    body = {
        "object": "list",
        "data": [schema.generation(job, job.kept, base=base) for job in page],
        "next": paging.following(request, place, base) if place else None,
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
        raise ApiError(
            "not_cancellable",
            f"{problem} There is nothing to cancel.",
            headers={"X-Generation-Id": str(job.pk)},
        ) from None


def _filtered(request: ApiRequest, rows: QuerySet[Generation]) -> QuerySet[Generation]:
    """Raises ApiError for a filter that makes no sense."""
    asked = request.GET
    if "state" in asked:
        states = [state for text in asked.getlist("state") for state in text.split(",")]
        if unknown := [state for state in states if state not in State.values]:
            known = ", ".join(State.values)
            raise wrong("state", f"“{unknown[0][:40]}” is no state: there are {known}.")
        rows = rows.filter(state__in=states)
    if "model" in asked:
        if "\0" in asked["model"]:
            raise wrong("model", "There is a character in it that no model's id has.")
        rows = rows.filter(model=asked["model"])
    if "since" in asked:
        rows = rows.filter(created_at__gte=_moment(request, "since"))
    if "until" in asked:
        rows = rows.filter(created_at__lt=_moment(request, "until"))
    return rows


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
    raise wrong(name, f"“{name}” is a day or a moment: 2026-11-20 or 2026-11-20T08:00:00Z.")
