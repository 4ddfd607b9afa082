"""Journeys in a browser, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from generations.models import Generation
from tests.builders import submit

WIDE = {"width": 1280, "height": 900}


@pytest.mark.parametrize("scripted", [True, False], ids=["javascript", "no javascript"])
def test_from_sign_in_to_the_image_page(open_page, alice, run_worker, scripted):
    page = open_page(alice, java_script_enabled=scripted, viewport=WIDE)
    page.fill("#id_prompt", "A stone footbridge at dusk")
    page.locator("#generate").click()

    if scripted:
        card = page.locator("#cards article").first
        expect(card).to_contain_text("in line")
        run_worker()
        expect(card.locator("img")).to_be_visible(timeout=10_000)
    else:
        expect(page).to_have_url(re.compile("/generations/[0-9a-f-]{36}/"))
        run_worker()
        page.get_by_role("link", name="Refresh").first.click()
        expect(page.locator("article img").first).to_be_visible()

    page.get_by_role("link", name="Gallery").first.click()
    tile = page.locator("main a[href^='/images/']").first
    expect(tile.locator("img")).to_be_visible()
    tile.click()
    expect(page).to_have_url(re.compile("/images/[0-9a-f-]{36}/"))
    expect(page.get_by_role("main")).to_contain_text("A stone footbridge at dusk")
    expect(page.get_by_role("main")).to_contain_text("$0.01")
    page.wait_for_load_state("load")  # which waits for the picture
    loaded = "img => img.complete && img.naturalWidth > 0"
    assert page.locator("main img").first.evaluate(loaded) or not scripted


def test_a_double_click_is_one_job(open_page, alice):
    page = open_page(alice, viewport=WIDE)
    page.fill("#id_prompt", "One bridge")
    page.locator("#generate").dblclick()
    expect(page.locator("#cards article")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    assert Generation.objects.count() == 1


def test_a_second_job_from_the_same_page_is_a_second_job(open_page, alice):
    page = open_page(alice, viewport=WIDE)
    for number in (1, 2):
        page.fill("#id_prompt", f"Bridge {number}")
        page.locator("#generate").click()
        expect(page.locator("#cards article")).to_have_count(number)
    assert Generation.objects.count() == 2


def test_the_keyboard_sends(open_page, alice):
    page = open_page(alice, viewport=WIDE)
    page.locator("#id_prompt").fill("By keyboard")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#cards article")).to_have_count(1)


def test_an_error_stands_at_its_field_and_loses_nothing(open_page, alice, watch):
    page = open_page(alice, viewport=WIDE)
    page.fill("#id_prompt", "Too many steps")
    page.locator("[data-more] summary").click()
    page.fill("#id_steps", "40")
    page.locator("#generate").click()
    error = page.locator("#steps-error")
    expect(error).to_contain_text("At most 8 steps")
    expect(page.locator("#id_prompt")).to_have_value("Too many steps")
    expect(page.locator("#id_steps")).to_have_attribute("aria-invalid", "true")
    page.fill("#id_steps", "4")
    page.locator("#generate").click()
    expect(page.locator("#cards article")).to_have_count(1)
    watch.expect("422")


def test_a_draft_survives_a_reload(open_page, alice):
    page = open_page(alice, viewport=WIDE)
    page.fill("#id_prompt", "Half a thought")
    page.reload()
    expect(page.locator("#id_prompt")).to_have_value("Half a thought")


def test_the_price_follows_the_count(open_page, alice):
    page = open_page(alice, viewport=WIDE)
    page.get_by_role("button", name="One image more").click()
    expect(page.locator("#generate")).to_contain_text("Generate 2")
    expect(page.locator("#generate")).to_contain_text("$0.02")


def test_another_model_brings_its_own_fields(open_page, alice):
    page = open_page(alice, "/?model=nano-banana-pro", viewport=WIDE)
    expect(page.locator("input[name=resolution]")).to_have_count(3)
    expect(page.locator("#id_width")).to_have_count(0)
    expect(page.locator("#generate")).to_contain_text("$0.18")


def test_a_failure_says_what_next_and_let_it_go_takes_it_away(open_page, alice, run_worker):
    submit(alice, "Glass beads [[504]]")
    run_worker()
    page = open_page(alice, viewport=WIDE)
    card = page.locator("#cards article").first
    expect(card).to_contain_text("May have been charged")
    expect(card.get_by_role("button", name="Retry")).to_contain_text("$0.01")
    card.get_by_role("button", name="Let it go").click()
    expect(page.locator("#cards article")).to_have_count(0)


def test_a_retry_puts_the_new_job_in_its_place(open_page, alice, run_worker):
    submit(alice, "Glass beads [[once 504]]")
    run_worker()
    page = open_page(alice, viewport=WIDE)
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#cards article").first).to_contain_text("in line")
    run_worker()
    expect(page.locator("#cards article img")).to_be_visible(timeout=10_000)
    assert Generation.objects.count() == 2


def test_an_expired_session_leads_to_sign_in_not_into_a_card(open_page, alice, studio):
    from django.contrib.sessions.models import Session
    from django.core.cache import cache

    submit(alice)
    page = open_page(alice, viewport=WIDE)
    Session.objects.all().delete()
    cache.clear()
    page.wait_for_url(re.compile("/accounts/login/"), timeout=15_000)
    expect(page.locator("[name=login]")).to_be_visible()


def test_the_theme_switch_is_kept(open_page, alice):
    page = open_page(alice, viewport=WIDE, color_scheme="light")
    before = page.locator("html").get_attribute("data-theme")
    page.get_by_role("button", name=re.compile("theme|dark|light|look", re.I)).first.click()
    expect(page.locator("html")).not_to_have_attribute("data-theme", before)
    chosen = page.locator("html").get_attribute("data-theme")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", chosen)


def test_shortcuts_are_listed(open_page, alice):
    page = open_page(alice, "/gallery/", viewport=WIDE)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_gallery_goes_on_while_scrolling_and_back_restores(open_page, alice, settings):
    from generations.views import gallery
    from tests.builders import make_image

    for _ in range(gallery.PAGE + 10):
        make_image(alice)
    page = open_page(alice, "/gallery/", viewport=WIDE)
    tiles = page.locator(".tile a.frame")
    expect(tiles).to_have_count(gallery.PAGE)
    page.keyboard.press("End")
    expect(tiles).to_have_count(gallery.PAGE + 10)
    more = open_page(alice, "/gallery/", java_script_enabled=False, viewport=WIDE)
    more.get_by_role("link", name="More").click()
    expect(more.locator(".tile a.frame")).to_have_count(10)


def test_switching_the_model_keeps_what_fits_and_says_what_not(open_page, alice):
    page = open_page(alice, "/?model=nano-banana-pro", viewport=WIDE)
    page.fill("#id_prompt", "A bridge that stays")
    page.locator("input[name=aspect_ratio][value='16:9']").check(force=True)
    page.locator("input[name=resolution][value='2K']").check(force=True)
    expect(page.locator("#generate")).to_contain_text("$0.23")
    page.locator(".models summary").click()
    page.get_by_placeholder("models").fill("z-image")
    page.locator("label.model", has_text="Z-Image Turbo").click()
    expect(page.locator(".switch-note")).to_contain_text("resolution did not come along")
    expect(page.locator("input[name=aspect_ratio][value='16:9']")).to_be_checked()
    expect(page.locator("#id_prompt")).to_have_value("A bridge that stays")
    expect(page.locator("#generate")).to_contain_text("$0.01")


def test_the_keyboard_alone_is_enough(open_page, alice):
    page = open_page(alice, viewport=WIDE)
    page.keyboard.press("/")  # from anywhere to the prompt
    expect(page.locator("#id_prompt")).to_be_focused()
    page.keyboard.type("By keyboard alone")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "generate":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#cards article")).to_have_count(1)
    expect(page.locator("#cards article")).to_contain_text("By keyboard alone")


def test_a_picture_dropped_on_the_composer_brings_its_settings(open_page, alice):
    from PIL.PngImagePlugin import PngInfo

    from tests.builders import picture

    info = PngInfo()
    info.add_text("parameters", "a dropped tower\nSteps: 3, Seed: 99")
    page = open_page(alice, viewport=WIDE)
    page.locator("[data-more] summary").click()
    file = {"name": "x.png", "mimeType": "image/png", "buffer": picture(8, 8, "PNG", pnginfo=info)}
    page.set_input_files("#from-file-input", file)
    page.get_by_role("button", name="Read them").click()
    expect(page.locator("#id_prompt")).to_have_value("a dropped tower")
    expect(page.locator("#id_seed")).to_have_value("99")


def test_the_price_follows_a_number_while_it_is_typed(open_page, alice):
    page = open_page(alice, viewport=WIDE)
    page.fill("#id_prompt", "Two bridges")
    page.fill("[name=variants]", "2")  # which does not leave the field
    expect(page.locator("#generate")).to_contain_text("Generate 2")
    page.locator("#generate").click()
    expect(page.locator("#cards article")).to_have_count(1)
    assert Generation.objects.get().variants == 2
