"""Collections and marks in a real browser: arranging by hand and by keyboard, both themes."""

import pytest
from playwright.sync_api import expect

from generations import queries
from generations.models import Favourite, Image
from generations.services import collection as collections
from generations.services import mark
from tests.browser.test_floors import SIZES, check, every_look, every_size, fits
from tests.builders import make_collection, make_generation, make_image

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = SIZES["wide"]


@pytest.fixture
def book(studio, alice):
    """A collection of four images, "Bridge 0" to "Bridge 3"."""
    images = [
        make_image(alice, generation=make_generation(alice, prompt=f"Bridge {number}"))
        for number in range(4)
    ]
    return make_collection(alice, images=images)


def prompts(user, collection):
    return [image.generation.prompt[-1] for image in queries.collection_images(user, collection)]


def places(page):
    return page.locator("[data-place] img").evaluate_all("all => all.map(one => one.alt.at(-1))")


def arrange(page, collection):
    page.goto(f"/collections/{collection.pk}/?arrange=1")


def test_arranging_by_keyboard(open_page, book, alice):
    page = open_page(alice, "/", viewport=WIDE)
    arrange(page, book)
    later = page.get_by_role("button", name="Move Bridge 0 later")
    later.focus()
    for moved in ("1023", "1203"):
        page.keyboard.press("Enter")
        page.wait_for_function(
            "wanted => [...document.querySelectorAll('[data-place] img')]"
            ".map(one => one.alt.at(-1)).join('') === wanted",
            arg=moved,
        )
        expect(later).to_be_focused()
        assert prompts(alice, book) == list(moved)
    expect(page.locator("#status")).to_have_text("Now 3 of 4.")
    page.get_by_role("button", name="Move Bridge 3 to the start").press("Enter")
    expect(page.locator("#status")).to_have_text("Now 1 of 4.")
    assert prompts(alice, book) == places(page) == list("3120")


def test_arranging_by_dragging(open_page, book, alice):
    page = open_page(alice, "/", viewport=WIDE)
    arrange(page, book)
    with page.expect_response("**/order/") as answer:
        page.locator("[data-place]").nth(0).drag_to(
            page.locator("[data-place]").nth(2), target_position={"x": 200, "y": 60}
        )
    assert answer.value.status == 200
    assert prompts(alice, book) == places(page) == list("1203")
    page.reload()
    assert places(page) == list("1203")


def test_arranging_without_a_script(open_page, book, alice):
    page = open_page(alice, "/", viewport=WIDE, java_script_enabled=False)
    arrange(page, book)
    page.get_by_role("button", name="Move Bridge 3 to the start").click()
    assert prompts(alice, book) == list("3012")
    page.get_by_role("button", name="Cover: Bridge 1").click()
    page.get_by_role("button", name="Take Bridge 2 out").click()
    book.refresh_from_db()
    assert book.cover.generation.prompt == "Bridge 1"
    page.get_by_role("button", name="Undo").click()
    assert prompts(alice, book) == list("3012")


def test_a_selection_is_collected_and_taken_out(open_page, book, alice):
    page = open_page(alice, "/gallery/", viewport=WIDE)
    for box in page.locator(".pick").all()[:2]:
        box.check()
    page.get_by_role("button", name="Add to collection").and_(page.locator("#selection *")).click()
    page.fill("[name=name]", "Picks")
    page.get_by_role("button", name="Make it and add").click()
    expect(page.get_by_text("2 images added to “Picks”.")).to_be_visible()
    made = queries.own_collections(alice).get(name="Picks")
    page.goto(f"/collections/{made.pk}/")
    page.locator(".pick").first.check()
    page.get_by_role("button", name="Take out").click()
    expect(page.get_by_text("1 image taken out of “Picks”.")).to_be_visible()
    assert made.items.count() == 1
    page.keyboard.press("u")
    expect(page.locator(".pick")).to_have_count(2)
    assert made.items.count() == 2


def test_marking_an_image_by_keyboard(open_page, book, alice):
    image = Image.objects.first()
    page = open_page(alice, "/", viewport=WIDE)
    page.goto(f"/images/{image.pk}/")
    page.keyboard.press("f")
    expect(page.locator("#favourite-button")).to_have_attribute("aria-pressed", "true")
    assert Favourite.objects.get().image == image
    page.locator("#rating-4").press("Enter")
    expect(page.locator("#marks [href$='#star-on']")).to_have_count(4)
    expect(page.locator("#rating-4")).to_be_focused()
    page.locator("#tag").fill("Blue hour, night")
    page.locator("#tag").press("Enter")
    expect(page.locator("#untag-1")).to_contain_text("blue hour")
    expect(page.locator("#tag")).to_be_focused()
    page.locator("#tag").press_sequentially("wide, bl")
    expect(page.locator("#tag-list option")).to_have_count(1)
    assert page.locator("#tag-list option").get_attribute("value") == "wide, blue hour"
    image.refresh_from_db()
    assert (image.rating, image.tags.count()) == (4, 2)


@every_size
@every_look
def test_every_page(open_page, book, alice, bob, size, theme):
    parent = Image.objects.first()
    child = make_image(alice, generation=make_generation(alice, made_from=parent))
    mark.tag(alice, images=[child], names=["blue hour", "x" * 40])
    mark.rate(alice, images=[child], rating=3)
    make_image(alice, generation=make_generation(alice, made_from=child))
    private = make_image(alice, visibility="private")
    long = make_collection(
        alice, name="W" * 80, description="Two\nlines", visibility="team", images=[private, child]
    )
    make_collection(alice, name="Inside", parent=long, images=[child])
    make_collection(alice, name="Smart", search="q=bridge")
    collections.name_person(alice, collection=long, person=bob, may="add")
    page = open_page(alice, "/", viewport=SIZES[size], color_scheme=theme)
    for path in (
        "/collections/",
        "/collections/?arrange=1",
        f"/collections/{long.pk}/",
        f"/collections/{long.pk}/?arrange=1",
        f"/images/{child.pk}/",
        f"/?image={child.pk}&use=remix",
        "/settings/",
    ):
        page.goto(path)
        for closed in page.locator("main details.save > summary").all():
            closed.click()
        page.evaluate("scrollTo(0, 0)")  # axe takes what the bar covers for too small
        check(page)
        fits(page)
    for action in ("/collections/add/", "/images/marks/"):
        page.goto("/gallery/")
        page.locator(".pick").first.check()
        page.locator(f"#selection [formaction='{action}']").click()
        page.wait_for_url(f"**{action}")
        check(page)
        fits(page)
    page.set_viewport_size({"width": 320, "height": 640})
    for path in ("/collections/", f"/collections/{long.pk}/?arrange=1", f"/images/{child.pk}/"):
        page.goto(path)
        fits(page)
