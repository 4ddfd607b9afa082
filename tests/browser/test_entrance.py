"""Signing in with a second factor, by hand and by a passkey of Chromium's own."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from playwright.sync_api import expect

from tests.browser.test_floors import SIZES, check, every_look, every_size, fits
from tests.builders import PASSWORD

SECURITY = "/settings/security/"


def code_of(secret):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def press(page, name, role="button"):
    page.get_by_role(role, name=name, exact=True).click()


def confirm(page):
    """The password once more."""
    page.fill("[name=password]", PASSWORD)
    press(page, "Go on")


def sign_out(page):
    page.goto("/accounts/logout/")
    page.locator("main form button").click()
    expect(page.get_by_role("heading", name="Good to see you.")).to_be_visible()


def by_password(page, user):
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", PASSWORD)
    press(page, "Sign in")


@pytest.fixture
def here(studio, live_server, settings):
    """The studio by its name: a passkey belongs to a name, not to an address."""
    home = live_server.url.replace("127.0.0.1", "localhost")
    settings.CSRF_TRUSTED_ORIGINS = [live_server.url, home]
    return home


def with_authenticator(page):
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return cdp, cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_an_app_and_its_recovery_codes(open_page, studio, alice):
    page = open_page(alice)
    page.goto(SECURITY)
    press(page, "Add an app", "link")
    confirm(page)
    secret = page.locator(".secret").inner_text()
    page.fill("[name=code]", code_of(secret))
    press(page, "Add the app")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    codes = page.locator(".codes code").all_inner_texts()
    with page.expect_download() as kept:
        press(page, "Download them")
    assert kept.value.path().read_text().split() == codes
    press(page, "I have kept them", "link")
    expect(page.get_by_text("10 left.")).to_be_visible()
    for code in (codes[0], None):
        sign_out(page)
        by_password(page, alice)
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        page.fill("[name=code]", code or codes[1])
        press(page, "Sign in")
        page.wait_for_url(f"{studio}/")
    page.goto(SECURITY)
    expect(page.get_by_text("8 left.")).to_be_visible()


def test_an_app_works_without_javascript(open_page, studio, alice):
    TOTP.activate(alice, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    page = open_page(java_script_enabled=False)
    page.goto("/accounts/login/")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    by_password(page, alice)
    page.fill("[name=code]", code_of("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
    press(page, "Sign in")
    page.wait_for_url(f"{studio}/")
    page.goto(SECURITY)
    assert "Passkeys need JavaScript" in page.content()


def test_a_passkey_is_added_signs_in_alone_is_renamed_and_removed(open_page, here, alice):
    page = open_page()
    with_authenticator(page)
    page.goto(f"{here}/accounts/login/")
    by_password(page, alice)
    page.wait_for_url(f"{here}/")
    page.goto(here + SECURITY)
    press(page, "Add a passkey", "link")
    confirm(page)
    page.fill("[name=name]", "Phone")
    press(page, "Add a passkey")
    press(page, "I have kept them", "link")
    expect(page.get_by_role("heading", name="Phone")).to_be_visible()

    page.goto(f"{here}/accounts/logout/")
    page.locator("main form button").click()
    press(page, "Use a passkey")
    page.wait_for_url(f"{here}/")

    page.goto(f"{here}/accounts/logout/")
    page.locator("main form button").click()
    by_password(page, alice)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    press(page, "Use a passkey")
    page.wait_for_url(f"{here}/")

    page.goto(here + SECURITY)
    press(page, "Rename Phone", "link")
    press(page, "Use a passkey", "link")
    press(page, "Use a passkey")
    page.fill("[name=name]", "Old phone")
    press(page, "Keep this name")
    expect(page.get_by_role("heading", name="Old phone")).to_be_visible()
    press(page, "Remove Old phone", "link")
    press(page, "Remove the passkey")
    expect(page.get_by_role("heading", name="Passkeys")).to_be_visible()
    assert not Authenticator.objects.exists()


def test_a_passkey_that_is_not_there_is_said_in_a_sentence(open_page, here, alice):
    page = open_page()
    cdp, made = with_authenticator(page)
    cdp.send("WebAuthn.setUserVerified", {**made, "isUserVerified": False})
    page.goto(f"{here}/accounts/login/")
    press(page, "Use a passkey")
    expect(page.get_by_role("alert")).to_have_text(re.compile("Nothing was done"))


def test_other_sessions_end(open_page, alice, studio):
    here, there = open_page(alice), open_page(alice)
    here.goto(SECURITY)
    press(here, "End all others")
    expect(here.get_by_text("Ended: 1.")).to_be_visible()
    there.goto(SECURITY)
    expect(there.get_by_role("heading", name="Good to see you.")).to_be_visible()


@every_size
@every_look
def test_pages_about_security(open_page, studio, alice, bob, theme, size):
    TOTP.activate(bob, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(bob)
    still = {"viewport": SIZES[size], "color_scheme": theme, "reduced_motion": "reduce"}
    page = open_page(alice, **still)
    for path in (SECURITY, "/accounts/2fa/app/add/"):
        page.goto(path)
        check(page)
        fits(page)
    confirm(page)
    page.fill("[name=code]", "1")
    press(page, "Add the app")
    expect(page.locator("#code-error")).to_be_visible()
    check(page)
    fits(page)
    page.fill("[name=code]", code_of(page.locator(".secret").inner_text()))
    press(page, "Add the app")
    expect(page.locator(".codes")).to_be_visible()
    check(page)
    fits(page)
    for path in ("codes/", "codes/new/", "app/remove/", "passkeys/add/", "reauthenticate/"):
        page.goto(f"/accounts/2fa/{path}")
        check(page)
        fits(page)
    page.goto(SECURITY)
    check(page)
    fits(page)
    page.set_viewport_size({"width": 320, "height": 640})
    fits(page)
    page = open_page(**still)
    page.goto("/accounts/login/")
    by_password(page, bob)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    check(page)
    fits(page)
