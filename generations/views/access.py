"""Who may: the check of every view and every fragment. "Not yours" looks like "not there"."""

import hmac
import ipaddress
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers, patch_cache_control
from django.utils.decorators import decorator_from_middleware
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from generations import queries
from generations.models import (
    ApiToken,
    Case,
    Collection,
    Decision,
    Generation,
    Image,
    Invite,
    Recipe,
    RecipeVersion,
    SavedSearch,
    Share,
    User,
    Webhook,
)
from generations.services import guest as guests
from generations.services import invite as invites
from generations.services import session as sessions
from generations.views import errors

P = ParamSpec("P")
T = TypeVar("T")


class Request(HttpRequest):
    """A request that passed `member`: somebody is signed in."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[Request, P], HttpResponseBase]


def signed_in(view: View[P]) -> Any:
    """Signed in and active. A fragment whose session ended sends the whole page to sign-in."""

    @wraps(view)
    def checked(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_login(request)
        if not request.htmx:
            _see(request)
        response = view(request, *args, **kwargs)
        if "Cache-Control" not in response:
            # Not no-store: that would switch off the browser's Back cache.
            patch_cache_control(response, private=True, no_cache=True)
        return response

    return checked


def member(view: View[P]) -> Any:
    """Signed in, and with the second factor that the policy may ask for."""

    @signed_in
    @wraps(view)
    def checked(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.needs_second_factor:
            return _to(request, resolve_url("security"))
        return view(request, *args, **kwargs)

    return checked


def _see(request: Request) -> None:
    """Say that this session is in use; not for fragments, which ask by themselves."""
    sessions.see(
        request.user,
        key=request.session.session_key or "",
        address=address_of(request) or "0.0.0.0",  # noqa: S104
        user_agent=request.headers.get("User-Agent", ""),
    )


def admin(view: View[P]) -> Any:
    """Signed in, and an admin; to everybody else the page is not there."""

    @member
    @wraps(view)
    def checked(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_admin:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def reviewer(view: View[P]) -> Any:
    """Signed in, and a reviewer or an admin; to everybody else the page is not there."""

    @member
    @wraps(view)
    def checked(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_reviewer:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def _to_login(request: Any) -> HttpResponse:
    here = request.htmx.current_url_abs_path or "/" if request.htmx else request.get_full_path()
    return _to(request, redirect_to_login(here, resolve_url("account_login")).url)


def _to(request: Any, url: str) -> HttpResponse:
    """Somewhere else, with the whole page."""
    if request.htmx:
        return HttpResponseClientRedirect(url)
    response = HttpResponseRedirect(url)
    add_never_cache_headers(response)
    return response


def admin_login(request: HttpRequest) -> HttpResponse:
    """Where Django's admin sends whoever may not enter: to sign in, or to nothing."""
    if request.user.is_authenticated:
        if request.user.needs_second_factor:
            return HttpResponseRedirect(resolve_url("security"))
        raise Http404
    return redirect_to_login(request.GET.get("next", "/admin/"), resolve_url("account_login"))


def to_own_password(request: HttpRequest) -> HttpResponse:
    """Django's admin has a page for that, too, which would tell the audit log nothing."""
    return HttpResponseRedirect(resolve_url("account_change_password"))


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


def visible_image(user: User, pk: uuid.UUID) -> Image:
    """One that this person may mark: none that is held or in the trash."""
    rows = queries.visible_images(user).select_related("generation", "user")
    return _found(rows.filter(pk=pk).first())


def own_held_image(user: User, pk: uuid.UUID) -> Image:
    """The maker of a held image is told that it is held, and nothing else."""
    rows = queries.held_images().select_related("generation")
    return _found(rows.filter(pk=pk, user=user).first())


def openable_generation(user: User, pk: uuid.UUID) -> Generation:
    rows = queries.openable_generations(user).select_related("user")
    rows = queries.with_cards(rows, viewer=user if user.is_admin else None)
    return _found(rows.filter(pk=pk).first())


