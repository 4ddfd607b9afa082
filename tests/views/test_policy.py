"""The page of the policy, and what people see of it in the studio."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from generations.models import Event, Policy, User, VeniceModel
from generations.models.policy import Always, SafeMode, Who
from generations.services import user as users
from tests.builders import make_collection, make_image, make_user

pytestmark = pytest.mark.django_db
URL = "/team/policy/"
OTHER = "flux-2-pro"


def posted(client, **values):
    """The form as it stands, with these values; as a browser sends it."""
    row = Policy.objects.first()
    seen = row.changed_at.isoformat() if row else ""
    return client.post(URL, {"seen": seen, **values})


def test_it_is_for_admins_alone(alice, rosa, ada, sign_in):
    for person in (alice, rosa):
        assert sign_in(person).get(URL).status_code == 404
        assert sign_in(person).post(URL, {"trash_days": "5"}).status_code == 404
    assert sign_in(ada).get(URL).status_code == 200
    assert not Policy.objects.exists()


def test_everything_is_saved_at_once(stocked, ada, sign_in):
    response = posted(
        sign_in(ada),
        second_factor_for="nobody",
        is_signup_open="off",
        safe_mode_member="forced",
        safe_mode_reviewer="default",
        safe_mode_admin="free",
        private_models_only=["off", "on"],
        models="some",
        allowed_models=["z-image-turbo", "qwen-image"],
        blocked_terms="blood\r\nreal person\r\n\r\n",
        sharing_for="reviewers",
        share_days="7",
        share_most_days="14",
        share_needs_password=["off", "on"],
        watermark="always",
        metadata="never",
        trash_days="9",
        team_key_for="admins",
    )
    assert (response.status_code, response["Location"]) == (303, URL)
    row = Policy.objects.get()
    assert row.safe_mode_member == SafeMode.FORCED
    assert row.private_models_only
    assert row.allowed_models == ["qwen-image", "z-image-turbo"]
    assert row.blocked_terms == "blood\nreal person"
    assert (row.share_days, row.share_most_days, row.trash_days) == (7, 14, 9)
    assert row.share_needs_password
    assert (row.watermark, row.metadata) == (Always.ALWAYS, Always.NEVER)
    assert (row.sharing_for, row.team_key_for) == (Who.REVIEWERS, Who.ADMINS)
    assert row.changed_by == ada
    page = sign_in(ada).get(URL).content.decode()
    assert "by Ada Keller" in page
    assert "blood\nreal person</textarea>" in page


def test_what_is_not_posted_stays(stocked, ada, sign_in):
    client = sign_in(ada)
    posted(client, trash_days="9", models="some", allowed_models=[OTHER])
    posted(client, share_days="7")
    row = Policy.objects.get()
    assert (row.trash_days, row.share_days, row.allowed_models) == (9, 7, [OTHER])
    posted(client, models="all", allowed_models=[OTHER])
    assert Policy.objects.get().allowed_models == []


WRONG = [
    ({"trash_days": "0"}, "trash_days"),
    ({"trash_days": "many"}, "trash_days"),
    ({"trash_days": ""}, "trash_days"),
    ({"trash_days": "9" * 400}, "trash_days"),
    ({"share_days": "30", "share_most_days": "7"}, "share_days"),
    ({"sharing_for": "<script>"}, "sharing_for"),
    ({"blocked_terms": "!!!"}, "blocked_terms"),
    ({"blocked_terms": "\0"}, "blocked_terms"),
    ({"models": "some"}, "allowed_models"),
    ({"models": "some", "allowed_models": ["no-such-model"]}, "allowed_models"),
]


@pytest.mark.parametrize(("values", "field"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_is_said_at_its_field(stocked, ada, sign_in, values, field):
    response = posted(sign_in(ada), **values)
    page = response.content.decode()
    assert response.status_code == 422
    assert f'id="{field}-error"' in page
    assert "<script>" not in page.replace("<script ", "")
    assert not Policy.objects.exists()


def test_the_second_of_two_admins_sees_what_differs_and_may_save_again(stocked, ada, sign_in):
    other = make_user("ben@example.com", role=User.Role.ADMIN, name="Ben Ott")
    client = sign_in(ada)
    posted(sign_in(other), trash_days="20", sharing_for="nobody")
    old = client.post(URL, {"seen": "", "trash_days": "5", "sharing_for": "everyone"})
    page = old.content.decode()
    assert old.status_code == 422
    assert "Ben Ott has changed the policy meanwhile" in page
    assert "The trash keeps images for: 20 days now." in page
    assert "Who may share outside: nobody now." in page
    assert 'value="5"' in page
    assert Policy.objects.get().trash_days == 20
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    again = client.post(URL, {"seen": seen, "trash_days": "5", "sharing_for": "everyone"})
    assert again.status_code == 303
    assert Policy.objects.get().trash_days == 5
    assert Event.objects.filter(action="policy.changed").count() == 2


@pytest.mark.parametrize("seen", ["rubbish", "2026-99-99", "\0", "2026-01-01T00:00:00Z"])
def test_an_odd_moment_is_an_old_one(stocked, ada, sign_in, seen):
    Policy.objects.create(trash_days=7)
    response = sign_in(ada).post(URL, {"seen": seen, "trash_days": "5"})
    assert response.status_code == 422
    assert Policy.objects.get().trash_days == 7


def test_names_are_escaped(stocked, ada, sign_in):
    VeniceModel.objects.filter(pk=OTHER).update(name="<b>bold</b>")
    make_user("x@example.com", name="<i>x</i>", may_share=False)
    Policy.objects.create(blocked_terms="</textarea><b>loud")
    page = sign_in(ada).get(URL).content.decode()
    assert "<b>bold" not in page
    assert "<b>loud" not in page
    assert "<i>x" not in page


def test_the_page_costs_the_same_for_many(stocked, ada, sign_in):
    client = sign_in(ada)

    def queries():
        with CaptureQueriesContext(connection) as asked:
            assert client.get(URL).status_code == 200
        return len(asked)

    make_user("p0@example.com", may_share=False)
    one = queries()
    for number in range(1, 60):
        make_user(f"p{number}@example.com", may_share=False)
    Policy.objects.create(blocked_terms="\n".join(f"word{n}" for n in range(5000)), changed_by=ada)
    assert queries() <= one + 1 <= 12


# --- in the studio ----------------------------------------------------------------------------


def test_the_studio_offers_what_is_allowed(stocked, alice, ada, sign_in):
    client = sign_in(alice)
    assert 'value="flux-2-pro"' in client.get("/").content.decode()
    posted(sign_in(ada), private_models_only="on")
    page = client.get("/").content.decode()
    assert 'value="flux-2-pro"' not in page
    assert 'value="z-image-turbo"' in page
    sent = client.post("/generations/", {"prompt": "A bridge", "model": "flux-2-pro"})
    assert sent.status_code == 422
    assert "private models only" in sent.content.decode()


def test_where_no_model_is_left_the_studio_says_so(stocked, alice, ada, sign_in):
    Policy.objects.create(allowed_models=["flux-2-pro"])
    VeniceModel.objects.filter(pk="flux-2-pro").update(is_offered=False)
    page = sign_in(alice).get("/").content.decode()
    assert "policy leaves no model" in page


def test_what_is_fixed_is_shown_and_not_sent(stocked, alice, ada, sign_in):
    posted(sign_in(ada), safe_mode_member="forced", watermark="always")
    client = sign_in(alice)
    page = client.get("/").content.decode()
    assert "Your team keeps safe mode on." in page
    assert "Your team keeps the watermark in." in page
    assert 'name="safe_mode"' not in page
    assert 'name="hide_watermark"' not in page
    sent = client.post("/generations/", {"prompt": "A bridge", "safe_mode": "off"})
    assert sent.status_code == 422
    assert 'id="safe_mode-error"' in sent.content.decode()
    assert client.post("/generations/", {"prompt": "A bridge"}).status_code == 302


def test_a_blocked_term_is_said_at_the_prompt(stocked, alice, ada, sign_in):
    posted(sign_in(ada), blocked_terms="blood")
    sent = sign_in(alice).post("/generations/", {"prompt": "A BLOOD moon"})
    page = sent.content.decode()
    assert sent.status_code == 422
    assert 'id="prompt-error"' in page
    assert "Your team has blocked “blood”" in page


def test_the_truth_about_the_teams_key(stocked, alice, ada, sign_in):
    client = sign_in(alice)
    assert "Your jobs run on the team’s key" in client.get("/settings/").content.decode()
    posted(sign_in(ada), team_key_for="nobody")
    settings, studio = (client.get(url).content.decode() for url in ("/settings/", "/"))
    assert "The team’s key is not for you" in settings
    assert "Your jobs run on" not in settings
    assert "Add a key of your own first" in studio
    assert "the team’s key is for others" in studio
    assert "Your jobs run on" not in sign_in(ada).get("/settings/").content.decode()


def test_who_may_not_share_is_told(stocked, alice, ada, sign_in):
    image = make_image(alice)
    posted(sign_in(ada), sharing_for="nobody")
    client = sign_in(alice)
    for response in (
        client.get(f"/shares/new/?images={image.pk}"),
        client.post("/shares/", {"images": str(image.pk)}),
    ):
        assert response.status_code == 422
        assert "lets you share nothing outside" in response.content.decode()
        assert "Choose images" not in response.content.decode()


def test_who_may_not_share_gets_no_button_for_it(stocked, alice, ada, sign_in):
    image = make_image(alice)
    book = make_collection(alice, images=[image])
    client = sign_in(alice)
    paths = ("/gallery/", f"/images/{image.pk}/", f"/collections/{book.pk}/")
    for path in paths:
        assert "/shares/new/" in client.get(path).content.decode(), path
    posted(sign_in(ada), sharing_for="nobody")
    for path in paths:
        assert "/shares/new/" not in client.get(path).content.decode(), path
    assert "lets you share nothing outside" in client.get("/shares/").content.decode()
    users.set_exceptions(alice, by=ada, safe_mode="", may_use_team_key=None, may_share=True)
    for path in paths:
        assert "/shares/new/" in client.get(path).content.decode(), path


def test_the_trash_says_how_long(alice, ada, sign_in):
    assert "stays here for 30 days" in sign_in(alice).get("/gallery/?view=trash").content.decode()
    posted(sign_in(ada), trash_days="1")
    assert "stays here for 1 day." in sign_in(alice).get("/gallery/?view=trash").content.decode()
