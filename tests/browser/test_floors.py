"""What every page holds: axe, both themes, narrow and wide, no policy violation, no overflow."""

from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from generations.models import Generation, Image, WebhookDelivery
from generations.models.generation import State
from generations.services import audit, spend
from generations.services import guest as guests
from generations.services import recipe as recipes
from generations.services import webhook as webhooks
from tests.builders import (
    decide,
    make_case,
    make_collection,
    make_generation,
    make_image,
    make_recipe,
    make_share,
    submit,
)

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
    book = make_collection(rosa, name="Canal houses", images=images, visibility="team")
    inside = make_collection(rosa, name="Nothing yet", parent=book)
    share, guest = make_share(rosa, images=images, picks=True, download=True, show_prompt=True)
    guests.pick(share, images[0], choice="yes", note="Calmer, please", address="x")
    guests.pick(share, images[1], choice="no", address="x")
    chosen = "&".join(f"images={image.pk}" for image in images)
    return {
        "studio": "/",
        "history": "/generations/",
        "history-empty": "/generations/?q=nothing-like-this",
        "job": f"/generations/{made.pk}/",
        "job-running": f"/generations/{running.pk}/",
        "gallery": "/gallery/",
        "gallery-empty": "/gallery/?q=nothing-like-this",
        "gallery-filters": "/gallery/filters/",
        "gallery-found": "/gallery/?q=light&rating=1&since=2026-01-01&at=2026-11-01",
        "gallery-trash": "/gallery/?view=trash",
        "compare": f"/gallery/compare/?{chosen}",
        "collections": "/collections/",
        "collection": f"/collections/{book.pk}/",
        "collection-arranged": f"/collections/{book.pk}/?arrange=1",
        "collection-empty": f"/collections/{inside.pk}/",
        "shares": "/shares/",
        "share": f"/shares/{share.pk}/",
        "share-new": f"/shares/new/?{chosen}",
        "guest": guest,
        "guest-image": f"{guest}images/{images[2].pk}/",
        "image": f"/images/{images[0].pk}/",
        "image-held": f"/images/{held.pk}/",
        "recipes": "/recipes/",
        "recipes-team": "/recipes/?show=team",
        "recipes-empty": "/recipes/?q=nothing-like-this",
        "recipe": f"/recipes/{recipe.pk}/",
        "recipe-older": f"/recipes/{recipe.pk}/?version=1",
        "settings": "/settings/",
        "usage": "/settings/usage/",
        "tokens": "/settings/tokens/",
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
def test_pages_for_programs(open_page, studio, alice, watch, theme, size):
    hook, _ = webhooks.create(
        alice, url="https://example.com/" + "long-" * 40, events=["generation.succeeded"]
    )
    line = {"at": "2026-11-01T12:00:00Z", "seconds": 0.3, "status": 500, "problem": "It broke."}
    WebhookDelivery.objects.create(
        webhook=hook, generation=make_generation(alice), event="generation.failed", log=[line]
    )
    page = open_page(alice, viewport=SIZES[size], color_scheme=theme)
    page.goto("/settings/webhooks/")
    check(page)
    fits(page)
    page.get_by_role("button", name="Make the webhook").click()
    expect(page.locator("#url-error")).to_be_visible()
    check(page)
    fits(page)
    page.goto("/v1/docs")
    check(page)
    page.locator("#generate-image > summary").click()
    expect(page.locator("#generate-image table")).to_be_visible()
    # Else a link lies half under the header that stays, and is too small to axe there.
    page.evaluate("() => window.scrollTo(0, 0)")
    check(page)
    fits(page)
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


def test_nothing_overflows_at_320_pixels_or_200_percent(open_page, full, rosa):
    page = open_page(rosa, viewport={"width": 320, "height": 640})
    for path in full.values():
        page.goto(path)
        fits(page)


# What moved since the page was opened, though nobody touched it.
SHIFT = """() => new Promise(done => {
    let shift = 0
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value
    }).observe({type: 'layout-shift', buffered: true})
    setTimeout(() => done(shift), 400)
})"""


def stays(page):
    page.wait_for_load_state("networkidle")
    assert page.evaluate(SHIFT) <= 0.02, page.url


def test_nothing_moves_while_a_page_loads(open_page, full, rosa):
    page = open_page(rosa, viewport=SIZES["wide"])
    quiet = ("studio", "gallery", "image", "recipes", "recipe", "collections", "collection")
    for name in (*quiet, "collection-arranged", "compare", "share", "guest", "guest-image"):
        page.goto(full[name])
        stays(page)


# axe looks at these in test_team, test_policy, test_review and test_entrance.
TEAM = (
    *("/team/", "/team/invites/", "/team/policy/", "/team/key/", "/team/usage/", "/team/budgets/"),
    *("/team/shares/", "/team/audit/", "/team/server/", "/settings/security/", "/review/"),
    *("/review/?view=grid", "/review/decided/", "/review/statistics/"),
)


@pytest.mark.parametrize("width", [320, 1280])
def test_pages_of_the_team_fit_and_stay(open_page, studio, ada, alice, width):
    for number in range(3):
        make_case(alice)
        make_share(alice, label=f"Friends {number}")
    decide(ada, make_case(alice), "reject", note="Not for us")
    page = open_page(ada, viewport={"width": width, "height": 800})
    for path in (*TEAM, f"/team/people/{alice.pk}/"):
        page.goto(path)
        fits(page)
        stays(page)


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


@every_size
@every_look
def test_the_audit_log(open_page, studio, ada, rosa, theme, size):
    make_share(rosa, label="For Anna, Studio Canal", password="hush-hush")
    image = make_image(rosa)
    audit.note(audit.Action.IMAGE_HELD, by=None, subject=image, reasons=["adult"])
    audit.note(audit.Action.ROLE_CHANGED, by=ada, subject=rosa, before="member", after="reviewer")
    still = {"reduced_motion": "reduce", "color_scheme": theme}
    page = open_page(ada, viewport=SIZES[size], **still)
    for path in ("", "?group=links&person=nobody&since=2020-01-01", "?q=anna", "?since=never"):
        page.goto(f"/team/audit/{path}")
        check(page)
        fits(page)
    page.locator(".filters summary").click()
    expect(page.locator("#filter-group")).to_be_visible()
    check(page)
    with page.expect_download() as found:
        page.get_by_role("link", name="JSON Lines").click()
    assert found.value.suggested_filename.endswith(".jsonl")
