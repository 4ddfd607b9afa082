"""Invitations: the admins' list of them, and the page behind such a link."""

import uuid
from typing import Any
from urllib.parse import urlencode

from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from generations import queries
from generations.forms import mark_errors
from generations.models import Invite, User
from generations.services import invite as services
from generations.services import throttle
from generations.services.errors import Invalid, NotPossible
from generations.views import words
from generations.views.access import (
    InvitedRequest,
    Request,
    admin,
    invite_or_404,
    invited,
    place_of,
)
from generations.views.errors import no_invite
from generations.views.team_form import InviteForm, NewPersonForm, add_errors

PAGE = 50
_TABS = (
    ("", "All"),
    ("open", "Open"),
    ("used", "Used"),
    ("expired", "Expired"),
    ("withdrawn", "Withdrawn"),
)

# --- the admins' list -----------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@admin
def invites(request: Request) -> HttpResponse:
    if request.method != "POST":
        return _list(request, InviteForm())
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            made = services.create(request.user, **form.values)
        except Invalid as problem:
            add_errors(form, problem.fields)
        except NotPossible as problem:
            form.add_error(None, str(problem))
        else:
            _tell(request, made)
            return _to_list(made=made.pk)
    return _list(request, form, status=422)


def _tell(request: Request, made: Invite) -> None:
    if not made.email:
        messages.success(request, "The invitation is ready. Pass the link on.")
    elif services.send(made, link=link_of(made)):
        messages.success(request, f"The invitation is on its way to {made.email}.")
    else:
        text = f"The invitation for {made.email} is ready. No mail was sent: pass the link on."
        messages.success(request, text)


def _list(request: Request, form: InviteForm, status: int = 200) -> HttpResponse:
    mark_errors(form)
    show = request.GET.get("show", "")
    show = show if show in queries.INVITE_STATES else ""
    rows = queries.after(queries.invites(show), request.GET.get("after", ""))
    found = list(rows[: PAGE + 1])
    counts = queries.invite_counts()
    context = {
        "section": "invites",
        "form": form,
        "has_email": settings.HAS_EMAIL,
        "made": _made(request),
        "rows": [_row(invite) for invite in found[:PAGE]],
        "show": show,
        "tabs": [
            {
                "label": label,
                "url": _address(show=name),
                "is_current": name == show,
                "count": counts[name] if name else sum(counts.values()),
            }
            for name, label in _TABS
        ],
        "next_url": _address(show=show, after=queries.cursor_of(found[PAGE - 1]))
        if len(found) > PAGE
        else "",
    }
    return render(request, "team/invites.html", context, status=status)


def _made(request: Request) -> dict[str, Any] | None:
    """The invitation whose link is to be shown: the one just made, or one that was asked for."""
    try:
        pk = uuid.UUID(request.GET.get("made", ""))
    except ValueError:
        return None
    invite = queries.open_invites().filter(pk=pk).first()
    return _row(invite) | {"link": link_of(invite)} if invite else None


def _row(invite: Invite) -> dict[str, Any]:
    is_open = not (invite.used_at or invite.revoked_at or invite.expires_at <= timezone.now())
    return {
        "name": invite.email or "Whoever has the link",
        "role": invite.get_role_display(),
        "state": _state(invite),
        "by": invite.created_by.display_name,
        "made": words.when(invite.created_at),
        "is_open": is_open,
        "link": link_of(invite) if is_open else "",
        "show_url": _address(made=str(invite.pk)),
        "withdraw_url": reverse("team-invite-withdraw", args=[invite.pk]) if is_open else "",
    }


def _state(invite: Invite) -> str:
    if invite.used_at:
        who = invite.used_by.display_name if invite.used_by else "somebody"
        return f"Used by {who}, {words.date(invite.used_at)}"
    if invite.revoked_at:
        return f"Withdrawn {words.date(invite.revoked_at)}"
    if invite.expires_at <= timezone.now():
        return f"Expired {words.date(invite.expires_at)}"
    return f"Open until {words.when(invite.expires_at)}"


def link_of(invite: Invite) -> str:
    """The whole address; "" when the key that hid its token is gone."""
    token = services.token_of(invite)
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse('invite', args=[token])}" if token else ""


def _address(**query: str) -> str:
    text = urlencode({key: value for key, value in query.items() if value})
    return f"{reverse('team-invites')}{'?' if text else ''}{text}"


def _to_list(made: uuid.UUID | None = None) -> HttpResponse:
    return HttpResponseRedirect(_address(made=str(made or "")), status=303)


@require_POST
@admin
def withdraw(request: Request, pk: uuid.UUID) -> HttpResponse:
    if services.withdraw([invite_or_404(pk)], by=request.user):
        messages.success(request, "The invitation is withdrawn. Its link opens nothing any more.")
    else:
        messages.info(request, "It was used or withdrawn already.")
    return _to_list()


# --- the page behind the link --------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@invited
def invite(request: InvitedRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return _page(request, None)
    has_email = bool(request.invite.email)
    if request.method != "POST":
        return _page(request, NewPersonForm(has_email=has_email))
    form = NewPersonForm(request.POST, has_email=has_email)
    if not throttle.is_allowed(
        f"invite:{place_of(request)}", most=services.TRIES, seconds=services.TRIES_WITHIN
    ):
        form.add_error(None, "Too many tries. Wait ten minutes, then try again.")
        return _page(request, form, status=429)
    if form.is_valid():
        try:
            user = services.accept(request.invite, **form.cleaned_data)
        except Invalid as problem:
            add_errors(form, problem.fields)
        except services.Gone:
            return no_invite(request)
        else:
            return _welcome(request, user)
    return _page(request, form, status=422)


def _page(request: InvitedRequest, form: NewPersonForm | None, status: int = 200) -> HttpResponse:
    """Nothing of who invited, or of whom else there is: the address may have got about."""
    if form:
        mark_errors(form)
    context = {
        "form": form,
        "email": request.invite.email,
        "role": request.invite.get_role_display().lower(),
        "here": request.path,
    }
    return render(request, "invite/invite.html", context, status=status)


def _welcome(request: InvitedRequest, user: User) -> HttpResponse:
    """Signed in the way everybody is, so that all that belongs to it happens."""
    response: HttpResponse = perform_login(
        request, user, redirect_url=reverse("studio"), signup=True
    )
    response.status_code = 303
    return response
