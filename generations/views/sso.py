"""Signing in through a provider. Imported only where one is set."""

from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_safe
from requests.exceptions import RequestException

from generations.services import sso
from generations.services.errors import NotPossible
from generations.views.entrance import limited

NO_ANSWER = "Your provider did not let you in, or did not answer. Try again, or use your password."


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """The first time: whose account it is from now on."""
        if sociallogin.is_existing:
            return
        proved = [row.email for row in sociallogin.email_addresses if row.verified is True]
        name = str(sociallogin.account.extra_data.get("userinfo", {}).get("name", ""))
        try:
            user = sso.person(proved[0] if proved else "", name=name)
        except NotPossible as problem:
            _refuse(request, str(problem))
        sociallogin.connect(request, user)

    def on_authentication_error(self, request: HttpRequest, *_: Any, **__: Any) -> NoReturn:
        _refuse(request, NO_ANSWER)


def _refuse(request: HttpRequest, sentence: str) -> NoReturn:
    messages.error(request, sentence)
    raise ImmediateHttpResponse(redirect("account_login"))


@require_safe
@limited
def login(request: HttpRequest, provider_id: str) -> Any:
    """Leads to the provider."""
    if request.GET.keys() - {"next"}:
        return redirect("openid_connect_login", provider_id)
    try:
        return oidc.login(request, provider_id)
    except (RequestException, OAuth2Error, KeyError, ValueError):
        _refuse(request, NO_ANSWER)


@require_safe
def callback(request: HttpRequest, provider_id: str) -> Any:
    try:
        return oidc.callback(request, provider_id)
    except (KeyError, ValueError, TypeError):
        # What came is not what the standard promises.
        _refuse(request, NO_ANSWER)


urlpatterns = [
    path("oidc/<slug:provider_id>/login/", login, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", callback, name="openid_connect_callback"),
]
