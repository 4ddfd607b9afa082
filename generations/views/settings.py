"""My settings: profile and my Venice key."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from generations.forms import ProfileForm, VeniceKeyForm, mark_errors
from generations.models import Account, VeniceKey
from generations.services import key as keys
from generations.services import policy
from generations.services.errors import Invalid
from generations.venice.errors import VeniceError
from generations.views import words
from generations.views.access import Request, back_to, member
from generations.views.context import THEMES

YEAR = 365 * 24 * 3600


@require_http_methods(["GET", "HEAD", "POST"])
@member
def settings(request: Request) -> HttpResponse:
    if request.method != "POST":
        return _page(request, VeniceKeyForm())
    form = VeniceKeyForm(request.POST)
    if form.is_valid() and _saved(request, form):
        messages.success(request, "Key saved. It works.")
        return redirect("settings")
    return _page(request, form, status=422)


def _saved(request: Request, form: VeniceKeyForm) -> bool:
    try:
        keys.save(request.user, form.cleaned_data["venice_key"], by=request.user)
    except Invalid as problem:
        form.add_error("venice_key", problem.fields["venice_key"])
    except VeniceError as error:
        form.add_error("venice_key", f"Not saved: {error.public_message}")
    return not form.errors


def _page(request: Request, form: VeniceKeyForm, status: int = 200) -> HttpResponse:
    mark_errors(form)
    own = keys.own_key(request.user)
    team = keys.team_key()
    is_withheld = team is not None and not policy.for_user(request.user).may_use_team_key
    if is_withheld and not request.user.is_admin:
        team = None
    context = {
        "section": "key",
        "key_form": form,
        "profile_form": ProfileForm(instance=request.user, label_suffix=""),
        "key": key_facts(own) if own else None,
        "is_withheld": is_withheld and own is None,
        "team_key": key_facts(team, with_account=request.user.is_admin) if team else None,
    }
    return render(request, "settings/settings.html", context, status=status)


def key_facts(key: VeniceKey, *, with_account: bool = True) -> dict[str, Any]:
    """What is shown of a key: never more than its last four characters."""
    account = key.account
    problem = _PROBLEMS[Account.Problem(account.problem)]
    facts: dict[str, Any] = {"problem": problem, "last_four": "", "is_over": _is_over(account)}
    if not with_account:
        return facts
    return facts | {
        "last_four": key.last_four,
        "tested_label": words.when(account.tested_at) if account.tested_at else "",
        "tier": account.tier,
        "balance_label": words.balances(account.balance_usd, account.balance_diem),
        "limit_label": f"{account.per_minute} requests a minute" if account.tested_at else "",
        "expires_label": words.day(account.expires_at) if account.expires_at else "",
    }


_PROBLEMS = {
    Account.Problem.NONE: "",
    Account.Problem.BAD_KEY: "Venice refused this key. Nothing is sent on it until it works.",
    Account.Problem.NO_CREDIT: "No credit left at Venice. Add some there, then test the key.",
}


def _is_over(account: Account) -> bool:
    return account.expires_at is not None and account.expires_at <= timezone.now()


@require_POST
@member
def test_key(request: Request) -> HttpResponse:
    """Ask Venice about my key, or, as an admin without one, about the team's."""
    own = keys.own_key(request.user)
    key = own or (keys.team_key() if request.user.is_admin else None)
    if key is None:
        messages.info(request, "There is no key of yours to test.")
        return redirect("settings")
    try:
        keys.test(key, by=request.user)
    except Invalid as problem:
        messages.error(request, problem.fields["venice_key"])
    except VeniceError as error:
        messages.error(request, error.public_message)
    else:
        messages.success(request, "The key works.")
    return redirect("settings")


@require_POST
@member
def remove_key(request: Request) -> HttpResponse:
    key = keys.own_key(request.user)
    if key:
        keys.remove(key, by=request.user)
        messages.success(request, "Key removed.")
    return redirect("settings")


@require_POST
@member
def profile(request: Request) -> HttpResponse:
    form = ProfileForm(request.POST, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Saved.")
    elif "name" in form.errors:
        messages.error(request, "Not saved: a name has at most 80 characters.")
    else:
        messages.error(request, "Not saved: choose who sees your new images.")
    return redirect("settings")


@require_POST
def theme(request: Request) -> HttpResponse:
    """Light, dark or the system's; also before signing in."""
    response = HttpResponseRedirect(back_to(request, "/"))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=YEAR, samesite="Lax", secure=request.is_secure()
        )
    return response
