"""The team's Venice key, for admins: saved, tested, taken away. A member's key is on no page."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from generations.forms import VeniceKeyForm, mark_errors
from generations.models import VeniceKey
from generations.models.policy import Who
from generations.services import key as keys
from generations.services import policy
from generations.services.errors import Invalid
from generations.venice.errors import VeniceError
from generations.views import words
from generations.views.access import Request, admin
from generations.views.settings import key_facts
from generations.views.spend import SeeOther


@require_http_methods(["GET", "HEAD", "POST"])
@admin
def key(request: Request) -> HttpResponse:
    if request.method != "POST":
        return _page(request, VeniceKeyForm())
    form = VeniceKeyForm(request.POST)
    if settings.VENICE_API_KEY:
        form.add_error(None, "VENICE_API_KEY is set on the server, and goes before what is here.")
    elif form.is_valid() and _saved(request, form):
        messages.success(request, "Key saved. It works.")
        return SeeOther(reverse("team-key"))
    return _page(request, form, status=422)


def _saved(request: Request, form: VeniceKeyForm) -> bool:
    try:
        keys.save(None, form.cleaned_data["venice_key"], by=request.user)
    except Invalid as problem:
        form.add_error("venice_key", problem.fields["venice_key"])
    except VeniceError as error:
        form.add_error("venice_key", f"Not saved: {error.public_message}")
    return not form.errors


def _page(request: Request, form: VeniceKeyForm, status: int = 200) -> HttpResponse:
    mark_errors(form)
    found, rules = keys.team_key(), policy.current()
    context: dict[str, Any] = {
        "section": "key",
        "key_form": form,
        "key": key_facts(found) if found else None,
        "warning": _warning(found) if found else "",
        "is_fixed": bool(settings.VENICE_API_KEY),
        "test_url": reverse("team-key-test"),
        "remove_url": "" if settings.VENICE_API_KEY else reverse("team-key-remove"),
        "who_label": Who(rules.team_key_for).label.lower(),
    }
    return render(request, "team/key.html", context, status=status)


def _warning(key: VeniceKey) -> str:
    """What will stop the team's jobs soon."""
    ends = key.account.expires_at
    if ends is None or ends <= timezone.now() or ends - timezone.now() > keys.ENDS_SOON:
        return ""
    return f"It expires on {words.date(ends)}. Make a new one at Venice before, and save it here."


@require_POST
@admin
def test(request: Request) -> HttpResponse:
    found = keys.team_key()
    if found is None:
        messages.info(request, "There is no key of the team to test.")
        return SeeOther(reverse("team-key"))
    try:
        keys.test(found, by=request.user)
    except Invalid as problem:
        messages.error(request, problem.fields["venice_key"])
    except VeniceError as error:
        messages.error(request, error.public_message)
    else:
        messages.success(request, "The key works.")
    return SeeOther(reverse("team-key"))


@require_POST
@admin
def remove(request: Request) -> HttpResponse:
    """The one that was saved here; the server's own is not ours to take away."""
    if settings.VENICE_API_KEY:
        messages.error(request, "It is set on the server, as VENICE_API_KEY. Take it away there.")
    elif found := keys.team_key():
        keys.remove(found, by=request.user)
        messages.success(request, "Key removed. What waited on it fails, and costs nothing.")
    return SeeOther(reverse("team-key"))
