"""Share links in a browser: made, visited, picked at by keyboard and without the script."""

import re

import pytest
from playwright.sync_api import expect

from generations.models import Collection, Image, Pick, Share
from generations.services import guest as guests
from generations.services import share as shares
from tests.browser.test_floors import SIZES, check, every_look, every_size, fits
from tests.builders import make_collection, make_image, make_share

SHAPES = ((96, 64), (64, 96), (64, 64), (128, 72))


@pytest.fixture
def images(studio, alice):
    return [make_image(alice, width=w, height=h) for w, h in SHAPES]


@pytest.fixture
def asked(alice, images):
    return make_share(alice, images=images, picks=True, download=True, title="Canal houses")


@every_size
@every_look
def test_what_guests_see(open_page, studio, alice, images, watch, theme, size):
    share, path = make_share(alice, images=images, picks=True, download=True, show_prompt=True)
    guests.pick(share, images[0], choice="yes", note="Could the red one be calmer?", address="x")
    guests.pick(share, images[1], choice="no", address="x")
    _, locked = make_share(alice, images=images, password="low tide")
    _, plain = make_share(alice, images=images)
    still = {"reduced_motion": "reduce", "color_scheme": theme}
    page = open_page(path=path, viewport=SIZES[size], **still)
    for address in (path, f"{path}images/{images[0].pk}/", plain, locked, "/s/unknown/"):
        page.goto(address)
        check(page)
        fits(page)
    page.goto(locked)
    page.fill("[name=password]", "wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That is not the password.")).to_be_visible()
    check(page)
    if size == "wide":
        page.goto(path)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        check(page)
    watch.expect("404", "422")


@every_size
@every_look
def test_what_owners_see(open_page, studio, ada, alice, images, watch, theme, size):
    share, _ = make_share(ada, images=images, picks=True, label="Rossi", password="low tide")
    guests.pick(share, images[0], choice="yes", note="Calmer, please", address="x")
    make_share(alice, images=images, label="A label " + "long" * 15)
    shares.revoke(Share.objects.filter(pk=make_share(ada, images=images)[0].pk), by=ada)
    still = {"reduced_motion": "reduce", "color_scheme": theme}
    page = open_page(ada, viewport=SIZES[size], **still)
    new = "&".join(f"images={image.pk}" for image in images)
    own = make_collection(ada, images=images, visibility=Collection.Visibility.TEAM)
    make_share(ada, collection=own, picks=True, label="Rossi")
    one = f"/shares/{share.pk}/"
    lists = ["/shares/", "/shares/?show=ended", "/team/shares/"]
    collected = f"/collections/{own.pk}/"
    forms = [f"/shares/new/?{new}", f"/shares/new/?collection={own.pk}", "/shares/new/"]
    for address in (*lists, one, f"{one}?show=no", *forms, collected):
        page.goto(address)
        check(page)
        fits(page)
    page.goto("/shares/")
    page.locator("td summary").last.click()
    expect(page.get_by_role("button", name="Revoke it")).to_be_visible()
    check(page)
    page.goto(one)
    page.get_by_text("Change it").click()
    page.fill("[name=expires]", "")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#expires-error")).to_be_visible()
    check(page)
    fits(page)
    watch.expect("422")


def test_nothing_overflows_at_320_pixels_nor_moves(open_page, studio, alice, images, asked):
    share, path = asked
    guests.pick(share, images[0], choice="yes", note="Calmer, please", address="x")
    narrow = {"width": 320, "height": 640}
    page = open_page(path=path, viewport=narrow)
    for address in (path, f"{path}images/{images[3].pk}/"):
        page.goto(address)
        fits(page)
    page = open_page(alice, viewport=narrow)
    for address in ("/shares/", f"/shares/{share.pk}/", f"/shares/new/?images={images[0].pk}"):
        page.goto(address)
        fits(page)
    script = """() => new Promise(done => {
        let shift = 0
        new PerformanceObserver(list => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) shift += entry.value
        }).observe({type: 'layout-shift', buffered: true})
        setTimeout(() => done(shift), 400)
    })"""
    page = open_page(path=path, viewport=SIZES["wide"])
    page.wait_for_load_state("networkidle")
    assert page.evaluate(script) <= 0.02


