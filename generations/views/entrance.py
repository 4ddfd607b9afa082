"""The entrance: what allauth asks us, its pages guarded against guessing, and the audit log."""

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import qrcode
from allauth.account import signals as account_signals
from allauth.account.internal.stagekit import get_pending_stage
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.core.internal.ratelimit import respond_429
from allauth.mfa import signals as mfa_signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import signals as auth_signals
from django.core.exceptions import PermissionDenied
from django.forms import CharField
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.html import format_html

from generations import forms
from generations.models import User
from generations.services import audit, factor, guess, throttle
from generations.services import session as sessions
from generations.services.audit import Action
from generations.services.guess import Guess
from generations.views.access import address_of, place_of

logger = logging.getLogger(__name__)

_QR = (
    '<svg class="qr" viewBox="0 0 {side} {side}" role="img" '
    'aria-label="The key as a QR code; it is written out below">'
    '<rect width="100%" height="100%"/><path d="{path}"/></svg>'
)
# Tells a browser that has signed in to an account from one that guesses.
DEVICE = "device"


class AccountAdapter(forms.AccountAdapter):
    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request) or "0.0.0.0"  # noqa: S104  (a unix socket has no address)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        email = str(credentials.get("email", ""))
        _failed(User.objects.filter(email__iexact=email).first(), request, step="password")


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets at rest are encrypted; services.factor knows where they are."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "This code is not right, or it has run out. Try the next one."
    }

    def encrypt(self, text: str) -> str:
        return factor.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return factor.decrypt(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        """The QR code as a drawing that stands in the page: the policy lets no data: through."""
        code = qrcode.QRCode(border=4)
        code.add_data(url)
        rows = ["".join(str(int(dot)) for dot in row) for row in code.get_matrix()]
        path = "".join(
            f"M{run.start()} {y}h{len(run[0])}v1h-{len(run[0])}z"
            for y, row in enumerate(rows)
            for run in re.finditer("1+", row)
        )
        return format_html(_QR, side=len(rows), path=path)

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return f"Passkey {count + 1}" if count else "Passkey"

    def _get_site_name(self) -> str:
        return str(settings.SITE_NAME)


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    name = CharField(required=False, max_length=80)


class RenamePasskeyForm(EditWebAuthnForm):  # type: ignore[misc]
    name = CharField(max_length=80, label="Name")


# --- guessing ------------------------------------------------------------------------------------


def guarded(view: Any, account: Callable[[Any], str], kind: str = "password") -> Any:
    """Posts to this page are tries at an account; wrong ones count. It leads on when right."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        attempt = _attempt(request, account(request), kind)
        if not attempt.is_allowed():
            return respond_429(request)
        response = view(request, *args, **kwargs)
        if 300 <= response.status_code < 400:
            attempt.was_right()
        return response

    return checked


def _attempt(request: HttpRequest, email: str, kind: str) -> Guess:
    device = guess.device_of(request.COOKIES.get(DEVICE, ""), email)
    if request.user.is_authenticated:
        device = request.session.session_key or ""
    return Guess(f"{kind}:{email}", place_of(request), device)


def limited(view: Any) -> Any:
    """Each visit makes a session for somebody who is not signed in; so many fill a database."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if throttle.is_allowed(f"entrance:{place_of(request)}", most=60, seconds=60):
            return view(request, *args, **kwargs)
        return respond_429(request)

    return checked


def typed(request: HttpRequest) -> str:
    return request.POST.get("login", "")[:254]


def waiting(request: HttpRequest) -> str:
    """Whose password was right; the code is asked for now."""
    stage = get_pending_stage(request)
    return stage.login.user.email if stage and stage.login.user else ""


def signed_in(request: HttpRequest) -> str:
    return request.user.email if request.user.is_authenticated else ""


def sound(view: Any) -> Any:
    """Passkeys are read from what a stranger sends; what makes no sense to the library is none."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return view(request, *args, **kwargs)
        except (Http404, PermissionDenied, ImmediateHttpResponse, ReauthenticationRequired):
            raise
        except Exception:
            # It raises whatever comes: KeyError, struct.error, InvalidSignature of the cipher.
            if "credential" not in request.POST:
                raise
            logger.warning("A passkey that cannot be read was refused.")
        messages.error(request, "This passkey was not accepted. Try again, or another way.")
        return HttpResponseRedirect(request.path if request.user.is_authenticated else _login())

    return checked


def _login() -> str:
    return resolve_url("account_login")


# --- what happened -------------------------------------------------------------------------------


def connect() -> None:
    """Called when Django is ready."""
    for signal, receiver in (
        (account_signals.user_logged_in, _signed_in),
        (auth_signals.user_logged_out, _signed_out),
        (account_signals.password_changed, _password_changed),
        (account_signals.password_set, _password_changed),
        (account_signals.password_reset, _password_reset),
        (mfa_signals.authenticator_added, _factor_added),
        (mfa_signals.authenticator_reset, _factor_added),
        (mfa_signals.authenticator_removed, _factor_removed),
        (mfa_signals.authentication_failed, _code_failed),
    ):
        signal.connect(receiver)


def _signed_in(request: HttpRequest, user: User, response: Any = None, **_: Any) -> None:
    audit.note(Action.SIGNED_IN, by=user, subject=user)
    if response is not None:
        response.set_cookie(
            DEVICE,
            guess.remember(request.COOKIES.get(DEVICE, ""), user.email),
            max_age=guess.REMEMBERED,
            path="/accounts/",
            httponly=True,
            samesite="Lax",
            secure=request.is_secure(),
        )


def _failed(user: User | None, request: HttpRequest, *, step: str) -> None:
    by = user if request.user.is_authenticated else None
    audit.note(Action.SIGN_IN_FAILED, by=by, subject=user, step=step)


def _code_failed(request: HttpRequest, user: User, **_: Any) -> None:
    _failed(user, request, step="code")


def _signed_out(user: User | None, **_: Any) -> None:
    if user is not None:
        audit.note(Action.SIGNED_OUT, by=user, subject=user)


def _password_changed(request: HttpRequest, user: User, **_: Any) -> None:
    audit.note(Action.PASSWORD_CHANGED, by=user, subject=user)
    sessions.end_sessions(user, but=request.session.session_key or "")


def _password_reset(user: User, **_: Any) -> None:
    audit.note(Action.PASSWORD_CHANGED, by=user, subject=user, how="mail")
    sessions.end_sessions(user)
    guess.forget(f"password:{user.email}")


def _factor_added(user: User, authenticator: Any, **_: Any) -> None:
    factor.added(user, kind=authenticator.type)


def _factor_removed(user: User, authenticator: Any, **_: Any) -> None:
    factor.removed(user, kind=authenticator.type)
