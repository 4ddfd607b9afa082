"""GET /v1/models, in OpenAI's shape, and which model a program means."""

from django.http import JsonResponse
from django.http.response import HttpResponseBase

from generations import queries
from generations.api.access import ApiRequest, program
from generations.api.errors import ApiError
from generations.models import User, VeniceModel
from generations.models.token import Scope
from generations.services import choice
from generations.services.catalogue import DEFAULT_TRAIT
from generations.services.choice import Choice

_ANY = (Scope.GENERATE, Scope.READ)


@program("GET", "HEAD", scopes=_ANY)
def collection(request: ApiRequest) -> HttpResponseBase:
    """What may be asked for by name: the offered models, then the aliases of them."""
    offered = {model.id: model for model in choice.offered_to(request.user)}
    data = [_entry(model.id, model) for model in offered.values()]
    data += [
        _entry(name, offered[pk], owner="alias")
        for name, pk in queries.model_aliases()
        if pk in offered and name not in offered
    ]
    return JsonResponse({"object": "list", "data": data})


@program("GET", "HEAD", scopes=_ANY)
def detail(request: ApiRequest, name: str) -> HttpResponseBase:
    # No database takes a NUL as text, and no model has one.
    model = chosen(name.replace("\0", "\ufffd"), request.user).model
    return JsonResponse(_entry(model.id, model))


def _entry(pk: str, model: VeniceModel, owner: str = "venice.ai") -> dict[str, object]:
    return {"id": pk, "object": "model", "created": model.created, "owned_by": owner}


def chosen(name: str | None, user: User) -> Choice:
    """The model that a program means, of those that its person may use. Raises ApiError with
    suggestions: never a substitute."""
    if found := choice.chosen(user, name):
        return found
    near = choice.suggestions(user, name or DEFAULT_TRAIT)
    also = f" Offered are, for example: {', '.join(near)}." if near else ""
    raise ApiError("model_not_found", f"{_missing(name)}{also}", param="model")


def _missing(name: str | None) -> str:
    if name in (None, "", DEFAULT_TRAIT):
        return "There is no default model that you may use: name the one you want."
    return (
        f"The model “{name}” does not exist or is not offered. An admin may map the name of "
        "another service’s model to one of these."
    )
