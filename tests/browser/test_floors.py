"""What every page holds: axe, both themes, narrow and wide, no policy violation, no overflow."""

from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from generations.models import Generation, Image
from generations.models.generation import State
from generations.services import recipe as recipes
from generations.services import spend
from tests.builders import make_generation, make_image, make_recipe, submit

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}}
SIZES = {"narrow": {"width": 360, "height": 740}, "wide": {"width": 1280, "height": 900}}
THEMES = ("light", "dark")

every_look = pytest.mark.parametrize("theme", THEMES)
every_size = pytest.mark.parametrize("size", SIZES)


@pytest.fixture
def full(studio, rosa):
    """A studio with a job in every state; returns the pages to look at. Rosa sees them all."""
    submit(rosa, "Harbour lighthouse in the last light")
    running = make_generation(rosa, state=State.CALLING, prompt="Painted houses", variants=2)
    Generation.objects.filter(pk=running.pk).update(started_at=running.created_at)
    for state, code, message in (
        (State.FAILED, "no_credit", "Not enough credit at Venice. Nothing was charged."),
        (State.UNKNOWN, "outcome_unknown", "May have been charged. The answer was lost."),
        (State.CANCELLED, "", ""),
    ):
        make_generation(rosa, state=state, error_code=code, error_message=message, prompt=state)
    made = make_generation(rosa, prompt="Four kinds of light", variants=4, negative_prompt="people")
    images = [make_image(rosa, generation=made, number=number) for number in range(4)]
    held = make_image(rosa, state=Image.State.HELD, is_adult=True)
    recipe = make_recipe(rosa, generation=made, name="Four kinds of light", is_team=True)
    for other in (held.generation, make_generation(rosa, model="gone", model_name="Gone XL")):
        make_recipe(rosa, generation=other, name=other.model_name, is_team=True)
    recipes.save(rosa, generation=held.generation, recipe=recipe)
    return {
        "studio": "/",
        "history": "/generations/",
        "history-empty": "/generations/?q=nothing-like-this",
        "job": f"/generations/{made.pk}/",
        "job-running": f"/generations/{running.pk}/",
        "gallery": "/gallery/",
        "gallery-empty": "/gallery/?q=nothing-like-this",
        "image": f"/images/{images[0].pk}/",
        "image-held": f"/images/{held.pk}/",
        "recipes": "/recipes/",
        "recipes-team": "/recipes/?show=team",
        "recipes-empty": "/recipes/?q=nothing-like-this",
        "recipe": f"/recipes/{recipe.pk}/",
        "recipe-older": f"/recipes/{recipe.pk}/?version=1",
        "settings": "/settings/",
        "usage": "/settings/usage/",
        "password": "/accounts/password/change/",
        "sign-out": "/accounts/logout/",
    }


def check(page):
    results = Axe().run(page, options=OPTIONS)
    assert results.violations_count == 0, results.generate_report()


# What reaches furthest to the right, of what is not an SVG's inside.
WIDEST = """() => [...document.querySelectorAll('body *')]
    .filter(one => !one.closest('svg'))
    .map(one => [one.getBoundingClientRect().right, one.tagName + '.' + one.className])
    .sort((a, b) => b[0] - a[0]).slice(0, 3).join('; ')"""


def fits(page):
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0, f"{page.url} is {wide} px too wide: {page.evaluate(WIDEST)}"


@every_size
@every_look
def test_every_page(open_page, full, rosa, theme, size):
    page = open_page(rosa, viewport=SIZES[size], color_scheme=theme)
    for path in full.values():
        page.goto(path)
        check(page)
        fits(page)


@every_size
@every_look
def test_pages_about_money(open_page, full, rosa, ada, watch, theme, size):
    spend.set_budget("everyone", Decimal(1))
    for count, price in ((8, "0.01"), (2, "0.18")):
        for _ in range(count):
            make_generation(rosa, price=Decimal(price), charged=Decimal(price))
    page = open_page(ada, viewport=SIZES[size], color_scheme=theme)
    for path in ("/team/usage/", "/team/usage/?month=2020-01", "/team/budgets/"):
        page.goto(path)
        check(page)
        fits(page)
    page.fill("[name=team]", "-1")
    page.get_by_role("button", name="Save the budgets").click()
    expect(page.locator("#team-error")).to_be_visible()
    check(page)
    fits(page)
    page.goto("/team/usage/")
    page.get_by_text("Show as table").click()
    expect(page.locator(".by-day tbody")).to_be_visible()
    check(page)
    fits(page)
    page.get_by_role("button", name="It was not").click()
    expect(page.get_by_text("Noted: it cost nothing.")).to_be_visible()
    watch.expect("422")


