"""Who may: the check of every view of the API, and what every answer of it has."""

import logging
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.core.exceptions import TooManyFieldsSent
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from generations.api import errors
from generations.api.errors import ApiError
from generations.models import ApiToken, Generation, User
from generations.models.token import Scope
from generations.services import token as tokens

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

REFUSED = (
    "There is no API token like this, or it does not work any more. "
    "Send one as “Authorization: Bearer vw_…”; they are made in the settings of this studio."
)
IN_QUERY = (
    "A token does not belong in an address, where logs and proxies keep it. "
    "Send it as “Authorization: Bearer vw_…”, and revoke this one."
)
_QUERY_NAMES = frozenset({"token", "api_key", "apikey", "key", "access_token", "authorization"})


class ApiRequest(HttpRequest):
    """A request that passed `program`: a token that works came with it."""

    token: ApiToken
    user: User


View = Callable[Concatenate[ApiRequest, P], HttpResponseBase]


def program(*methods: str, scopes: tuple[str, ...]) -> Callable[[View[P]], Any]:
    """A view for programs: these methods, a token that works, with one of these scopes.

    Errors, also those that nobody foresaw, answer in the dialect of the path. No cookie is read
    or set, so no other site can act for anybody, and there is no CSRF token.
    """

    def decorate(view: View[P]) -> Any:
        @public(*methods)
        @wraps(view)
        def checked(request: Any, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            request.token = _token(request)
            request.user = request.token.user
            if not set(scopes) & set(request.token.scopes):
                raise ApiError("missing_scope", _missing(scopes))
            tokens.note_use(request.token)
            return view(request, *args, **kwargs)

        return checked

    return decorate


def public(*methods: str) -> Callable[[Callable[..., HttpResponseBase]], Any]:
    """A view of the API that needs no token; without methods it takes all."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Any:
        @csrf_exempt
        @wraps(view)
        def answered(request: Any, /, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                if methods and request.method not in methods:
                    raise _wrong_method(methods)
                response = view(request, *args, **kwargs)
            except ApiError as error:
                response = errors.response(error, request.path)
            except TooManyFieldsSent:
                response = errors.response(ApiError("invalid_value", TOO_MANY), request.path)
            except Exception:
                logger.exception("%s %s broke", request.method, request.path)
                response = errors.response(ApiError("server_error", BROKE), request.path)
            return sealed(response)

        return answered

    return decorate


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """What Django refuses before any view sees it: a host that is not ours, and the like."""
    return sealed(errors.response(ApiError("bad_request", BAD), request.path))


def broken(request: HttpRequest) -> HttpResponseBase:
    """What broke outside of the views."""
    return sealed(errors.response(ApiError("server_error", BROKE), request.path))


BAD = "That was not understood. Nothing was sent."
TOO_MANY = "There are more fields in this address than anything here takes."
BROKE = "Something went wrong here, and it is in the log. Send the same again; it costs once."


def sealed(response: HttpResponseBase) -> HttpResponseBase:
    """With what every answer of the API has."""
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Request-Id", uuid.uuid4().hex)
    return response


def _wrong_method(methods: tuple[str, ...]) -> ApiError:
    allowed = ", ".join(methods)
    return ApiError(
        "method_not_allowed", f"This address takes {allowed}.", headers={"Allow": allowed}
    )


def _token(request: HttpRequest) -> ApiToken:
    """Raises ApiError: without a token, with one that does not work, and with one in the
    address, whatever stands in the header."""
    if any(name.lower() in _QUERY_NAMES for name in request.GET) or any(
        text.startswith(tokens.PREFIX) for texts in request.GET.lists() for text in texts[1]
    ):
        raise ApiError("key_in_query", IN_QUERY, headers=_CHALLENGE)
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    found = tokens.find(text.strip()) if kind.lower() == "bearer" else None
    if found is None:
        raise ApiError("invalid_api_key", REFUSED, headers=_CHALLENGE)
    return found


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="veniceweb"'}


def _missing(scopes: tuple[str, ...]) -> str:
    return f"This token may not do that: it lacks the scope {' or '.join(scopes)}."


def own_generation(request: ApiRequest, pk: uuid.UUID) -> Generation:
    """A job of the token's person; without the scope to read, of this token alone. Raises
    ApiError for another's and for none alike."""
    rows = Generation.objects.filter(user=request.user)
    if Scope.READ not in request.token.scopes:
        rows = rows.filter(token=request.token)
    found = rows.filter(pk=pk).first()
    if found is None:
        raise ApiError("not_found", "There is no such generation.")
    return found


@public()
def nothing(request: HttpRequest, **parts: Any) -> HttpResponseBase:
    """Every address below the API that is none."""
    raise ApiError("not_found", f"There is nothing at {request.path[:200]}.")
