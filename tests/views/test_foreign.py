"""Ways around the matrix: what is somebody else's, reached by what stands inside a request."""

import pytest
from django.urls import reverse
from django.utils import timezone

from generations.models import Budget, Image, Share
from tests.builders import make_collection, make_image, make_share, make_user

pytestmark = [pytest.mark.services, pytest.mark.django_db]


@pytest.mark.parametrize("change", [{"visibility": "private"}, {"state": "held"}])
def test_who_has_its_etag_is_not_told_that_it_is_unchanged(alice, bob, sign_in, change):
    image, client = make_image(alice), sign_in(bob)
    url = reverse("image-file", args=[image.pk, "original"])
    etag = client.get(url)["ETag"]
    Image.objects.filter(pk=image.pk).update(**change)
    for headers in (
        {"If-None-Match": etag},
        {"If-None-Match": "*"},
        {"Range": "bytes=0-10"},
        {"If-Range": etag, "Range": "bytes=0-1"},
        {"If-Modified-Since": "Fri, 20 Nov 2099 00:00:00 GMT"},
    ):
        assert client.get(url, headers=headers).status_code == 404


def test_anothers_private_collection_is_no_filter(alice, bob, sign_in):
    image = make_image(alice)
    book = make_collection(alice, images=[image], name="Nightingale")
    client, query = sign_in(bob), f"collection={book.pk}"
    for path in ("/gallery/", "/gallery/count/", "/gallery/filters/"):
        page = client.get(f"{path}?{query}").content.decode()
        assert str(image.pk) not in page
        assert "Nightingale" not in page
    assert client.post("/gallery/zip/", {"all": query}).status_code == 303


@pytest.mark.parametrize(
    "name",
    ["images-delete", "images-zip", "image-marks", "images-restore", "images-erase", "shares"],
)
def test_one_foreign_id_among_ones_own_and_nothing_happens(alice, bob, sign_in, name):
    mine = make_image(bob)
    gone = {"deleted_at": timezone.now(), "deleted_by": alice}
    for fields in ({"state": "held"}, {"visibility": "private"}, gone):
        theirs = make_image(alice, **fields)
        body = {"images": [mine.pk, theirs.pk], "tag": "x", "expires": "3"}
        before = Image.objects.filter(pk=theirs.pk).values().get()
        answer = sign_in(bob).post(reverse(name), body)
        assert answer.status_code in (303, 422)
        assert before == Image.objects.filter(pk=theirs.pk).values().get()
    mine.refresh_from_db()
    assert mine.deleted_at is None
    assert not mine.tags.exists()
    assert not Share.objects.exists()


def test_djangos_admin_waits_for_the_second_factor_too(sign_in):
    client = sign_in(make_user("grace@example.com", role="admin", needs_second_factor=True))
    for path in ("/admin/", "/admin/generations/user/", "/admin/generations/budget/add/"):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"][:13]) == (302, "/admin/login/")
    client.post("/admin/generations/budget/add/", {"scope": "team", "monthly_usd": "1"})
    assert not Budget.objects.exists()


def test_a_link_leads_to_its_own_images_alone(alice, client):
    other = make_image(alice)
    _, path = make_share(alice, download=True, picks=True)
    for kind in ("", "w512", "w1024", "original", "pick"):
        url = f"{path}images/{other.pk}/{kind}"
        assert client.get(url).status_code in (404, 405)
        assert client.post(url, {"choice": "yes"}).status_code in (404, 405)
