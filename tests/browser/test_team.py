"""Members and invitations in a browser: somebody comes, and somebody goes."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from generations.models import Invite, Policy, User
from generations.services import invite as invites
from generations.services import user as users
from tests.browser.test_floors import SIZES, check, every_look, every_size, fits
from tests.builders import PASSWORD, make_generation, make_key, make_share


@pytest.fixture
def team(studio, ada, alice, bob, rosa):
    """Admins' pages about people, with something on each of them; and those for strangers."""
    make_key(alice)
    make_share(alice)
    make_generation(alice, charged="0.25")
    gone = users.add("charlie.with.a.long.address@studio.example", PASSWORD, by=ada)
    User.objects.filter(pk=rosa.pk).update(last_login=timezone.now(), needs_second_factor=True)
    users.deactivate(gone, by=ada)
    for role in User.Role.values:
        made = invites.create(ada, role=role, email=f"{role}@studio.example")
    Invite.objects.filter(pk=made.pk).update(expires_at=timezone.now() - timedelta(days=1))
    used = invites.create(ada, role="member")
    invites.accept(used, name="Dora", password=PASSWORD, email="dora@studio.example")
    invites.withdraw([invites.create(ada, role="member")], by=ada)
    shown = invites.create(ada, role="reviewer")
    return {
        "members": "/team/",
        "members-filtered": "/team/?role=member&q=example",
        "members-none": "/team/?q=nobody-like-this",
        "person": f"/team/people/{alice.pk}/",
        "person-me": f"/team/people/{ada.pk}/",
        "person-out": f"/team/people/{gone.pk}/",
        "invites": "/team/invites/",
        "invites-made": f"/team/invites/?made={shown.pk}",
        "invites-used": "/team/invites/?show=used",
        "invite": f"/invite/{invites.token_of(shown)}/",
        "server": "/team/server/",
    }


@every_size
@every_look
def test_what_admins_see(open_page, team, ada, watch, theme, size):
    still = {"reduced_motion": "reduce", "color_scheme": theme}
    page = open_page(ada, viewport=SIZES[size], **still)
    for path in team.values():
        page.goto(path)
        check(page)
        fits(page)
    page.goto("/team/invites/")
    page.fill("[name=days]", "99")
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator("#days-error")).to_be_visible()
    check(page)
    page.goto(team["person"])
    page.get_by_text("Deactivate Alice").click()
    expect(page.get_by_role("button", name="Deactivate", exact=True)).to_be_visible()
    page.evaluate("scrollTo(0, 0)")  # the bar lies over what is half scrolled away
    check(page)
    fits(page)
    watch.expect("422")


@every_size
@every_look
def test_what_strangers_see(open_page, team, watch, theme, size):
    Policy.objects.create(is_signup_open=True)
    page = open_page(path=team["invite"], viewport=SIZES[size], color_scheme=theme)
    check(page)
    fits(page)
    page.get_by_role("button", name="Come in").click()
    expect(page.locator("#password-error")).to_be_visible()
    check(page)
    fits(page)
    for path in ("/invite/nothing/", "/accounts/signup/"):
        page.goto(path)
        check(page)
        fits(page)
    watch.expect("404", "422")


def test_an_empty_team(open_page, studio, ada):
    page = open_page(ada, viewport=SIZES["wide"])
    for path in ("/", "/team/", "/team/?show=inactive", "/team/invites/"):
        page.goto(path)
        check(page)
    page.goto("/team/")
    page.get_by_text("Only you so far").locator("..").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Invite somebody")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with", "without"])
def test_somebody_comes_and_goes(open_page, studio, ada, script):
    boss = open_page(ada, path="/team/invites/", java_script_enabled=script)
    boss.select_option("[name=role]", "reviewer")
    boss.get_by_role("button", name="Make the link").click()
    link = boss.get_by_role("textbox", name="The link").input_value()
    assert re.search(r"/invite/[\w-]{43}/$", link)

    new = open_page(path="/" + link.split("/", 3)[3], java_script_enabled=script)
    new.get_by_label("Your name").fill("Nina New")
    new.get_by_label("Email").fill("nina@example.com")
    new.get_by_label("Password", exact=True).fill(PASSWORD)
    new.get_by_role("button", name="Come in").click()
    new.wait_for_url(f"{studio}/")
    new.goto("/review/")
    assert User.objects.get(email="nina@example.com").role == "reviewer"
    new.goto("/gallery/")

    boss.goto("/team/")
    boss.get_by_role("link", name="Nina New").click()
    boss.get_by_text("Deactivate Nina New").click()
    boss.get_by_role("button", name="Deactivate", exact=True).click()
    expect(boss.get_by_role("heading", name="Let them back in")).to_be_visible()

    new.locator("header nav a", has_text="History").click()
    new.wait_for_url(re.compile("/accounts/login/"))
    new.fill("[name=login]", "nina@example.com")
    new.fill("[name=password]", PASSWORD)
    new.keyboard.press("Enter")
    new.wait_for_url(f"{studio}/accounts/inactive/")

    boss.get_by_role("button", name="Let Nina New back in").click()
    expect(boss.get_by_text("Deactivate Nina New")).to_be_visible()
    new.goto("/accounts/login/")
    new.fill("[name=login]", "nina@example.com")
    new.fill("[name=password]", PASSWORD)
    new.keyboard.press("Enter")
    new.wait_for_url(f"{studio}/")