def test_a_guest_picks_by_keyboard(open_page, images, asked):
    share, path = asked
    page = open_page(path=path, viewport=SIZES["wide"])
    page.wait_for_load_state("networkidle")
    tally = page.locator("#tally")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".frame").nth(0)).to_be_focused()
    page.keyboard.press("y")
    expect(tally).to_contain_text("1 of 4 decided")
    expect(page.get_by_role("button", name="Yes to image 1")).to_be_focused()
    expect(page.locator("#status")).to_have_text("Image 1: yes.")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("n")
    expect(tally).to_contain_text("2 of 4 decided")
    page.keyboard.press("m")
    note = page.get_by_role("textbox", name="Note on image 2")
    expect(note).to_be_focused()
    page.keyboard.type("Brighter y n m <b>")
    expect(page.locator(f"#said-{images[1].pk.hex}")).to_have_text("Saved", timeout=15_000)
    expect(note).to_be_focused()
    assert share.picks.get(image=images[1]).note == "Brighter y n m <b>"
    assert share.picks.get(image=images[1]).choice == "no"
    page.get_by_role("button", name="No to image 2").press("Enter")
    expect(tally).to_contain_text("1 of 4 decided")
    assert share.picks.get(image=images[1]).note == "Brighter y n m <b>"
    page.get_by_role("link", name="Next open one").click()
    expect(page).to_have_url(re.compile(f"{images[1].pk}/$"))
    page.wait_for_load_state("networkidle")
    page.keyboard.press("y")
    expect(tally).to_contain_text("2 of 4 decided")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"{images[2].pk}/$"))
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(f"{path}#image-{images[2].pk.hex}$"))
    page.get_by_role("button", name="Send my picks").click()
    expect(page.get_by_text("Sent. You can still change them.")).to_be_visible()
    share.refresh_from_db()
    assert share.sent_at


def test_what_is_still_being_written_is_not_lost_by_a_click(open_page, images, asked):
    share, path = asked
    page = open_page(path=path, viewport=SIZES["wide"])
    page.locator("summary[data-key=m]").first.click()
    expect(page.get_by_role("textbox", name="Note on image 1")).to_be_focused()
    page.keyboard.type("Half a sen")
    page.get_by_role("button", name="Yes to image 1").click()
    expect(page.locator("#tally")).to_contain_text("1 of 4 decided")
    expect(page.get_by_role("textbox", name="Note on image 1")).to_have_value("Half a sen")
    assert share.picks.get().note == "Half a sen"


def test_a_guest_without_the_script(open_page, images, asked):
    _, path = asked
    page = open_page(path=path, java_script_enabled=False, viewport=SIZES["narrow"])
    page.get_by_role("button", name="Yes to image 3").click()
    expect(page.locator("#tally")).to_contain_text("1 of 4 decided")
    page.locator("summary").nth(3).click()
    page.get_by_role("textbox", name="Note on image 4").fill("Brighter")
    page.get_by_role("button", name="Save the note").last.click()
    assert {(p.image_id, p.choice, p.note) for p in Pick.objects.all()} == {
        (images[2].pk, "yes", ""),
        (images[3].pk, "", "Brighter"),
    }
    page.locator(".frame").first.click()
    page.get_by_role("link", name="Next image").click()
    expect(page).to_have_url(re.compile(f"{images[1].pk}/$"))
    page.get_by_role("button", name="No to image 2").click()
    expect(page).to_have_url(re.compile(f"{images[1].pk}/$"))
    expect(page.get_by_role("button", name="No to image 2")).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_password_from_a_page_without_referrer(open_page, alice, images):
    _, path = make_share(alice, images=images, password="low tide")
    for scripted in (True, False):
        page = open_page(path=path, java_script_enabled=scripted)
        page.fill("[name=password]", "low tide")
        page.get_by_role("button", name="Open").click()
        expect(page.locator(".frame")).to_have_count(4)
        assert "low" not in page.url


def test_no_address_of_a_link_leaves_the_page(open_page, images, asked):
    _, path = asked
    page = open_page()
    sent = []
    page.on("request", lambda request: sent.append(request.all_headers().get("referer", "")))
    page.goto(path)
    page.locator(".frame").first.click()
    page.wait_for_load_state("networkidle")
    assert len(sent) > 10
    assert not any("/s/" in referrer for referrer in sent)


def test_from_the_form_to_the_picks_that_come_by_themselves(
    open_page, alice, images, live_server, settings
):
    settings.PUBLIC_URL = live_server.url
    page = open_page(alice, path=f"/shares/new/?images={images[0].pk}&images={images[1].pk}")
    page.fill("[name=label]", "Rossi")
    page.locator("input[type=checkbox][name=picks]").check()
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("#link").input_value()
    guest = open_page(path=link.removeprefix(live_server.url))
    guest.get_by_role("button", name="Yes to image 2").click()
    expect(guest.locator("#tally")).to_contain_text("1 of 2 decided")
    expect(page.locator(".tabs")).to_contain_text("Yes 1", timeout=15_000)
    expect(page.locator(f"#pick-{images[1].pk.hex}")).to_contain_text("Yes")
    Image.objects.filter(pk=images[1].pk).update(visibility=Image.Visibility.PRIVATE)
    guest.reload()
    expect(guest.locator(".frame")).to_have_count(1)


def test_revoking_in_a_browser(open_page, alice, images, asked, watch):
    _, path = asked
    page = open_page(alice, path="/shares/")
    page.locator("td summary").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("The link is revoked.")).to_be_visible()
    guest = open_page(path=path)
    expect(guest.get_by_role("heading")).to_have_text("This link opens nothing")
    watch.expect("404")
