"""The image page and its files."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from tests.builders import make_collection, make_generation, make_image, make_recipe, make_share

pytestmark = pytest.mark.django_db


@pytest.fixture
def image(alice):
    return make_image(alice)


@pytest.fixture
def client(alice, sign_in):
    return sign_in(alice)


def path(image, kind="original"):
    return reverse("image-file", args=[image.pk, kind])


def test_a_file_comes_whole_and_private(client, image):
    response = client.get(path(image))
    with default_storage.open(image.original) as file:
        assert response.content == file.read()
    assert response["Content-Type"] == "image/webp"
    assert response["Cache-Control"] == "private, no-cache"
    assert response["Accept-Ranges"] == "bytes"
    assert "sandbox" in response["Content-Security-Policy"]


def test_a_file_that_is_known_is_not_sent_again(client, image):
    etag = client.get(path(image))["ETag"]
    response = client.get(path(image), headers={"If-None-Match": etag})
    assert (response.status_code, response.content) == (304, b"")
    assert response["Cache-Control"] == "private, no-cache"


def test_each_width_has_its_own_tag(client, image):
    assert client.get(path(image, "w512"))["ETag"] != client.get(path(image))["ETag"]


@pytest.mark.parametrize(
    ("asked", "part"),
    [("bytes=0-3", slice(0, 4)), ("bytes=4-", slice(4, None)), ("bytes=-5", slice(-5, None))],
)
def test_a_range_is_sent_alone(client, image, asked, part):
    whole = client.get(path(image)).content
    response = client.get(path(image), headers={"Range": asked})
    assert (response.status_code, response.content) == (206, whole[part])
    assert response["Content-Range"].endswith(f"/{len(whole)}")


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=-0"])
def test_a_range_outside_is_refused(client, image, asked):
    response = client.get(path(image), headers={"Range": asked})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{image.bytes}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=a-b", "bytes=9-2"]
)
def test_a_range_we_do_not_know_is_the_whole_file(client, image, asked):
    response = client.get(path(image), headers={"Range": asked})
    assert (response.status_code, len(response.content)) == (200, image.bytes)


def test_a_range_of_an_older_file_is_the_whole_file(client, image):
    headers = {"Range": "bytes=0-3", "If-Range": '"another"'}
    assert client.get(path(image), headers=headers).status_code == 200


def test_a_download_has_a_name(client, image):
    response = client.get(path(image) + "?download=1")
    assert response["Content-Disposition"].startswith('attachment; filename="20')


def test_a_lost_file_is_not_found(client, image):
    default_storage.delete(image.w512)
    assert client.get(path(image, "w512")).status_code == 404


def test_the_page_says_everything(client, alice):
    made = make_generation(
        alice,
        prompt="Domes <script>alert(1)</script>",
        negative_prompt="people",
        parameters={"width": 64, "height": 64, "format": "webp", "steps": 8, "cfg_scale": 7.5},
    )
    page = client.get(reverse("image-detail", args=[make_image(alice, generation=made).pk]))
    text = page.content.decode()
    assert "<script>alert(1)" not in text
    for part in ("Domes &lt;script&gt;", "people", "Z-Image Turbo", "7.5", "64 × 64", "Alice"):
        assert part in text


def test_neighbours_lead_through_the_gallery(client, alice):
    from datetime import timedelta

    from django.utils import timezone

    now = timezone.now()
    old, middle, new = (
        make_image(alice, created_at=now - timedelta(minutes=age)) for age in (3, 2, 1)
    )
    context = client.get(reverse("image-detail", args=[middle.pk])).context
    assert context["previous_url"] == reverse("image-detail", args=[new.pk])
    assert context["next_url"] == reverse("image-detail", args=[old.pk])


def test_a_members_page_offers_no_run_on_anothers_budget(image, bob, sign_in):
    assert sign_in(bob).get(reverse("image-detail", args=[image.pk])).context["again"] is None


def test_what_is_in_the_trash_is_in_no_list_of_jobs(alice, sign_in):
    made = make_generation(alice, variants=2)
    kept, gone = (make_image(alice, generation=made) for _ in range(2))
    client = sign_in(alice)
    pages = ("/", "/generations/", f"/generations/{made.pk}/", f"/images/{kept.pk}/")
    client.post("/gallery/delete/", {"images": [gone.pk]})
    for page in pages:
        text = client.get(page).content.decode()
        assert (f"{kept.pk}/w" in text, f"{gone.pk}/w" in text) == (True, False), page
    assert f"{gone.pk}/w" in client.get(f"/images/{gone.pk}/").content.decode()
    client.post("/gallery/delete/", {"images": [kept.pk]})
    for page in pages[:3]:
        assert "Its images are deleted" in client.get(page).content.decode(), page


def test_what_was_cancelled_while_it_ran_is_for_its_maker(alice, bob, ada, client, sign_in):
    made = make_generation(alice, is_hidden=True)
    image = make_image(alice, generation=made)
    recipe = make_recipe(alice, generation=made, is_team=True)
    shared = make_collection(alice, images=[image], visibility="team")
    _, link = make_share(alice, collection=shared, download=True)
    for person in (bob, ada):
        member = sign_in(person)
        for kind in ("", "original", "w512", "w1024"):
            assert member.get(f"/images/{image.pk}/{kind}").status_code == 404
        for page in (
            "/gallery/",
            "/recipes/",
            f"/recipes/{recipe.pk}/",
            f"/collections/{shared.pk}/",
        ):
            assert str(image.pk) not in member.get(page).content.decode(), page
        assert member.post("/gallery/zip/", {"images": [image.pk]}).status_code == 303
    assert client.get(f"{link}images/{image.pk}/original").status_code == 404
    owner = sign_in(alice)
    assert owner.get(f"/images/{image.pk}/original").status_code == 200
    for page in ("/", "/gallery/", "/recipes/", f"/recipes/{recipe.pk}/"):
        assert str(image.pk) not in owner.get(page).content.decode(), page
