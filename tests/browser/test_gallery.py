"""The gallery by hand and by keyboard: choosing, undoing, looking at one, coming back."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from generations.models import Favourite, Image
from tests.browser.test_floors import SIZES, THEMES, check, fits
from tests.builders import make_generation, make_image

WIDE = SIZES["wide"]


@pytest.fixture
def wall(studio, alice):
    """wall(n): Alice's images, newest first."""

    def hang(count, **fields):
        now = timezone.now()
        return [
            make_image(
                alice,
                generation=make_generation(alice, prompt=f"Bridge {number}"),
                created_at=now - timedelta(minutes=number),
                **{"width": 640, "height": 400 + 40 * (number % 5), **fields},
            )
            for number in range(count)
        ]

    return hang


def tile(page, image):
    return page.locator(f'[data-image="{image.pk}"]')


def focused(page):
    return page.evaluate("document.activeElement.closest('[data-image]')?.dataset.image")


def is_focused(page, image):
    page.wait_for_function(
        "id => document.activeElement.closest('[data-image]')?.dataset.image === id",
        arg=str(image.pk),
    )


def shown_path(page, image):
    page.wait_for_url(f"**/images/{image.pk}/")


# --- choosing -----------------------------------------------------------------------------------


def test_selecting_and_undoing_by_keyboard(open_page, wall, alice):
    images = wall(6, bytes=1_700_000)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tile(page, images[1]).locator("a.frame").focus()
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("3 selected")).to_be_visible()
    expect(page.locator("[data-size]")).to_have_text("5.1 MB")
    page.keyboard.press("Delete")
    expect(page.get_by_text("3 images moved to the trash.")).to_be_visible()
    expect(page.locator("[data-total]")).to_have_text("3 images")
    is_focused(page, images[4])
    assert Image.objects.filter(deleted_at=None).count() == 3
    page.keyboard.press("u")
    expect(page.get_by_text("3 images came back.")).to_be_visible()
    expect(page.locator("[data-total]")).to_have_text("6 images")
    is_focused(page, images[1])
    assert page.locator(".tile").evaluate_all("all => all.map(one => one.dataset.image)") == [
        str(image.pk) for image in images
    ]
    assert Image.objects.filter(deleted_at=None).count() == 6


def test_escape_and_clear_let_go(open_page, wall, alice):
    images = wall(3)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    bar = page.get_by_role("form", name="Selected images")
    for way in (lambda: page.keyboard.press("Escape"), bar.get_by_text("Clear").click):
        tile(page, images[0]).get_by_role("checkbox").check()
        expect(bar).to_be_visible()
        way()
        expect(bar).to_be_hidden()


def test_ctrl_shift_and_all(open_page, wall, alice):
    images = wall(8)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tile(page, images[1]).locator("a.frame").click(modifiers=["Control"])
    tile(page, images[4]).locator("a.frame").click(modifiers=["Shift"])
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_label("All", exact=False).last.check()
    expect(page.get_by_text("All 8 selected")).to_be_visible()
    tile(page, images[7]).get_by_role("checkbox").uncheck()
    expect(page.get_by_text("7 selected")).to_be_visible()
    assert not page.locator("[name=all]").is_checked()


def test_a_long_press_and_then_taps(open_page, wall, alice):
    images = wall(4)
    page = open_page(alice, "/gallery/", viewport=SIZES["narrow"], has_touch=True, is_mobile=True)
    expect(tile(page, images[0]).get_by_role("checkbox")).to_be_hidden()
    frame = tile(page, images[0]).locator("a.frame")
    touch = {"pointerType": "touch", "bubbles": True}
    frame.dispatch_event("pointerdown", touch)
    expect(page.get_by_text("1 selected")).to_be_visible()
    frame.dispatch_event("pointerup", touch)
    frame.dispatch_event("click", touch)
    tile(page, images[2]).locator("a.frame").tap()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Clear").tap()
    page.get_by_role("button", name="Select").first.tap()
    tile(page, images[3]).locator("a.frame").tap()
    expect(page.get_by_text("1 selected")).to_be_visible()
    fits(page)


