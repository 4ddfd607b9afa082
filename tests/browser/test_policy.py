"""The policy in a browser: saved on its page, felt in the studio."""

import pytest
from playwright.sync_api import expect

from generations.models import Policy
from tests.browser.test_floors import SIZES, check, every_look, every_size, fits

RULES = "/team/policy/"


@every_size
@every_look
def test_what_admins_see(open_page, studio, ada, bob, watch, theme, size):
    still = {"reduced_motion": "reduce", "color_scheme": theme}
    bob.may_share = False
    bob.save(update_fields=["may_share"])
    page = open_page(ada, RULES, viewport=SIZES[size], **still)
    for path in (RULES, "/team/key/"):
        page.goto(path)
        check(page)
        fits(page)
    page.goto(RULES)
    page.get_by_label("Days in the trash").fill("0")
    page.get_by_label("Only these:").check()
    page.get_by_role("button", name="Save the policy").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was saved")
    check(page)
    fits(page)
    watch.expect("422")


@every_look
def test_a_policy_is_saved_and_felt_in_the_studio(open_page, studio, ada, alice, theme, watch):
    maker = open_page(alice, color_scheme=theme, reduced_motion="reduce")
    expect(maker.locator("[name=model][value='flux-2-pro']")).to_have_count(1)

    admin = open_page(ada, RULES)
    admin.get_by_label("Members", exact=True).select_option("forced")
    admin.get_by_text("Private models only").click()
    admin.get_by_label("Blocked words and phrases").fill("blood\nreal person")
    admin.get_by_role("button", name="Save the policy").click()
    expect(admin.get_by_text("Saved. It holds from now on.")).to_be_visible()
    assert Policy.objects.get().blocked_terms == "blood\nreal person"
    expect(admin.get_by_label("Blocked words and phrases")).to_have_value("blood\nreal person")

    maker.goto("/")
    expect(maker.locator("[name=model][value='flux-2-pro']")).to_have_count(0)
    maker.get_by_text("More", exact=True).click()
    switch = maker.get_by_label("Safe mode")
    expect(switch).to_be_disabled()
    expect(switch).to_be_checked()
    expect(maker.get_by_text("Your team keeps safe mode on.")).to_be_visible()
    check(maker)

    maker.get_by_label("Prompt", exact=True).first.fill("A real-person at the quay")
    maker.locator("#generate").click()
    expect(maker.get_by_text("Your team has blocked “real person”")).to_be_visible()
    maker.get_by_label("Prompt", exact=True).first.fill("A quay at dawn")
    maker.locator("#generate").click()
    expect(maker.locator("#cards .card")).to_have_count(1)
    watch.expect("422")


@pytest.mark.parametrize("javascript", [True, False])
def test_two_admins_at_once_lose_nothing(open_page, studio, ada, rosa, watch, javascript):
    rosa.role = "admin"
    rosa.save(update_fields=["role"])
    first = open_page(ada, RULES, java_script_enabled=javascript)
    second = open_page(rosa, RULES, java_script_enabled=javascript)
    for page, days in ((first, "20"), (second, "10")):
        page.get_by_label("Days in the trash").fill(days)
        page.get_by_role("button", name="Save the policy").click()
    expect(second.get_by_role("alert")).to_contain_text("Ada Keller has changed the policy")
    expect(second.get_by_role("alert")).to_contain_text("20 days now")
    expect(second.get_by_label("Days in the trash")).to_have_value("10")
    second.get_by_role("button", name="Save the policy").click()
    expect(second.get_by_text("Saved. It holds from now on.")).to_be_visible()
    assert Policy.objects.get().trash_days == 10
    watch.expect("422")