def any_case(image: uuid.UUID) -> Case:
    """The newest case of an image, for reviewers: also when the image is gone."""
    return _found(queries.case_of(image))


def waiting_case(image: uuid.UUID) -> Case:
    return _found(queries.open_cases([image]).first())


def own_decision(user: User, pk: uuid.UUID) -> Decision:
    rows = Decision.objects.filter(reviewer=user).select_related("case")
    return _found(rows.filter(pk=pk).first())


def own_generation(user: User, pk: uuid.UUID) -> Generation:
    """Only the owner acts on a job: an admin's Retry would spend on the admin's own key."""
    return _found(Generation.objects.filter(pk=pk, user=user).first())


def openable_share(user: User, pk: uuid.UUID) -> Share:
    """Their own link, and for admins anybody's."""
    rows = queries.with_counts(queries.openable_shares(user))
    return _found(rows.filter(pk=pk).first())


def own_share(user: User, pk: uuid.UUID) -> Share:
    return _found(queries.with_counts(queries.own_shares(user)).filter(pk=pk).first())


def shareable_collection(user: User, pk: uuid.UUID) -> Collection:
    return _found(queries.shareable_collections(user).filter(pk=pk).first())


def visible_recipe(user: User, pk: uuid.UUID) -> Recipe:
    return _found(queries.visible_recipes(user).select_related("user").filter(pk=pk).first())


def own_recipe(user: User, pk: uuid.UUID) -> Recipe:
    return _found(queries.own_recipes(user).filter(pk=pk).first())


def removable_recipe(user: User, pk: uuid.UUID) -> Recipe:
    return _found(queries.removable_recipes(user).filter(pk=pk).first())


def recipe_version(user: User, pk: uuid.UUID, number: str) -> RecipeVersion:
    """The version with that number as an address has it; without one the newest."""
    return _found(queries.recipe_version(user, pk, number))


def visible_collection(user: User, pk: uuid.UUID) -> Collection:
    rows = queries.visible_collections(user).select_related("user", "parent")
    return _found(rows.filter(pk=pk).first())


def own_collection(user: User, pk: uuid.UUID) -> Collection:
    rows = queries.own_collections(user).select_related("user", "parent")
    return _found(rows.filter(pk=pk).first())


def fillable_collection(user: User, pk: uuid.UUID) -> Collection:
    return _found(queries.fillable_collections(user).filter(pk=pk).first())


def removable_collection(user: User, pk: uuid.UUID) -> Collection:
    return _found(queries.removable_collections(user).filter(pk=pk).first())


def own_search(user: User, pk: uuid.UUID) -> SavedSearch:
    return _found(queries.saved_searches(user).filter(pk=pk).first())


def member_of_team(pk: int) -> User:
    """Anybody who has or had an account, for the admins' pages."""
    return _found(queries.with_standing(User.objects.filter(pk=pk)).first())


def invite_or_404(pk: uuid.UUID) -> Invite:
    return _found(Invite.objects.filter(pk=pk).first())


def own_token(user: User, pk: uuid.UUID) -> ApiToken:
    return _found(queries.own_tokens(user).filter(pk=pk).first())


def own_webhook(user: User, pk: uuid.UUID) -> Webhook:
    return _found(queries.own_webhooks(user).filter(pk=pk).first())


def uuid_or_404(text: str | None) -> uuid.UUID:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        raise Http404 from None


def _found(row: T | None) -> T:
    if row is None:
        raise Http404
    return row


# --- guests -------------------------------------------------------------------------------------

TICKET = "share"
GUEST_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


class GuestRequest(HttpRequest):
    """A request that passed `guest`: its address holds the token of a link that works."""

    share: Share
    token: str
    # Where it comes from, to count by; a whole IPv6 network is one place.
    place: str
    is_open: bool
    htmx: HtmxDetails


GuestView = Callable[Concatenate[GuestRequest, P], HttpResponseBase]


