"""GET /api/v1/image/styles and /api/v1/models, as Venice's own clients ask."""

from typing import Any

from django.http import JsonResponse
from django.http.response import HttpResponseBase

from generations import queries
from generations.api.access import ApiRequest, program
from generations.api.errors import ApiError
from generations.models import VeniceModel
from generations.models.token import Scope
from generations.services import catalogue, choice

_ANY = (Scope.GENERATE, Scope.READ)
IMAGE, ALL = "image", "all"
# Of these Venice has models, and this studio none.
OTHER_TYPES = (
    *("asr", "embedding", "music", "text", "tts", "upscale", "inpaint", "video", "code"),
)
# The first is the default: what the guide of Venice shows. Its service sends the other one.
SHAPES = ("array", "list")


@program("GET", "HEAD", scopes=_ANY)
def styles(request: ApiRequest) -> HttpResponseBase:
    """The presets as Venice's guide shows them; `shape=list` as its service sends them."""
    names = catalogue.offered_styles()
    if _one_of(request, "shape", SHAPES) == "array":
        return JsonResponse(names, safe=False)
    return JsonResponse({"data": names, "object": "list"})


@program("GET", "HEAD", scopes=_ANY)
def models(request: ApiRequest) -> HttpResponseBase:
    kind = _type(request)
    offered = choice.offered_to(request.user) if kind in (IMAGE, ALL) else []
    return _list(kind, [_entry(model) for model in offered])


@program("GET", "HEAD", scopes=_ANY)
def traits(request: ApiRequest) -> HttpResponseBase:
    kind = _type(request)
    offered = choice.offered_to(request.user) if kind in (IMAGE, ALL) else []
    return _list(kind, {name: model.id for name, model in choice.traits_of(offered).items()})


@program("GET", "HEAD", scopes=_ANY)
def mapping(request: ApiRequest) -> HttpResponseBase:
    """The names of other services' models that an admin has mapped."""
    kind = _type(request)
    ids = {model.id for model in choice.offered_to(request.user)} if kind in (IMAGE, ALL) else set()
    return _list(kind, {name: pk for name, pk in queries.model_aliases() if pk in ids})


def _list(kind: str, data: Any) -> JsonResponse:
    return JsonResponse({"object": "list", "type": kind, "data": data})


def _entry(model: VeniceModel) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "type": IMAGE,
        "created": model.created,
        "owned_by": "venice.ai",
        "model_spec": {"name": model.name, **model.spec},
    }


def _type(request: ApiRequest) -> str:
    """Without a word images: there is nothing else here."""
    return _one_of(request, "type", (IMAGE, ALL, *OTHER_TYPES))


def _one_of(request: ApiRequest, name: str, choices: tuple[str, ...]) -> str:
    """Raises ApiError. The first is the default."""
    value = request.GET.get(name, choices[0])
    if value not in choices:
        raise ApiError("invalid_value", f"“{name}” is one of {', '.join(choices)}.", param=name)
    return value
