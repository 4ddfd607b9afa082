"""/v1/reviews: what waits for a decision, and deciding it. The pictures themselves are looked at
in the review desk: no file of a held image leaves through here."""

import uuid
from typing import Annotated, Any, Literal

from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from pydantic import Field, StringConstraints

from generations import queries
from generations.api import errors, paging, schema
from generations.api.access import ApiRequest, program
from generations.api.body import read, typed
from generations.api.errors import ApiError
from generations.api.schema import Strict
from generations.models import Case, Decision
from generations.models.token import Scope
from generations.services import review as services
from generations.services.errors import Invalid, NotPossible
from generations.services.holding import WORDS_LIMIT
from generations.services.payload import moment

_Note = Annotated[str, StringConstraints(max_length=WORDS_LIMIT, pattern=r"^[^\x00]*$")]


class DecisionRequest(Strict):
    """POST /v1/reviews/<image>: approve it, or reject it for a reason that its maker reads."""

    decision: Literal[tuple(Decision.Kind.values)]  # type: ignore[valid-type]
    reason: Annotated[
        Literal[tuple(Decision.Code.values)],  # type: ignore[valid-type]
        Field(description="Why it is rejected; `other` needs a note."),
    ] = ""
    note: Annotated[_Note, Field(description="For its maker.")] = ""


@program("GET", "HEAD", scopes=(Scope.REVIEW,))
def collection(request: ApiRequest) -> HttpResponseBase:
    """Oldest first; what its maker is asked about comes last."""
    _require_reviewer(request)
    paging.require_known(request, ())
    count, rows = paging.limit(request), queries.queue(request.user)
    if "after" in request.GET:
        rows = queries.behind(rows, _waiting(_id(request.GET["after"])))
    found = list(rows[: count + 1])
    page, base = found[:count], schema.base_of(request)
    place = str(page[-1].image_uuid) if len(found) > count else ""
    body = {
        "object": "list",
        "data": [_as_json(case) for case in page],
        "next": paging.following(request, place, base) if place else None,
    }
    return JsonResponse(body)


@program("POST", scopes=(Scope.REVIEW,))
def detail(request: ApiRequest, pk: uuid.UUID) -> HttpResponseBase:
    _require_reviewer(request)
    asked = typed(DecisionRequest, read(request))
    case = _case(pk)
    try:
        verdict = services.verdict(asked.decision, code=asked.reason, note=asked.note)
        made = services.decide(request.user, case=case, verdict=verdict)
    except Invalid as problem:
        raise errors.of_invalid(problem, {}) from None
    except NotPossible as problem:
        raise ApiError("not_decidable", str(problem)) from None
    return JsonResponse(_decided(made, pk))


def _require_reviewer(request: ApiRequest) -> None:
    """The role may be gone since the token was made."""
    if not request.user.is_reviewer:
        raise ApiError("not_allowed", "Only reviewers and admins decide on held images.")


def _case(image: uuid.UUID) -> Case:
    found = queries.case_of(image)
    if found is None:
        raise ApiError("not_found", "Nothing waits under this id.")
    return found


def _waiting(image: uuid.UUID) -> Case:
    found = queries.open_cases([image]).first()
    if found is None:
        raise ApiError("not_found", "It does not wait any more. Begin again.", param="after")
    return found


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise paging.wrong("after", "It is the id of an image, from “next”.") from None


def _as_json(case: Case) -> dict[str, Any]:
    """`id` is the image's."""
    return {
        "id": str(case.image_uuid),
        "object": "review",
        "state": "asked" if case.state == Case.State.ASKED else "open",
        "reasons": case.reasons,
        "words": case.words,
        "model": case.model_name,
        "prompt": case.prompt,
        "maker": case.user.display_name,
        "opened_at": moment(case.opened_at),
        "page": f"{schema.public()}{reverse('review-image', args=[case.image_uuid])}",
    }


def _decided(made: Decision, image: uuid.UUID) -> dict[str, Any]:
    return {
        "id": str(made.pk),
        "object": "decision",
        "image": str(image),
        "decision": made.kind,
        "reason": made.code,
        "note": made.note,
        "decided_at": moment(made.decided_at),
    }