@every_size
@every_look
def test_pages_before_signing_in(open_page, studio, watch, theme, size):
    page = open_page(viewport=SIZES[size], color_scheme=theme)
    for path in ("/accounts/login/", "/accounts/password/reset/", "/no-such-page"):
        page.goto(path)
        check(page)
        fits(page)
    watch.expect("404")


@every_size
@every_look
def test_open_and_wrong(open_page, full, rosa, watch, theme, size):
    # Without motion: axe must not measure colours halfway through a fade.
    still = {"reduced_motion": "reduce", "color_scheme": theme}
    page = open_page(rosa, viewport=SIZES[size], **still)
    page.locator("[data-more] summary").click()
    page.fill("#id_steps", "99")
    page.fill("#id_prompt", "Wrong")
    page.locator("#generate").click()
    expect(page.locator("#steps-error")).to_be_visible()
    check(page)
    fits(page)
    page.goto("/gallery/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page)
    for path in (full["job"], full["image"], full["recipe"]):
        page.goto(path)
        page.locator(".save summary").click()
        check(page)
        fits(page)
    page.fill("[name=name]", "")
    page.locator(".save button").click()
    expect(page.locator("#name-error")).to_be_visible()
    check(page)
    page.goto("/settings/")
    page.fill("[name=venice_key]", "bad-key-0123456789")
    page.locator("form:has([name=venice_key]) button:not([type=button])").click()
    expect(page.locator("#venice_key-error")).to_be_visible()
    check(page)
    watch.expect("422")


@every_look
def test_an_empty_studio(open_page, alice, theme):
    page = open_page(alice, viewport=SIZES["wide"], color_scheme=theme)
    for path in ("/", "/gallery/", "/generations/", "/recipes/", "/recipes/?show=team"):
        page.goto(path)
        check(page)


@every_look
def test_a_held_image_as_its_maker_sees_it(open_page, studio, alice, theme):
    image = make_image(alice, state=Image.State.HELD, is_adult=True)
    page = open_page(alice, viewport=SIZES["wide"], color_scheme=theme)
    for path in ("/", f"/images/{image.pk}/", f"/generations/{image.generation_id}/"):
        page.goto(path)
        expect(page.get_by_role("main")).to_contain_text("Held for review")
        check(page)


def test_nothing_overflows_at_320_pixels_or_200_percent(open_page, full, rosa):
    page = open_page(rosa, viewport={"width": 320, "height": 640})
    for path in full.values():
        page.goto(path)
        fits(page)


def test_nothing_moves_while_a_page_loads(open_page, full, rosa):
    script = """() => new Promise(done => {
        let shift = 0
        new PerformanceObserver(list => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value
        }).observe({type: 'layout-shift', buffered: true})
        setTimeout(() => done(shift), 400)
    })"""
    page = open_page(rosa, viewport=SIZES["wide"])
    for path in ("/", "/gallery/", full["image"], "/recipes/", full["recipe"]):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate(script) <= 0.02, path


def test_forced_colours_and_less_motion(open_page, full, rosa):
    page = open_page(rosa, viewport=SIZES["wide"], forced_colors="active", reduced_motion="reduce")
    page.goto("/")
    expect(page.locator("#cards article").first).to_be_visible()
    fits(page)


@every_look
def test_the_line_of_a_lost_answer_has_its_own_colour(open_page, full, rosa, theme):
    page = open_page(rosa, viewport=SIZES["wide"], color_scheme=theme)
    colours = page.locator(".is-unknown > .waterline").first.evaluate(
        "line => [line, line.querySelector('path')].map(one => getComputedStyle(one))"
        ".map((style, n) => n ? style.stroke : style.color)"
    )
    assert colours[0] == colours[1]
