"""Many images at once: who may, what is forged, what comes back, what a download holds."""

import asyncio
import io
import json
import tracemalloc
import uuid
import zipfile
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from django.core.files.storage import default_storage
from django.db import connections
from django.test import AsyncClient
from django.urls import reverse

from generations.models import Image
from generations.services import archive, selection
from generations.views import downloads
from tests.builders import make_generation, make_image

pytestmark = [pytest.mark.django_db, pytest.mark.services]

HTMX = {"HX-Request": "true"}
ACTIONS = ("images-delete", "images-zip", "images-compare")
TRASH_ACTIONS = ("images-restore", "images-erase")


def post(client, name, *images, headers=None, **more):
    data = {"images": [getattr(image, "pk", image) for image in images], **more}
    return client.post(reverse(name), data, headers=headers)


def delete(client, *images):
    """Deletes, and returns the address that takes it back."""
    response = post(client, "images-delete", *images, headers=HTMX)
    page = response.content.decode()
    return page.split('action="')[1].split('"')[0]


def shown() -> int:
    return Image.objects.filter(deleted_at=None).count()


# --- what is chosen ---------------------------------------------------------------------------


def hostile(alice, bob):
    """Selections that nobody may make, of Bob's client."""
    secret = make_image(alice, visibility=Image.Visibility.PRIVATE)
    held = make_image(bob, state=Image.State.HELD)
    mine = make_image(bob)
    return {
        "nothing": [],
        "private": [mine.pk, secret.pk],
        "held": [mine.pk, held.pk],
        "unknown": [mine.pk, uuid.uuid4()],
        "no id": [mine.pk, "../../etc/passwd"],
        "NUL": [mine.pk, "\0"],
        "too many": [mine.pk, *(uuid.uuid4() for _ in range(10_001))],
        "10,000 forged": [mine.pk, *(uuid.uuid4() for _ in range(9_999))],
    }


@pytest.mark.parametrize("name", [*ACTIONS, *TRASH_ACTIONS])
def test_a_forged_selection_is_a_sentence_and_nothing_is_done(alice, bob, sign_in, name):
    client = sign_in(bob)
    for what, ids in hostile(alice, bob).items():
        before = shown()
        response = post(client, name, *ids, headers=HTMX)
        assert response.status_code == 409, what
        assert response["Content-Type"].startswith("text/plain"), what
        assert shown() == before, what


def test_without_the_script_the_sentence_is_on_the_page_it_came_from(bob, sign_in):
    response = sign_in(bob).post(
        reverse("images-delete"), {"images": "x", "next": "/gallery/?q=a"}, follow=True
    )
    assert response.redirect_chain == [("/gallery/?q=a", 303)]
    assert "is not there any more" in response.content.decode()


def test_next_leads_nowhere_else(bob, sign_in):
    response = sign_in(bob).post(
        reverse("images-delete"), {"images": make_image(bob).pk, "next": "https://evil.example"}
    )
    assert response["Location"] == "/gallery/"


def test_all_results_are_those_of_the_gallery(alice, bob):
    found = make_image(alice, generation=make_generation(alice, prompt="A lighthouse"))
    make_image(alice)
    make_image(bob, visibility=Image.Visibility.PRIVATE)
    assert selection.chosen(alice, ids=[], query="q=lighthouse") == [found]
    assert len(selection.chosen(alice, ids=[], query="")) == 2


def test_all_results_have_a_limit(alice, monkeypatch, sign_in):
    monkeypatch.setattr(selection, "MOST", 2)
    for _ in range(3):
        make_image(alice)
    response = post(sign_in(alice), "images-delete", all="", headers=HTMX)
    assert response.status_code == 409
    assert shown() == 3


def test_the_order_is_that_of_the_form_and_each_once(alice):
    first, second = make_image(alice), make_image(alice)
    ids = [str(first.pk), str(second.pk), str(first.pk)]
    assert selection.chosen(alice, ids=ids) == [first, second]


def test_the_trash_cannot_be_chosen_as_results(alice, sign_in):
    client = sign_in(alice)
    image = make_image(alice)
    delete(client, image)
    for query in ("", "view=trash"):
        assert post(client, "images-zip", all=query, headers=HTMX).status_code == 409, query
    assert post(client, "images-zip", image, headers=HTMX).status_code == 409


# --- delete and undo --------------------------------------------------------------------------


