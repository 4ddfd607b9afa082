"""The review desk in a browser: by keys alone, by two at once, without JavaScript; its floors."""

from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone
from playwright.sync_api import expect

from generations.models import Case, Decision, Image
from generations.services import review as services
from tests.browser.test_floors import SIZES, check, every_look, every_size, fits
from tests.builders import decide, hold, make_case, make_generation, make_image


@pytest.fixture
def waiting(studio, alice):
    """Twelve that wait, the oldest first."""
    now = timezone.now()
    return [
        hold(
            make_image(alice, generation=make_generation(alice, prompt=f"Number {n}")),
            opened_at=now - timedelta(minutes=60 - n),
        )
        for n in range(12)
    ]


def state(case):
    return Image.objects.get(pk=case.image_uuid).state


def at(page, number):
    """On the page of that one, with its claim made."""
    expect(page.locator("#prompt-title")).to_contain_text(f"Number {number}")


def test_ten_decisions_by_keyboard_alone(open_page, waiting, rosa):
    page = open_page(rosa, path="/review/")
    keys = page.keyboard
    for number in range(4):
        at(page, number)
        keys.press("a")
    for number, (first, second) in enumerate(("1r", "r2", "3r", "r5"), 4):
        at(page, number)
        keys.press(first)
        keys.press(second)
    at(page, 8)
    keys.press("6")
    keys.type("Not for us: 1 a r s u")
    keys.press("Control+Enter")
    at(page, 9)
    keys.press("s")
    at(page, 10)
    keys.press("ArrowLeft")
    at(page, 9)
    keys.press("a")
    at(page, 10)
    assert Decision.objects.count() == 10
    assert [state(case) for case in waiting] == ["shown"] * 4 + ["rejected"] * 5 + ["shown"] + [
        "held"
    ] * 2
    codes = (
        Decision.objects.filter(kind="reject").order_by("decided_at").values_list("code", "note")
    )
    assert list(codes) == [
        *(("adult", ""), ("real_person", ""), ("violence", ""), ("brief", "")),
        ("other", "Not for us: 1 a r s u"),
    ]
    keys.press("u")
    at(page, 9)
    assert state(waiting[9]) == Image.State.HELD


def test_the_picture_is_loaded_when_it_is_asked_for(open_page, waiting, rosa):
    asked = []
    page = open_page(rosa)
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/review/")
    at(page, 0)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "/images/" in url]
    page.keyboard.press("Space")
    expect(page.locator("[data-show] img")).to_have_attribute(
        "src", f"/images/{waiting[0].image_uuid}/w1024"
    )
    page.keyboard.press("Space")
    expect(page.locator("[data-show]")).to_have_class("r-100 is-veiled")


def test_keys_can_be_switched_off(open_page, waiting, rosa):
    page = open_page(rosa, path="/review/")
    at(page, 0)
    page.evaluate("localStorage.shortcuts = 'off'")
    page.keyboard.press("a")
    page.keyboard.press("?")
    at(page, 0)
    assert not Decision.objects.exists()


def test_two_reviewers_get_two_images(open_page, waiting, rosa, ada, watch):
    first, second = open_page(rosa, path="/review/"), open_page(ada)
    at(first, 0)
    first.wait_for_load_state("networkidle")
    assert Case.objects.get(pk=waiting[0].pk).claimed_by == rosa
    second.goto("/review/")
    at(second, 1)
    second.goto(f"/review/{waiting[0].image_uuid}/")
    expect(second.get_by_text("Rosa Behrens is looking at this.")).to_be_visible()
    first.keyboard.press("a")
    at(first, 2)
    second.keyboard.press("a")
    expect(second.get_by_text("Rosa Behrens was faster: approved.")).to_be_visible()
    assert Decision.objects.count() == 1


def test_who_came_at_the_same_moment_goes_on(open_page, waiting, rosa, ada, watch):
    page = open_page(ada)
    with page.expect_response("**/claim/"):
        page.route("**/claim/", lambda route: _claimed_first(route, rosa, waiting[0]))
        page.goto("/review/")
    at(page, 1)
    watch.expect("409 ")


def _claimed_first(route, rosa, case):
    # Playwright calls this in a greenlet, which has a database connection of its own.
    try:
        services.claim(rosa, case=case)
    finally:
        connections.close_all()
    route.continue_()


def test_without_javascript(open_page, waiting, rosa, watch):
    page = open_page(rosa, path="/review/", java_script_enabled=False)
    page.get_by_role("link", name="Show image").click()
    expect(page.locator("[data-show] img")).to_have_attribute(
        "src", f"/images/{waiting[0].image_uuid}/w1024"
    )
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#reason-error")).to_be_visible()
    watch.expect("422 ")
    page.get_by_label("Violence").check()
    page.get_by_role("button", name="Reject").click()
    at(page, 1)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    at(page, 0)
    page.get_by_role("button", name="Approve").click()
    at(page, 1)
    assert state(waiting[0]) == Image.State.SHOWN


@every_size
@every_look
def test_pages_of_review(open_page, waiting, alice, rosa, ada, theme, size):
    case = make_case(alice)
    decide(rosa, case, "reject", note="Not for us")
    locked = make_case(alice, reason="minor", closed_at=timezone.now(), state="closed")
    Image.objects.filter(pk=locked.image_uuid).update(state="locked", has_minor=True)
    services.ask(ada, case=waiting[3], question="For whom is it?")
    page = open_page(rosa, viewport=SIZES[size], color_scheme=theme)
    for path in (
        *("/review/", "/review/?show=1", "/review/?view=grid&all=1", "/review/decided/"),
        *("/review/decided/?decision=approve", "/review/statistics/"),
        *(f"/review/{case.image_uuid}/", f"/review/{locked.image_uuid}/"),
        f"/review/{waiting[3].image_uuid}/",
    ):
        page.goto(path)
        check(page)
        fits(page)
    page.goto(f"/review/{waiting[0].image_uuid}/")
    page.keyboard.press("6")
    check(page)


@every_size
@every_look
def test_pages_of_makers(open_page, studio, alice, rosa, theme, size):
    asked, rejected, shown = make_case(alice), make_case(alice), make_image(alice)
    services.ask(rosa, case=asked, question="For whom is it?")
    decide(rosa, rejected, "reject", note="Not for us")
    page = open_page(alice, viewport=SIZES[size], color_scheme=theme)
    for path in (
        "/",
        f"/generations/{asked.image.generation_id}/",
        f"/images/{asked.image_uuid}/",
        f"/images/{rejected.image_uuid}/",
        f"/images/{shown.pk}/report/",
    ):
        page.goto(path)
        check(page)
        fits(page)
