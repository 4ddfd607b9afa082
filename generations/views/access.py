"""Who may: the check of every view and every fragment. "Not yours" looks like "not there"."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from generations import queries
from generations.models import Generation, Image, User

P = ParamSpec("P")
T = TypeVar("T")


class Request(HttpRequest):
    """A request that passed `member`: somebody is signed in."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[Request, P], HttpResponse]


def member(view: View[P]) -> Any:
    """Signed in and active. A fragment whose session ended sends the whole page to sign-in."""

    @wraps(view)
    def checked(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_login(request)
        response = view(request, *args, **kwargs)
        if "Cache-Control" not in response:
            # Not no-store: that would switch off the browser's Back cache.
            patch_cache_control(response, private=True, no_cache=True)
        return response

    return checked


def _to_login(request: Any) -> HttpResponse:
    if request.htmx:
        here = request.htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(redirect_to_login(here, resolve_url("account_login")).url)
    response = redirect_to_login(request.get_full_path(), resolve_url("account_login"))
    add_never_cache_headers(response)
    return response


def openable_image(user: User, pk: uuid.UUID) -> Image:
    """Raises Http404 for what is not there and what this person may not see alike."""
    rows = queries.openable_images(user).select_related("generation", "user")
    return _found(rows.filter(pk=pk).first())


def own_held_image(user: User, pk: uuid.UUID) -> Image:
    """The maker of a held image is told that it is held, and nothing else."""
    return _found(queries.held_images().filter(pk=pk, user=user).first())


def openable_generation(user: User, pk: uuid.UUID) -> Generation:
    rows = queries.with_cards(queries.openable_generations(user).select_related("user"))
    return _found(rows.filter(pk=pk).first())


def own_generation(user: User, pk: uuid.UUID) -> Generation:
    """Only the owner acts on a job: an admin's Retry would spend on the admin's own key."""
    return _found(Generation.objects.filter(pk=pk, user=user).first())


def _found(row: T | None) -> T:
    if row is None:
        raise Http404
    return row