def test_without_the_script_boxes_and_buttons_do_it(open_page, wall, alice):
    images = wall(3)
    page = open_page(alice, "/gallery/", viewport=WIDE, java_script_enabled=False)
    for image in images[:2]:
        tile(page, image).get_by_role("checkbox").check()
    page.get_by_role("form", name="Selected images").get_by_text("Delete").click()
    expect(page.get_by_text("2 images moved to the trash.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 images came back.")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(3)
    tile(page, images[0]).locator("a.frame").click()
    shown_path(page, images[0])


def test_a_tiles_own_buttons_leave_the_selection_alone(open_page, wall, alice):
    images = wall(3)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tile(page, images[2]).get_by_role("checkbox").check()
    tile(page, images[0]).hover()
    tile(page, images[0]).get_by_role("button", name="Favourite").click()
    expect(
        tile(page, images[0]).get_by_role("button", name="Favourite", pressed=True)
    ).to_be_visible()
    assert Favourite.objects.get().image == images[0]
    tile(page, images[0]).locator("summary").click()
    tile(page, images[0]).get_by_role("button", name="Delete").click()
    expect(page.get_by_text("1 image moved to the trash.")).to_be_visible()
    assert Image.objects.exclude(deleted_at=None).get() == images[0]


def test_others_images_stay_and_the_page_says_why(open_page, wall, bob, watch):
    images = wall(2)
    page = open_page(bob, "/gallery/", viewport=WIDE)
    tile(page, images[0]).get_by_role("checkbox").check()
    page.keyboard.press("Delete")
    expect(page.get_by_text("somebody else’s")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(2)
    watch.expect("409", "console: Response Status Error Code 409")


def test_the_trash_gives_back_and_erases(open_page, wall, alice):
    back, gone, kept = wall(3, deleted_at=timezone.now())
    page = open_page(alice, "/gallery/?view=trash", viewport=WIDE)
    bar = page.get_by_role("form", name="Selected images")
    tile(page, back).get_by_role("checkbox").check()
    bar.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("1 image came back.")).to_be_visible()
    expect(tile(page, back)).to_have_count(0)
    tile(page, gone).get_by_role("checkbox").check()
    bar.locator("summary").click()
    bar.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("1 image deleted for good.")).to_be_visible()
    is_focused(page, kept)
    assert set(Image.objects.values_list("pk", flat=True)) == {back.pk, kept.pk}
    assert Image.objects.get(deleted_at=None) == back


def test_a_download_is_a_zip(open_page, wall, alice):
    images = wall(2)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    for image in images:
        tile(page, image).get_by_role("checkbox").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="ZIP").click()
    assert download.value.suggested_filename.endswith(".zip")


# --- looking at one -----------------------------------------------------------------------------


def test_the_viewer_by_keyboard(open_page, wall, alice):
    images = wall(4)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tile(page, images[1]).locator("a.frame").focus()
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog", name="Image")
    expect(viewer).to_be_visible()
    shown_path(page, images[1])
    expect(viewer.get_by_role("heading", name="Bridge 1")).to_be_visible()
    page.keyboard.press("ArrowRight")
    shown_path(page, images[2])
    expect(viewer.get_by_role("heading", name="Bridge 2")).to_be_visible()
    page.keyboard.press("f")
    expect(viewer.get_by_role("button", name="Favourite", pressed=True)).to_be_visible()
    assert Favourite.objects.get().image == images[2]
    page.keyboard.press("End")
    shown_path(page, images[3])
    expect(viewer.get_by_role("button", name="Next image")).to_be_hidden()
    page.keyboard.press("Home")
    shown_path(page, images[0])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    page.wait_for_url("**/gallery/")
    is_focused(page, images[1])
    page.go_forward()
    expect(viewer).to_be_visible()


def test_back_closes_the_viewer_and_a_reload_shows_the_page(open_page, wall, alice):
    images = wall(3)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tile(page, images[1]).locator("a.frame").click()
    viewer = page.get_by_role("dialog", name="Image")
    expect(viewer.get_by_role("heading", name="Bridge 1")).to_be_visible()
    page.go_back()
    expect(viewer).to_be_hidden()
    assert page.url.endswith("/gallery/")
    is_focused(page, images[1])
    page.go_forward()
    expect(viewer).to_be_visible()
    page.reload()
    expect(page.get_by_role("main").get_by_role("heading", name="Bridge 1")).to_be_visible()
    page.go_back()
    expect(page.locator(".tile")).to_have_count(3)
    expect(viewer).to_be_hidden()


def test_the_viewer_loads_more_at_the_end_and_deletes(open_page, wall, alice):
    images = wall(62)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tile(page, images[0]).locator("a.frame").click()
    page.keyboard.press("End")
    shown_path(page, images[59])
    page.keyboard.press("ArrowRight")
    shown_path(page, images[60])
    page.keyboard.press("Delete")
    shown_path(page, images[61])
    viewer = page.get_by_role("dialog", name="Image")
    viewer.get_by_role("button", name="Undo").click()
    shown_path(page, images[60])
    assert not Image.objects.exclude(deleted_at=None).exists()
    page.keyboard.press("Escape")
    is_focused(page, images[60])


