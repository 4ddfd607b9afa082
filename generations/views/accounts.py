"""The addresses below /accounts/: of allauth's pages those that this studio has."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.apps import apps
from django.urls import include, path, re_path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from generations.views import security, signup
from generations.views.entrance import guarded, limited, signed_in, sound, typed, waiting

to_security = RedirectView.as_view(pattern_name="security")

urlpatterns = [
    path("login/", guarded(account.login, typed), name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", signup.signup, name="account_signup"),
    path("signup/<str:token>/", signup.confirm, name="account_signup_confirm"),
    path(
        "reauthenticate/",
        guarded(account.reauthenticate, signed_in),
        name="account_reauthenticate",
    ),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    # The key has a "-" in it, too.
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    # Second factors. What there is stands on our own page.
    path("2fa/", to_security, name="mfa_index"),
    path(
        "2fa/authenticate/",
        guarded(sound(mfa.authenticate), waiting, "code"),
        name="mfa_authenticate",
    ),
    path(
        "2fa/reauthenticate/",
        guarded(mfa.reauthenticate, signed_in, "code"),
        name="mfa_reauthenticate",
    ),
    path("2fa/app/add/", never_cache(totp.activate_totp), name="mfa_activate_totp"),
    path("2fa/app/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("2fa/codes/", never_cache(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("2fa/codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("2fa/codes/file/", security.codes_file, name="mfa_download_recovery_codes"),
    path("2fa/passkeys/", to_security, name="mfa_list_webauthn"),
    path("2fa/passkeys/add/", sound(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path("2fa/passkeys/login/", limited(sound(webauthn.login_webauthn)), name="mfa_login_webauthn"),
    path(
        "2fa/passkeys/reauthenticate/",
        sound(webauthn.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path("2fa/passkeys/<int:pk>/rename/", webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("2fa/passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
]

if apps.is_installed("allauth.socialaccount"):
    urlpatterns += [path("", include("generations.views.sso"))]
