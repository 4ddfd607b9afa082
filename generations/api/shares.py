"""/v1/shares: links for people outside, under the rules that the pages have."""

import uuid
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from pydantic import Field, StringConstraints

from generations import queries
from generations.api import errors, paging, schema
from generations.api.access import ApiRequest, program
from generations.api.body import read, typed
from generations.api.errors import ApiError
from generations.api.schema import Id, Strict
from generations.models import Collection, Image, Share
from generations.models.token import Scope
from generations.services import policy, selection
from generations.services import share as services
from generations.services.errors import Invalid
from generations.services.payload import moment

STATES = ("working", "ended")
MOST_IMAGES = 500


def _text(most: int, least: int = 0) -> Any:
    return StringConstraints(min_length=least, max_length=most, pattern=r"^[^\x00]*$")


class ShareRequest(Strict):
    """POST /v1/shares: these images, or what a collection shows at each visit."""

    images: Annotated[
        tuple[Id, ...], Field(min_length=1, max_length=MOST_IMAGES, strict=False)
    ] = ()
    collection: Id = ""
    expires: Annotated[int, Field(ge=1, le=99_999)] | None = None
    password: Annotated[str, _text(services.PASSWORD_MOST, services.PASSWORD_LEAST)] | None = None
    download: bool = False
    show_prompt: bool = False
    picks: bool = False
    label: Annotated[str, _text(Share.LABEL_LIMIT)] = ""
    title: Annotated[str, _text(120)] = ""


@program("GET", "HEAD", "POST", scopes=(Scope.SHARE,))
def collection(request: ApiRequest) -> HttpResponseBase:
    return _made(request) if request.method == "POST" else _list(request)


def _list(request: ApiRequest) -> HttpResponseBase:
    paging.require_known(request, ("state",))
    rows = queries.with_counts(_asked(request, queries.own_shares(request.user)))
    page, has_more = paging.page(request, rows)
    base = schema.base_of(request)
    place = queries.cursor_of(page[-1]) if has_more else ""
    body = {
        "object": "list",
        "data": [_as_json(share) for share in page],
        "next": paging.following(request, place, base) if place else None,
    }
    return JsonResponse(body)


def _asked(request: ApiRequest, rows: QuerySet[Share]) -> QuerySet[Share]:
    state = request.GET.get("state")
    if state is None:
        return rows
    if state not in STATES:
        raise paging.wrong("state", f"“state” is one of {', '.join(STATES)}.")
    return queries.working_shares(rows) if state == "working" else queries.ended_shares(rows)


def _made(request: ApiRequest) -> HttpResponseBase:
    asked = typed(ShareRequest, read(request))
    if bool(asked.images) == bool(asked.collection):
        raise ApiError("invalid_value", ONE_OF, param="images")
    if not policy.for_user(request.user).may_share:
        raise ApiError("not_allowed", policy.SHARING)
    images, shared = _images(request, asked), _collection(request, asked)
    words = asked.model_dump(exclude={"images", "collection", "expires", "password"})
    try:
        share = services.create(
            request.user,
            images=images,
            collection=shared,
            expires="" if asked.expires is None else str(asked.expires),
            password=asked.password or "",
            **words,
        )
    except Invalid as problem:
        raise errors.of_invalid(problem, {"": ""}) from None
    return JsonResponse(_as_json(_counted(request, share.pk)), status=201)


ONE_OF = "Name the images, or a collection: one of the two."
NO_IMAGE = "One of these images is not there, or not for you. Nothing was shared."
NO_COLLECTION = "There is no such collection that you may share."


def _images(request: ApiRequest, asked: ShareRequest) -> list[Image]:
    """Raises ApiError: what somebody may not see is like what is not there."""
    if not asked.images:
        return []
    try:
        return selection.chosen(request.user, ids=asked.images)
    except Invalid:
        raise ApiError("not_found", NO_IMAGE, param="images") from None


def _collection(request: ApiRequest, asked: ShareRequest) -> Collection | None:
    """Raises ApiError."""
    if not asked.collection:
        return None
    found = queries.shareable_collections(request.user).filter(pk=asked.collection).first()
    if found is None:
        raise ApiError("not_found", NO_COLLECTION, param="collection")
    return found


@program("DELETE", scopes=(Scope.SHARE,))
def detail(request: ApiRequest, pk: uuid.UUID) -> HttpResponseBase:
    """It opens nothing from the next request on, and stays in the list of those that ended."""
    rows = queries.own_shares(request.user).filter(pk=pk)
    if not rows.exists():
        raise ApiError("not_found", "There is no such link of yours.")
    services.revoke(rows, by=request.user)
    return JsonResponse(_as_json(_counted(request, pk)))


def _counted(request: ApiRequest, pk: uuid.UUID) -> Share:
    return queries.with_counts(queries.own_shares(request.user)).get(pk=pk)


def _as_json(share: Any) -> dict[str, Any]:
    """`share` comes from queries.with_counts."""
    token = services.token_of(share) if share.works else ""
    return {
        "id": str(share.pk),
        "object": "share",
        "state": "working" if share.works else "ended",
        "url": f"{schema.public()}{reverse('guest', args=[token])}" if token else None,
        "images": None if share.collection_id else share.chosen,
        "collection": str(share.collection_id) if share.collection_id else None,
        "download": share.may_download,
        "show_prompt": share.shows_prompt,
        "picks": share.asks_picks,
        "has_password": bool(share.password),
        "label": share.label,
        "title": share.title,
        "created_at": moment(share.created_at),
        "expires_at": moment(services.ends_at(share)),
        "visits": share.visits,
        "visited_at": moment(share.visited_at),
    }
