"""The members' pages: for admins alone, and what each button does."""

import pytest
from django.test import Client
from django.urls import reverse

from generations.models import Event, Generation, Image, Share, User
from generations.models.generation import State
from tests.builders import (
    PASSWORD,
    make_collection,
    make_generation,
    make_image,
    make_key,
    make_share,
    make_user,
    submit,
)
from tests.views.test_queries import MOST_A_PAGE, queries

pytestmark = pytest.mark.django_db

VERBS = ("role", "exceptions", "deactivate", "activate", "sessions", "links")


def url(person, verb=""):
    return reverse(f"team-person{'-' if verb else ''}{verb}", args=[person.pk])


def again(user):
    user.refresh_from_db()
    return user


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["alice", "rosa"])
def test_for_others_there_is_no_team_page(who, bob, sign_in, request):
    client = sign_in(request.getfixturevalue(who))
    assert client.get("/team/").status_code == 404
    assert client.get(url(bob)).status_code == 404
    for verb in VERBS:
        assert client.post(url(bob, verb), {"role": "admin"}).status_code == 404
    assert again(bob).role == "member"
    assert bob.is_active
    assert b">Team<" not in client.get("/").content


def test_who_is_out_sees_nothing(ada, bob, sign_in):
    make_user("boss@example.com", role="admin")
    client = sign_in(ada)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert client.get("/team/").status_code == 302
    assert client.post(url(bob, "role"), {"role": "admin"}).status_code == 302
    assert again(bob).role == "member"


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_changes_by_looking_or_without_the_token(ada, bob, sign_in, verb):
    assert sign_in(ada).get(url(bob, verb)).status_code == 405
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(url(bob, verb), {"role": "admin"}).status_code == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize("pk", ["0", "99999", "9" * 30, "-1", "x", "1.5"])
def test_ids_from_outside_are_hostile(ada, sign_in, pk):
    client = sign_in(ada)
    assert client.get(f"/team/people/{pk}/").status_code == 404
    assert client.post(f"/team/people/{pk}/deactivate/").status_code == 404


# --- the list -----------------------------------------------------------------------------------


def test_everybody_is_listed_with_how_they_stand(ada, alice, charlie, sign_in):
    key = make_key(alice)
    make_generation(alice, charged="0.25")
    page = sign_in(ada).get("/team/").content.decode()
    for text in (alice.email, "Alice Moretti", "Ada Keller (you)", "Never", "$0.25"):
        assert text in page.replace("</a>", "")
    assert key.last_four not in page
    assert charlie.email not in page
    assert charlie.email in sign_in(ada).get("/team/?show=inactive").content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"ada", "alice", "bob", "rosa"}),
        ("?q=moretti", {"alice"}),
        ("?q=EXAMPLE+b", {"bob", "rosa"}),
        ("?q=%25", set()),
        ("?q=%00", {"ada", "alice", "bob", "rosa"}),
        ("?role=reviewer", {"rosa"}),
        ("?role=owner", {"ada", "alice", "bob", "rosa"}),
        ("?role=member&q=bob", {"bob"}),
        ("?show=inactive", {"charlie"}),
        ("?show=nonsense", {"ada", "alice", "bob", "rosa"}),
        ("?page=2", set()),
        ("?page=-1", {"ada", "alice", "bob", "rosa"}),
        ("?page=99999999999", {"ada", "alice", "bob", "rosa"}),
    ],
)
def test_filters(ada, alice, bob, rosa, charlie, sign_in, query, found):
    page = sign_in(ada).get(f"/team/{query}")
    assert {row["email"].split("@")[0] for row in page.context["rows"]} == found


def test_many_are_paged(ada, sign_in):
    for number in range(70):
        make_user(f"p{number:02}@example.com", name=f"P {number:02}")
    client = sign_in(ada)
    first = client.get("/team/?role=member")
    assert len(first.context["rows"]) == 60
    second = client.get(first.context["next_url"])
    assert len(second.context["rows"]) == 10
    seen = {row["email"] for page in (first, second) for row in page.context["rows"]}
    assert len(seen) == 70


def test_the_list_costs_the_same_for_one_and_for_sixty(ada, sign_in):
    client = sign_in(ada)
    client.get("/team/")
    one = queries(client, "/team/")
    for number in range(60):
        user = make_user(f"p{number:02}@example.com")
        make_generation(user, charged="0.25")
        make_key(user)
    assert queries(client, "/team/") == one <= MOST_A_PAGE


def test_names_are_escaped(ada, bob, sign_in):
    User.objects.filter(pk=bob.pk).update(name="<script>alert(1)</script>")
    client = sign_in(ada)
    for path in ("/team/", url(bob)):
        page = client.get(path).content
        assert b"<script>alert" not in page
        assert b"&lt;script&gt;alert" in page


def test_alone_one_is_asked_to_invite(ada, sign_in):
    page = sign_in(ada).get("/team/").content.decode()
    assert "Only you so far" in page
    make_user("new@example.com")
    assert "Only you so far" not in sign_in(ada).get("/team/").content.decode()


# --- one of them --------------------------------------------------------------------------------


def test_a_persons_page(ada, alice, sign_in):
    key = make_key(alice)
    make_share(alice)
    page = sign_in(ada).get(url(alice)).content.decode()
    for text in (alice.email, "As the policy says", "1 link of theirs is open", "Deactivate"):
        assert text in page
    assert key.last_four not in page
    assert str(key.account_id) not in page


