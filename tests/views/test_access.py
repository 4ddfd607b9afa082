"""Who may: every address, every fragment, for everybody who should not."""

import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from generations.models import Generation, Image
from tests.builders import make_generation, make_image

pytestmark = pytest.mark.django_db

# None: the door of Django's admin, which sends people on by itself.
# An invitation has its own test, tests/views/test_invites.py.
OPEN = {"healthz", "readyz", "metrics", "theme", "invite", None}


def own_patterns():
    # What programs use has its own test, tests/api/test_api_access.py.
    found = get_resolver("generations.urls").url_patterns
    patterns = [pattern for pattern in found if isinstance(pattern, URLPattern)]
    found = [p for p in patterns if p.name not in OPEN and not is_for_guests(p.name)]
    return [(p.name, p.pattern.converters or p.pattern.regex.groupindex) for p in found]


def is_for_guests(name):
    """Below a share link: its own test knows them, tests/views/test_guest.py."""
    return name.split("-")[0] == "guest"


def address(name: str, parts) -> str:
    is_number = type(parts.get("pk")).__name__ == "IntConverter"
    values = {"pk": 1 if is_number else uuid.uuid4(), "kind": "w512"}
    return reverse(name, kwargs={part: values[part] for part in parts})


@pytest.mark.parametrize(
    ("name", "parts"), own_patterns(), ids=lambda v: v if type(v) is str else ""
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_gets_in_without_signing_in(client, name, parts, method):
    response = getattr(client, method)(address(name, parts))
    if response.status_code != 405:
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize(
    ("name", "parts"), own_patterns(), ids=lambda v: v if type(v) is str else ""
)
def test_a_fragment_sends_the_whole_page_to_sign_in(client, name, parts):
    response = client.get(address(name, parts), headers={"HX-Request": "true"})
    if response.status_code != 405:
        assert response.status_code == 200
        assert response["HX-Redirect"].startswith("/accounts/login/")
        assert response.content == b""


def test_a_deactivated_person_is_out_on_the_next_request(alice, sign_in):
    client = sign_in(alice)
    assert client.get("/").status_code == 200
    alice.is_active = False
    alice.save()
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("verb", ["cancel", "retry", "dismiss"])
def test_only_the_owner_acts_on_a_job(alice, bob, ada, sign_in, verb):
    generation = make_generation(alice, state=Generation.State.FAILED)
    for other in (bob, ada):
        response = sign_in(other).post(reverse(f"generation-{verb}", args=[generation.pk]))
        assert response.status_code == 404
    assert Generation.objects.count() == 1


def test_a_job_is_for_its_owner_and_admins(alice, bob, rosa, ada, sign_in):
    url = reverse("generation-detail", args=[make_generation(alice).pk])
    assert [sign_in(u).get(url).status_code for u in (alice, ada, bob, rosa)] == [
        200,
        200,
        404,
        404,
    ]


def test_anothers_job_is_not_in_my_history_or_poll(alice, bob, sign_in):
    theirs = make_generation(alice, prompt="Alices secret", state=Generation.State.QUEUED)
    client = sign_in(bob)
    assert b"Alices secret" not in client.get("/generations/").content
    poll = client.get(f"/generations/poll/?seen={theirs.pk.hex}.0.0")
    assert b"Alices secret" not in poll.content


KINDS = ("original", "w512", "w1024")


def statuses(client: Client, image: Image) -> list[int]:
    urls = [reverse("image-file", args=[image.pk, kind]) for kind in KINDS]
    return [
        client.get(url).status_code for url in (reverse("image-detail", args=[image.pk]), *urls)
    ]


def test_a_team_image_is_for_the_team(alice, bob, sign_in):
    image = make_image(alice)
    assert statuses(sign_in(bob), image) == [200] * 4


def test_a_private_image_is_for_its_maker(alice, bob, rosa, ada, sign_in):
    image = make_image(alice, visibility=Image.Visibility.PRIVATE)
    assert statuses(sign_in(alice), image) == [200] * 4
    for other in (bob, rosa, ada):
        assert statuses(sign_in(other), image) == [404] * 4


def test_a_held_image_is_for_reviewers_alone(alice, bob, rosa, ada, sign_in):
    image = make_image(alice, state=Image.State.HELD, is_adult=True)
    assert statuses(sign_in(bob), image) == [404] * 4
    for reviewer in (rosa, ada):
        assert statuses(sign_in(reviewer), image) == [200] * 4
    page, *files = statuses(sign_in(alice), image)
    assert (page, files) == (200, [404] * 3)


def test_the_maker_of_a_held_image_is_told_so_and_shown_nothing(alice, sign_in):
    image = make_image(alice, state=Image.State.HELD, is_adult=True)
    client = sign_in(alice)
    for url in (
        reverse("image-detail", args=[image.pk]),
        reverse("generation-detail", args=[image.generation_id]),
        reverse("generations"),
        reverse("studio"),
    ):
        page = client.get(url).content.decode()
        assert "Held for review" in page, url
        for kind in KINDS:
            assert f"{image.pk}/{kind}" not in page, url


def test_a_held_image_is_in_no_gallery(alice, rosa, sign_in):
    image = make_image(alice, state=Image.State.HELD)
    for person in (alice, rosa):
        assert str(image.pk) not in sign_in(person).get("/gallery/").content.decode()


def test_a_held_or_private_image_is_no_source_for_a_remix(alice, bob, sign_in, stocked):
    for fields in ({"state": "held"}, {"visibility": "private"}):
        source = make_generation(alice, prompt="A hidden prompt")
        image = make_image(alice, generation=source, **fields)
        page = sign_in(bob).get(f"/?image={image.pk}&use=all").content
        assert b"A hidden prompt" not in page
        page = sign_in(bob).get(f"/?from={source.pk}&use=all").content
        assert b"A hidden prompt" not in page


@pytest.mark.parametrize("path", ["../../etc/passwd", "w2048", "original/..", ""])
def test_there_are_no_other_files(alice, sign_in, path):
    image = make_image(alice)
    assert sign_in(alice).get(f"/images/{image.pk}/{path}x").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/images/not-a-uuid/", "/images/00000000000000000000000000000000/w512", "/generations/1/"],
)
def test_ids_from_outside_are_hostile(alice, sign_in, path):
    assert sign_in(alice).get(path).status_code == 404


def test_the_admin_is_for_admins(alice, rosa, ada, sign_in):
    assert sign_in(ada).get("/admin/generations/generation/").status_code == 200
    for other in (alice, rosa):
        assert sign_in(other).get("/admin/", follow=True).status_code == 404


def test_there_is_no_open_sign_up(client):
    page = client.get("/accounts/signup/")
    assert b"password1" not in page.content
    from generations.models import User

    client.post(
        "/accounts/signup/", {"email": "new@example.com", "password1": "a-long-enough-password"}
    )
    assert not User.objects.filter(email="new@example.com").exists()


def test_every_answer_has_the_policy_and_no_sniffing(alice, sign_in):
    image = make_image(alice)
    client = sign_in(alice)
    for path in ("/", "/gallery/", "/healthz", f"/images/{image.pk}/w512", "/no-such-page"):
        response = client.get(path)
        assert "default-src 'none'" in response["Content-Security-Policy"], path
        assert "unsafe" not in response["Content-Security-Policy"], path
        assert response["X-Content-Type-Options"] == "nosniff", path


def test_a_post_without_its_token_is_refused(alice):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post("/generations/", {"prompt": "x"}).status_code == 403
    assert not Generation.objects.exists()
