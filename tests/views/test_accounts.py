"""Signing in and out, and what somebody who guesses learns."""

import pytest
from django.test import Client

from generations.models import Event, User
from tests.builders import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def post(client, email, password):
    return client.post("/accounts/login/", {"login": email, "password": password})


def test_signing_in_leads_to_the_studio(client, alice):
    response = post(client, "Alice@Example.com", PASSWORD)
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/").status_code == 200


def test_signing_in_leads_back_to_where_one_was_going(client, alice):
    to = client.get("/gallery/")["Location"]
    response = client.post(to, {"login": alice.email, "password": PASSWORD})
    assert response["Location"] == "/gallery/"


def test_an_address_elsewhere_is_not_followed(client, alice):
    response = client.post(
        "/accounts/login/?next=https://elsewhere.example/",
        {"login": alice.email, "password": PASSWORD},
    )
    assert response["Location"] == "/"


def test_unknown_and_known_addresses_answer_alike(client, alice):
    def text(email):
        page = post(client, email, "not-the-password").content.decode()
        return page.replace(email, "").split("csrfmiddlewaretoken")[0], "errorlist" in page

    assert text(alice.email) == text("nobody@example.com")


def test_a_deactivated_person_does_not_get_in(client, charlie):
    post(client, charlie.email, PASSWORD)
    assert client.get("/").status_code == 302


def test_guessing_is_slowed_down(client, alice):
    answers = [post(client, alice.email, f"guess-{n}").status_code for n in range(40)]
    assert 429 in answers or b"too many" in post(client, alice.email, "x").content.lower()


def test_forged_addresses_do_not_help_guessing(alice):
    client = Client()
    for n in range(40):
        response = client.post(
            "/accounts/login/",
            {"login": f"person{n}@example.com", "password": "x"},
            headers={"X-Forwarded-For": f"10.0.0.{n}"},
        )
    assert response.status_code == 429 or b"too many" in response.content.lower()


def test_signing_out_needs_a_post(client, alice):
    post(client, alice.email, PASSWORD)
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/").status_code == 302


def test_changing_the_password_ends_other_sessions(alice, sign_in):
    other = sign_in(alice)
    alice.set_password("another-long-password")
    alice.save()
    assert other.get("/").status_code == 302


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/inactive/",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/password/reset/key/done/",
        "/accounts/password/reset/key/x-y/",
    ],
)
def test_every_page_before_signing_in_is_ours(client, path):
    page = client.get(path)
    assert page.status_code == 200
    assert b"css/base" in page.content


@pytest.mark.parametrize("path", ["/accounts/password/change/", "/accounts/logout/"])
def test_every_account_page_is_ours(alice, sign_in, path):
    page = sign_in(alice).get(path)
    assert page.status_code == 200
    assert b"css/base" in page.content


def test_a_reset_is_mailed_and_says_the_same_to_strangers(client, alice, settings, mailoutbox):
    settings.HAS_EMAIL = True
    known = client.post("/accounts/password/reset/", {"email": alice.email}, follow=True)
    unknown = client.post("/accounts/password/reset/", {"email": "no@example.com"}, follow=True)
    assert known.status_code == unknown.status_code == 200
    assert known.redirect_chain == unknown.redirect_chain
    assert alice.email in [message.to[0] for message in mailoutbox]


def test_the_theme_is_kept_and_leads_nowhere_else(client):
    response = client.post("/theme/", {"theme": "dark", "next": "https://elsewhere.example/"})
    assert response["Location"] == "/"
    assert response.cookies["theme"].value == "dark"
    assert b'data-theme="dark"' in client.get("/accounts/login/").content
    client.post("/theme/", {"theme": '"><script>'})
    assert b'<script>"' not in client.get("/accounts/login/").content


def test_two_people_cannot_share_an_address_in_another_case(alice):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        User.objects.create(email="ALICE@example.com")


@pytest.mark.parametrize(
    ("name", "initials"), [("Alice Moretti", "AM"), ("", "AL"[0]), ("Ada Bea Cee", "AB")]
)
def test_initials(db, name, initials):
    assert make_user("alice@example.com", name=name).initials == initials


# --- people in the admin ------------------------------------------------------------------------


def person(**changes):
    return {
        "email": "new@example.com",
        "name": "New",
        "role": "member",
        "is_active": "on",
        "new_password": "a-long-enough-password",
    } | changes


def test_an_admin_adds_somebody_and_sets_a_password(ada, sign_in, client):
    boss = sign_in(ada)
    assert boss.post("/admin/generations/user/add/", person()).status_code == 302
    new = User.objects.get(email="new@example.com")
    assert new.check_password("a-long-enough-password")
    url = f"/admin/generations/user/{new.pk}/change/"
    boss.post(url, person(new_password="another-long-password"))
    boss.post(url, person(new_password="", name="Newer"))
    new.refresh_from_db()
    assert new.check_password("another-long-password")
    assert new.name == "Newer"


@pytest.mark.parametrize("password", ["", "short"])
def test_somebody_new_needs_a_good_password(ada, sign_in, password):
    answer = sign_in(ada).post("/admin/generations/user/add/", person(new_password=password))
    assert answer.status_code == 200
    assert User.objects.count() == 1


@pytest.mark.parametrize("change", [{"role": "member"}, {"is_active": ""}])
def test_a_role_is_not_changed_there(ada, rosa, sign_in, change):
    """The team's own page does that, with all that belongs to it."""
    for who in (ada, rosa):
        url = f"/admin/generations/user/{who.pk}/change/"
        asked = person(email=who.email, role=who.role, new_password="") | change
        assert sign_in(ada).post(url, asked).status_code == 302
        before, _ = (who.role, who.is_active), who.refresh_from_db()
        assert (who.role, who.is_active, who.name) == (*before, "New")


def test_there_is_one_page_for_ones_own_password(ada, sign_in):
    boss = sign_in(ada)
    given = {
        "old_password": PASSWORD,
        "new_password1": "another-1-x",
        "new_password2": "another-1-x",
    }
    for answer in (
        boss.get("/admin/password_change/"),
        boss.post("/admin/password_change/", given),
    ):
        assert answer["Location"] == "/accounts/password/change/"
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_what_the_admin_does_to_people_is_noted(ada, sign_in):
    boss = sign_in(ada)
    boss.post("/admin/generations/user/add/", person(role="reviewer"))
    new = User.objects.get(email="new@example.com")
    boss.post(f"/admin/generations/user/{new.pk}/change/", person(new_password="another-long-one"))
    about = Event.objects.filter(subject_id=str(new.pk)).values_list("action", "actor")
    assert {("user.added", ada.pk), ("user.password", ada.pk)} <= set(about)
