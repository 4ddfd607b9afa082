"""Who may: the check of every view and every fragment. "Not yours" looks like "not there"."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from generations import queries
from generations.models import Generation, Image, Recipe, RecipeVersion, User

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


def admin(view: View[P]) -> Any:
    """Signed in, and an admin; to everybody else the page is not there."""

    @member
    @wraps(view)
    def checked(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_admin:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def _to_login(request: Any) -> HttpResponse:
    if request.htmx:
        here = request.htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(redirect_to_login(here, resolve_url("account_login")).url)
    response = redirect_to_login(request.get_full_path(), resolve_url("account_login"))
    add_never_cache_headers(response)
    return response


def admin_login(request: HttpRequest) -> HttpResponse:
    """Where Django's admin sends whoever may not enter: to sign in, or to nothing."""
    if request.user.is_authenticated:
        raise Http404
    return redirect_to_login(request.GET.get("next", "/admin/"), resolve_url("account_login"))


def back_to(request: HttpRequest, otherwise: str) -> str:
    """The page of ours that a form names as `next`, to return to."""
    there = request.POST.get("next", "")
    is_ours = there.startswith("/") and url_has_allowed_host_and_scheme(
        there, {request.get_host()}, request.is_secure()
    )
    return there if is_ours else otherwise


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


def visible_recipe(user: User, pk: uuid.UUID) -> Recipe:
    return _found(queries.visible_recipes(user).select_related("user").filter(pk=pk).first())


def own_recipe(user: User, pk: uuid.UUID) -> Recipe:
    return _found(queries.own_recipes(user).filter(pk=pk).first())


def removable_recipe(user: User, pk: uuid.UUID) -> Recipe:
    return _found(queries.removable_recipes(user).filter(pk=pk).first())


def recipe_version(user: User, pk: uuid.UUID, number: str) -> RecipeVersion:
    """The version with that number as an address has it; without one the newest."""
    return _found(queries.recipe_version(user, pk, number))


def uuid_or_404(text: str | None) -> uuid.UUID:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        raise Http404 from None


def _found(row: T | None) -> T:
    if row is None:
        raise Http404
    return row