def test_deleting_answers_with_undo(alice, sign_in):
    client = sign_in(alice)
    one, two = make_image(alice), make_image(alice)
    undo = delete(client, one, two)
    assert shown() == 0
    response = client.post(undo, headers=HTMX)
    assert b"2 images came back." in response.content
    assert shown() == 2


def test_undo_is_ones_own(alice, bob, ada, sign_in):
    undo = delete(sign_in(alice), make_image(alice))
    for other in (bob, ada):
        sign_in(other).post(undo)
    assert shown() == 0


@pytest.mark.parametrize("moment", ["", "x", "-1", "9" * 30, "1e9", "\0"])
def test_a_forged_moment_brings_nothing_back(alice, sign_in, moment):
    client = sign_in(alice)
    delete(client, make_image(alice))
    response = client.post(f"{reverse('images-restore')}?{urlencode({'at': moment})}")
    assert response.status_code == 303
    assert shown() == 0


def test_others_images_stay_and_the_sentence_says_so(alice, bob, sign_in):
    theirs, mine = make_image(alice), make_image(bob)
    client = sign_in(bob)
    assert post(client, "images-delete", theirs, headers=HTMX).status_code == 409
    response = post(client, "images-delete", theirs, mine, headers=HTMX)
    assert response["HX-Refresh"] == "true"
    page = client.get("/gallery/").content.decode()
    assert "1 image moved to the trash. 1 is somebody else’s" in page
    assert shown() == 1


def test_without_the_script_undo_is_a_form_that_comes_back(alice, sign_in):
    client = sign_in(alice)
    form = {"images": make_image(alice).pk, "next": "/gallery/?q=x"}
    page = client.post(reverse("images-delete"), form, follow=True).content.decode()
    undo = page.split('action="/gallery/restore/')[1].split('"')[0]
    back = page.split('name="next" value="')[-1].split('"')[0]
    response = client.post(f"/gallery/restore/{undo}", {"next": back}, follow=True)
    assert response.redirect_chain[-1][0] == "/gallery/?q=x"
    assert shown() == 1


def test_the_trash_gives_back_and_erases(alice, bob, sign_in):
    client = sign_in(alice)
    kept, gone = make_image(alice), make_image(alice)
    delete(client, kept, gone)
    for name in TRASH_ACTIONS:
        assert post(sign_in(bob), name, kept, headers=HTMX).status_code == 409
    assert b"1 image came back." in post(client, "images-restore", kept, headers=HTMX).content
    post(client, "images-erase", gone, headers=HTMX)
    assert Image.objects.get() == kept
    assert not default_storage.exists(gone.original)


def test_the_image_page_deletes_and_restores(alice, bob, ada, sign_in):
    image = make_image(alice)
    url = reverse("image-detail", args=[image.pk])
    offers = [b"/gallery/delete/" in sign_in(p).get(url).content for p in (alice, ada, bob)]
    assert offers == [True, True, False]
    delete(sign_in(alice), image)
    page = sign_in(alice).get(url).content.decode()
    assert "In the trash." in page
    assert "/gallery/delete/" not in page
    response = sign_in(alice).post("/gallery/restore/", {"images": image.pk, "next": url})
    assert response["Location"] == url
    assert shown() == 1


def test_what_is_not_in_the_trash_is_not_erased(alice, sign_in):
    image = make_image(alice)
    assert post(sign_in(alice), "images-erase", image, headers=HTMX).status_code == 409
    assert post(sign_in(alice), "images-erase", all="", headers=HTMX).status_code == 409
    assert shown() == 1


def test_the_whole_trash_at_once(alice, bob, sign_in):
    client = sign_in(alice)
    delete(client, *(make_image(alice) for _ in range(3)))
    delete(sign_in(bob), make_image(bob))
    for query in ("", "view=mine", "view=trash&q=lighthouse"):
        assert post(client, "images-erase", all=query, headers=HTMX).status_code == 409
    response = post(client, "images-erase", all="view=trash", headers=HTMX)
    assert response["HX-Refresh"] == "true"
    assert Image.objects.count() == 1


@pytest.mark.parametrize("name", [*ACTIONS[:2], *TRASH_ACTIONS])
def test_nothing_happens_by_a_link(alice, sign_in, name):
    assert sign_in(alice).get(reverse(name)).status_code == 405


# --- download ---------------------------------------------------------------------------------


def test_the_download_is_as_large_as_it_says(alice, bob, sign_in):
    images = [make_image(alice), make_image(bob)]
    response = post(sign_in(alice), "images-zip", *images)
    data = response.getvalue()
    assert response["Content-Length"] == str(len(data))
    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"].startswith('attachment; filename="images ')
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert len(names) == 3
    assert len(set(names)) == 3


