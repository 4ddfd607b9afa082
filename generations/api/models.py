"""GET /v1/models, in OpenAI's shape."""

from django.http import JsonResponse
from django.http.response import HttpResponseBase

from generations import queries
from generations.api.access import ApiRequest, program
from generations.api.images import chosen_model
from generations.models.token import Scope
from generations.services import catalogue

_ANY = (Scope.GENERATE, Scope.READ)


@program("GET", "HEAD", scopes=_ANY)
def collection(request: ApiRequest) -> HttpResponseBase:
    """What may be asked for by name: the offered models, then the aliases of them."""
    offered = [model.id for model in catalogue.offered_to(request.user)]
    aliases = [name for name, model in queries.model_aliases() if model in offered]
    data = [_entry(pk, "venice.ai") for pk in offered]
    data += [_entry(name, "alias") for name in aliases if name not in offered]
    return JsonResponse({"object": "list", "data": data})


@program("GET", "HEAD", scopes=_ANY)
def detail(request: ApiRequest, name: str) -> HttpResponseBase:
    # No database takes a NUL as text, and no model has one.
    model = chosen_model(name.replace("\0", "\ufffd"), request.user)
    return JsonResponse(_entry(model.id, "venice.ai"))


def _entry(pk: str, owner: str) -> dict[str, object]:
    # Venice names no date for a model that could be kept; the field must be a number.
    return {"id": pk, "object": "model", "created": 0, "owned_by": owner}
