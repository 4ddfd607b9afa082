"""How I sign in: second factors, and where I am signed in."""

import re
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from generations import queries
from generations.services import session as sessions
from generations.views import words
from generations.views.access import Request, signed_in

_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "CrOS", "Linux")
_CALLED = {"Mac OS": "Mac", "CrOS": "ChromeOS", "Edg": "Edge", "OPR": "Opera"}
# In this order: each of them also calls itself by the names of those after it.
_BROWSERS = ("Firefox", "Edg", "OPR", "Chrome", "Safari")


@require_safe
@signed_in
def security(request: Request) -> HttpResponse:
    factors = {kind: [] for kind in Authenticator.Type}  # type: dict[str, list[dict[str, Any]]]
    for row in Authenticator.objects.filter(user=request.user).order_by("created_at"):
        factors[row.type].append(_facts(row))
    here = request.session.session_key
    context = {
        "section": "security",
        "app": next(iter(factors["totp"]), None),
        "codes": next(iter(factors["recovery_codes"]), None),
        "passkeys": factors["webauthn"],
        "sessions": [
            {
                "pk": row.pk,
                "device": device(row.user_agent),
                "address": row.ip,
                "seen_label": words.when(row.last_seen_at),
                "is_here": row.session_key == here,
            }
            for row in queries.open_sessions(request.user)
        ],
    }
    return render(request, "settings/security.html", context)


def _facts(row: Authenticator) -> dict[str, Any]:
    factor = row.wrap()
    facts = {
        "pk": row.pk,
        "added_label": words.date(row.created_at),
        "used_label": words.when(row.last_used_at) if row.last_used_at else "never",
    }
    if row.type == Authenticator.Type.WEBAUTHN:
        facts["name"] = factor.name or "Passkey"
    elif row.type == Authenticator.Type.RECOVERY_CODES:
        facts["left"] = len(factor.get_unused_codes())
    return facts


def device(user_agent: str) -> str:
    """What a browser calls itself, in words: "Firefox on Linux"."""
    browser = next((name for name in _BROWSERS if name in user_agent), "")
    system = next((name for name in _SYSTEMS if name in user_agent), "")
    found = [_CALLED.get(name, name) for name in (browser, system) if name]
    return " on ".join(found) or "Something that does not say what it is"


@require_POST
@signed_in
def end_session(request: Request, pk: int) -> HttpResponse:
    if not sessions.end(request.user, session=pk):
        raise Http404
    messages.success(request, "Ended. That device has to sign in again.")
    return redirect("security")


@require_POST
@signed_in
def end_sessions(request: Request) -> HttpResponse:
    count = sessions.end_others(request.user, but=request.session.session_key or "")
    messages.success(request, f"Ended: {count}. You stay signed in here.")
    return redirect("security")


@require_POST
@signed_in
def codes_file(request: HttpRequest) -> HttpResponse:
    """The codes as a file, from the page that shows them: it is the only one that has them."""
    codes = re.findall(r"\b\d{8}\b", request.POST.get("codes", "")[:200])
    answer = HttpResponse("".join(f"{code}\n" for code in codes), content_type="text/plain")
    answer["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    return answer