def guest(view: GuestView[P]) -> Any:
    """Whoever has the address of a link that works; to everybody else there is nothing.

    No CSRF token: it would be a cookie for every visitor, and a browser sends no Origin from a
    page without referrers. The address itself is the secret that another site does not know,
    and the ticket of a password is not sent along from there.
    """

    @csrf_exempt
    @wraps(view)
    def checked(request: Any, /, token: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            _let_in(request, token)
            response = view(request, *args, **kwargs)
        except Http404:
            response = errors.no_link(request)
        for name, value in GUEST_HEADERS.items():
            response[name] = value
        return response

    return checked


def opened(view: GuestView[P]) -> Any:
    """A guest who has given the password, where the link has one."""

    @guest
    @wraps(view)
    def checked(request: GuestRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.is_open:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def _let_in(request: Any, token: str) -> None:
    is_foreign = request.headers.get("Sec-Fetch-Site") == "cross-site"
    if request.method == "POST" and is_foreign:
        raise Http404
    request.token, request.share = token, _found(guests.find(token))
    request.place = place_of(request)
    request.is_open = guests.is_open(request.share, request.COOKIES.get(TICKET, ""))


def place_of(request: HttpRequest) -> str:
    """The network that counts as one visitor's."""
    address = _address(request)
    if address is None:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network(f"{address}/64", strict=False))


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as far as our own proxies tell; "" when that is no address."""
    return str(_address(request) or "")


def _address(request: HttpRequest) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    hops = request.headers.get("X-Forwarded-For", "").split(",")
    is_behind = settings.PROXIES and len(hops) >= settings.PROXIES
    text = hops[-settings.PROXIES] if is_behind else request.META.get("REMOTE_ADDR", "")
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def may_watch(request: HttpRequest) -> bool:
    """Who may read the figures of the server. With VENICEWEB_METRICS_TOKEN whoever sends it, from
    anywhere. Without one a neighbour alone: what connects by itself, with no proxy between, from
    this machine; or where the studio stands behind a proxy, from the private network of the two.
    """
    if token := settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP")):
        return False
    try:
        peer = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return peer.is_loopback or bool(settings.PROXIES and peer.is_private)


def shared_image(share: Share, pk: uuid.UUID) -> Image:
    """An image that the link shows at this moment."""
    return _found(queries.shared_images(share).filter(pk=pk).first())


# --- people who are to come ----------------------------------------------------------------------


class Visitor(HttpRequest):
    """A request of anybody."""

    user: User


class SecretRequest(Visitor):
    """A request that passed `secret`: its address holds a secret that is for one person."""


class InvitedRequest(SecretRequest):
    """A request that passed `invited`: its address holds the token of an open invitation."""

    invite: Invite


class _TokenAlone(CsrfViewMiddleware):
    """A page without referrers posts with `Origin: null`; the form's token decides there."""

    def _origin_verified(self, request: HttpRequest) -> bool:
        is_null = request.META.get("HTTP_ORIGIN") == "null"
        return is_null or super()._origin_verified(request)  # type: ignore[misc]


_with_token = decorator_from_middleware(_TokenAlone)


def secret(view: Callable[..., HttpResponseBase]) -> Any:
    """A page for whoever has its address. It goes nowhere else, and what is wrong with an address
    is not said: one answer for all of them."""
    guarded = _with_token(view)

    @csrf_exempt  # the check above is in its place
    @wraps(view)
    def checked(request: Any, /, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response: HttpResponseBase = guarded(request, *args, **kwargs)
        except Http404:
            response = errors.no_invite(request)
        for name, value in GUEST_HEADERS.items():
            response[name] = value
        return response

    return checked


def invited(view: Callable[[InvitedRequest], HttpResponseBase]) -> Any:
    """Whoever has the address of an open invitation; to everybody else there is nothing."""

    @secret
    @wraps(view)
    def checked(request: InvitedRequest, token: str) -> HttpResponseBase:
        request.invite = _found(invites.find(token))
        return view(request)

    return checked


def stranger(view: Callable[[Visitor], HttpResponseBase]) -> Any:
    """Somebody who is not signed in; who is, is led to the studio."""

    @wraps(view)
    def checked(request: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return HttpResponseRedirect(resolve_url("studio"))
        return view(request)

    return checked