def test_a_persons_page_is_few_queries(ada, alice, sign_in):
    client = sign_in(ada)
    for _ in range(10):
        make_share(alice)
        make_generation(alice, state=State.QUEUED)
    client.get(url(alice))
    assert queries(client, url(alice)) <= MOST_A_PAGE


def test_the_role_is_changed(ada, bob, sign_in):
    client = sign_in(ada)
    assert client.post(url(bob, "role"), {"role": "reviewer"}).status_code == 303
    assert again(bob).role == "reviewer"
    for wrong in ("owner", ""):
        response = client.post(url(bob, "role"), {"role": wrong})
        assert response.status_code == 422
        assert 'aria-invalid="true"' in response.content.decode()
    assert again(bob).role == "reviewer"


def test_the_last_admin_is_told_why_not(ada, sign_in):
    client = sign_in(ada)
    response = client.post(url(ada, "role"), {"role": "member"})
    assert response.status_code == 422
    assert "There must be an admin" in response.content.decode()
    page = client.post(url(ada, "deactivate"), follow=True)
    assert "There must be an admin" in page.content.decode()
    assert again(ada).is_admin


def test_an_admin_who_steps_down_lands_in_the_studio(ada, sign_in):
    make_user("boss@example.com", role="admin")
    response = sign_in(ada).post(url(ada, "role"), {"role": "member"})
    assert (response.status_code, response["Location"]) == (303, "/")


def test_exceptions_are_saved(ada, bob, sign_in):
    client = sign_in(ada)
    given = {"safe_mode": "forced", "may_use_team_key": "no", "may_share": "yes"}
    assert client.post(url(bob, "exceptions"), given).status_code == 303
    again(bob)
    assert (bob.safe_mode, bob.may_use_team_key, bob.may_share) == ("forced", False, True)
    assert client.post(url(bob, "exceptions"), {"safe_mode": "never"}).status_code == 422
    assert client.post(url(bob, "exceptions"), {"may_share": "perhaps"}).status_code == 422
    assert again(bob).safe_mode == "forced"
    assert client.post(url(bob, "exceptions"), {}).status_code == 303
    again(bob)
    assert (bob.safe_mode, bob.may_use_team_key, bob.may_share) == ("", None, None)


def test_links_are_revoked_all_at_once(ada, alice, bob, sign_in):
    for user in (alice, alice, bob):
        make_share(user)
    sign_in(ada).post(url(alice, "links"))
    assert Share.objects.filter(user=alice, revoked_at=None).count() == 0
    assert Share.objects.filter(user=bob, revoked_at=None).count() == 1


def test_somebody_is_signed_out_everywhere(ada, alice, sign_in):
    theirs, mine = sign_in(alice), sign_in(ada)
    theirs.get("/settings/")
    assert mine.post(url(alice, "sessions")).status_code == 303
    assert theirs.get("/settings/").status_code == 302
    assert mine.get("/team/").status_code == 200


# --- out, and in again --------------------------------------------------------------------------


def guest_paths(client: Client, path: str, image: Image) -> dict[str, int]:
    below = ("", "zip", f"images/{image.pk}/", *(f"images/{image.pk}/{k}" for k in KINDS))
    return {part: client.get(f"{path}{part}").status_code for part in below}


KINDS = ("original", "w512", "w1024")


def test_deactivated_is_out_everywhere_and_back_again(ada, alice, bob, sign_in, stocked, client):
    image = make_image(alice)
    book = make_collection(alice, images=[image], visibility="team")
    paths = [
        make_share(alice, images=[image], download=True)[1],
        make_share(alice, collection=book, download=True)[1],
    ]
    shared_by_bob = make_share(bob, images=[image], download=True)[1]
    waiting = submit(alice)
    theirs, boss = sign_in(alice), sign_in(ada)
    for path in paths:
        assert set(guest_paths(client, path, image).values()) == {200}  # a warm cache

    assert boss.post(url(alice, "deactivate")).status_code == 303

    for path in ("/", "/gallery/", f"/images/{image.pk}/", f"/images/{image.pk}/w512"):
        assert theirs.get(path).status_code == 302, path
    assert theirs.post("/generations/", {"prompt": "x"}).status_code == 302
    fragment = theirs.get("/generations/poll/", headers={"HX-Request": "true"})
    assert fragment["HX-Redirect"].startswith("/accounts/login/")
    for path in paths:
        assert set(guest_paths(client, path, image).values()) == {404}, path
    # What they made stays the team's.
    assert set(guest_paths(client, shared_by_bob, image).values()) == {200}
    assert sign_in(bob).get(f"/images/{image.pk}/").status_code == 200
    waiting.refresh_from_db()
    assert (waiting.state, waiting.charged) == (State.CANCELLED, 0)
    fresh = Client()
    fresh.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert fresh.get("/settings/").status_code == 302
    assert "work again" in boss.get(url(alice)).content.decode()

    assert boss.post(url(alice, "activate")).status_code == 303

    assert theirs.get("/settings/").status_code == 302
    fresh.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert fresh.get("/settings/").status_code == 200
    for path in paths:
        assert set(guest_paths(client, path, image).values()) == {200}
    assert Generation.objects.get(pk=waiting.pk).state == State.CANCELLED


def test_links_revoked_while_out_stay_revoked(ada, alice, sign_in, client):
    path = make_share(alice)[1]
    boss = sign_in(ada)
    boss.post(url(alice, "deactivate"))
    assert "1 link of theirs would open again" in boss.get(url(alice)).content.decode()
    boss.post(url(alice, "links"))
    boss.post(url(alice, "activate"))
    assert client.get(path).status_code == 404