def test_the_last_image_of_all_leaves_its_undo(open_page, wall, alice):
    [image] = wall(1)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tile(page, image).locator("a.frame").click()
    viewer = page.get_by_role("dialog", name="Image")
    viewer.get_by_role("button", name="Delete").click()
    expect(viewer).to_be_hidden()
    page.wait_for_url("**/gallery/")
    expect(page.locator(".day-head")).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(tile(page, image)).to_be_visible()
    assert not Image.objects.exclude(deleted_at=None).exists()


def test_a_swipe_turns(open_page, wall, alice):
    images = wall(3)
    page = open_page(alice, "/gallery/", viewport=SIZES["narrow"], has_touch=True, is_mobile=True)
    tile(page, images[0]).locator("a.frame").tap()
    stage = page.locator("#viewer .stage")
    start, end = ({"pointerType": "touch", "clientX": x, "clientY": 200} for x in (300, 100))
    stage.dispatch_event("pointerdown", start)
    stage.dispatch_event("pointerup", end)
    shown_path(page, images[1])
    stage.dispatch_event("pointerdown", end)
    stage.dispatch_event("pointerup", start)
    shown_path(page, images[0])
    fits(page)


def test_shortcuts_can_be_switched_off(open_page, wall, alice):
    images = wall(2)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    page.evaluate("localStorage.setItem('shortcuts', 'off')")
    tile(page, images[0]).locator("a.frame").focus()
    page.keyboard.press("x")
    page.keyboard.press("f")
    expect(page.get_by_role("form", name="Selected images")).to_be_hidden()
    assert not Favourite.objects.exists()


# --- coming back --------------------------------------------------------------------------------


def test_back_after_a_hundred_images_returns_to_the_same_place(open_page, wall, alice):
    images = wall(130)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    for count in (120, 130):
        page.mouse.wheel(0, 99_999)
        expect(page.locator(".tile")).to_have_count(count)
    target = tile(page, images[100])
    target.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    before = target.bounding_box()
    page.get_by_role("link", name="Studio", exact=True).click()
    page.wait_for_url("**/")
    page.go_back()
    expect(target).to_be_in_viewport()
    page.wait_for_function(
        "([id, y]) => Math.abs(document.querySelector(`[data-image='${id}']`)"
        ".getBoundingClientRect().top - y) < 4",
        arg=[str(images[100].pk), before["y"]],
    )
    ids = page.locator(".tile").evaluate_all("all => all.map(one => one.dataset.image)")
    assert len(ids) == len(set(ids)) >= 101


# --- floors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", THEMES)
def test_open_and_chosen_without_a_violation(open_page, wall, alice, theme, size):
    images = wall(5)
    still = {"reduced_motion": "reduce", "color_scheme": theme}
    page = open_page(alice, "/gallery/", viewport=SIZES[size], **still)
    for image in images[:2]:
        tile(page, image).get_by_role("checkbox").check()
    tile(page, images[0]).locator("summary").click()
    check(page)
    fits(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 2 images")).to_be_visible()
    check(page)
    fits(page)
    page.goto("/gallery/")
    tile(page, images[0]).locator("a.frame").click()
    viewer = page.get_by_role("dialog", name="Image")
    expect(viewer.get_by_role("heading", name="Bridge 0")).to_be_visible()
    check(page)
    fits(page)


def test_nothing_overflows_at_320_pixels(open_page, wall, alice):
    images = wall(5)
    page = open_page(alice, "/gallery/", viewport={"width": 320, "height": 640})
    for image in images[:4]:
        tile(page, image).get_by_role("checkbox").check()
    fits(page)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 4 images")).to_be_visible()
    fits(page)
    page.goto("/gallery/")
    tile(page, images[0]).locator("a.frame").click()
    expect(page.get_by_role("dialog", name="Image")).to_be_visible()
    fits(page)


def test_nothing_moves_while_more_comes(open_page, wall, alice):
    wall(70)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    page.evaluate(
        """() => { window.shift = 0
        new PerformanceObserver(list => { for (const entry of list.getEntries())
            if (!entry.hadRecentInput) window.shift += entry.value
        }).observe({type: 'layout-shift', buffered: true}) }"""
    )
    page.mouse.wheel(0, 99_999)
    expect(page.locator(".tile")).to_have_count(70)
    page.wait_for_timeout(300)
    assert page.evaluate("window.shift") <= 0.02