def test_a_download_without_files_says_so(alice, sign_in):
    image = make_image(alice)
    default_storage.delete(image.original)
    data = post(sign_in(alice), "images-zip", image).getvalue()
    told = json.loads(zipfile.ZipFile(io.BytesIO(data)).read("metadata.json"))
    assert len(told["missing"]) == 1


@pytest.mark.parametrize("count", [1, 60])
def test_a_download_asks_the_database_the_same_whatever_its_length(
    alice, sign_in, count, django_assert_num_queries
):
    images = [make_image(alice) for _ in range(count)]
    client = sign_in(alice)
    client.get("/")  # the first request writes down that the session lives
    with django_assert_num_queries(4):  # person, images, tags, the audit log
        post(client, "images-zip", *images)


@pytest.mark.django_db(transaction=True)
def test_under_asgi_the_first_byte_does_not_wait_for_the_last(alice, monkeypatch):
    read = []
    megabyte = bytes(1024 * 1024)
    images = [make_image(alice) for _ in range(3)]
    monkeypatch.setattr(archive, "read_shown", lambda *args: read.append(1) or megabyte)
    monkeypatch.setattr(default_storage._wrapped, "size", lambda name: len(megabyte))

    async def ask():
        client = AsyncClient()
        backend = "allauth.account.auth_backends.AuthenticationBackend"
        await client.aforce_login(alice, backend=backend)
        response = await client.post(
            reverse("images-zip"), {"images": [str(image.pk) for image in images]}
        )
        assert response.is_async
        pieces = aiter(response)
        await anext(pieces)
        seen = len(read)
        rest = [piece async for piece in pieces]
        await sync_to_async(connections.close_all)()  # those of the view's own thread
        return seen, len(rest), response

    seen, rest, response = asyncio.run(ask())
    assert seen <= 1
    assert rest > 6
    assert response["Content-Length"]


def test_its_memory_under_asgi_is_that_of_one_picture():
    megabyte = 1024 * 1024
    packed = archive.Archive(
        [
            archive.Entry(f"{n}.png", megabyte, downloads.timezone.now(), lambda: bytes(megabyte))
            for n in range(200)
        ]
    )

    async def send() -> int:
        return sum([len(piece) async for piece in downloads._reading(packed.pieces(), b"")])

    tracemalloc.start()
    sent = asyncio.run(send())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sent == packed.size
    assert peak < 6 * megabyte


# --- compare ----------------------------------------------------------------------------------


def compare_url(*images):
    return f"{reverse('images-compare')}?{urlencode({'images': [i.pk for i in images]}, True)}"


def test_comparing_shows_what_differs_and_what_does_not(alice, sign_in):
    one = make_image(alice, generation=make_generation(alice, prompt="Dawn <b>"), seed=1)
    two = make_image(alice, generation=make_generation(alice, prompt="Dusk"), seed=2)
    response = post(sign_in(alice), "images-compare", one, two)
    assert response["Location"] == compare_url(one, two)
    page = sign_in(alice).get(response["Location"]).content.decode()
    differs, same = page.split("The same in all")
    assert "Dawn &lt;b&gt;" in differs
    assert "<dd>1</dd>" in differs
    assert "<dd>2</dd>" in differs
    assert "Z-Image Turbo" in same
    assert "Alice Moretti" in same


@pytest.mark.parametrize("count", [0, 1, 5])
def test_two_to_four_are_compared(alice, sign_in, count):
    images = [make_image(alice) for _ in range(count)]
    client = sign_in(alice)
    assert post(client, "images-compare", *images, headers=HTMX).status_code == 409
    assert client.get(compare_url(*images)).status_code == 404


def test_what_may_not_be_seen_is_not_compared(alice, bob, sign_in):
    secret = make_image(alice, visibility=Image.Visibility.PRIVATE)
    assert sign_in(bob).get(compare_url(make_image(bob), secret)).status_code == 404
    assert sign_in(bob).get(f"{reverse('images-compare')}?images=x&images=y").status_code == 404


def test_comparing_asks_the_database_the_same_for_two_and_four(
    alice, sign_in, django_assert_max_num_queries
):
    images = [make_image(alice) for _ in range(4)]
    client = sign_in(alice)
    client.get("/")
    for some in (images[:2], images):
        with django_assert_max_num_queries(3):
            client.get(compare_url(*some))
