"""A studio whose images lie in a bucket: made, shown, shared, erased; and while it is away."""

import io
import json
import zipfile
from datetime import timedelta

import httpx
import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from generations.models import Generation, Image
from generations.services import call as calls
from generations.services import delivery, trash, worker
from generations.services.delivery import Form
from tests.builders import hold, make_image, make_share, picture, submit
from tests.faults.studio import free_port
from tests.storage.conftest import SECRET, use
from veniceweb import object_storage

KINDS = ("original", "w512", "w1024")
State = Generation.State
pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def image(in_bucket, alice):
    return make_image(alice)


@pytest.fixture
def impatient(monkeypatch):
    patience = {"connect_timeout": 1, "read_timeout": 1, "attempts": 1}
    monkeypatch.setattr(object_storage, "_PATIENT", patience)
    monkeypatch.setattr(object_storage, "_QUICK", patience)


@pytest.fixture  # before what makes an image: with the first request the patience is set
def is_away(bucket, impatient):
    """Nothing answers, from the call of this on."""
    yield bucket.stop
    bucket.go_on()


def file_of(image, kind="original"):
    return f"/images/{image.pk}/{kind}"


# --- made and shown -------------------------------------------------------------------------------


def test_what_is_made_lies_there_and_is_shown(
    in_bucket, bucket, prefix, stocked, alice, run_jobs, sign_in
):
    generation = submit(alice, "In a bucket", variants=2)
    run_jobs()
    images = list(generation.images.all())
    assert len(images) == 2
    assert len(bucket.keys(prefix)) == 6
    for image in images:
        data = sign_in(alice).get(file_of(image)).content
        assert len(data) == image.bytes
        assert sign_in(alice).get(file_of(image, "w512")).content[8:12] == b"WEBP"


def test_an_answer_has_all_the_headers_that_a_folder_gives_it(image, alice, sign_in):
    answer = sign_in(alice).get(file_of(image))
    assert answer.content == picture()
    assert answer["Content-Type"] == "image/webp"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["ETag"] == f'"{image.sha256[:32]}-original"'


def test_what_has_not_changed_is_not_asked_for(image, alice, sign_in, bucket):
    client = sign_in(alice)
    etag = client.get(file_of(image))["ETag"]
    before = len(bucket.requests())
    answer = client.get(file_of(image), headers={"If-None-Match": etag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert len(bucket.requests()) == before


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=99999999-", 416, slice(0, 0)),
        ("bytes=5-2", 200, slice(None)),
        ("pages=1", 200, slice(None)),
    ],
)
def test_a_part_is_fetched_as_a_part(image, alice, sign_in, bucket, asked, status, part):
    data, client = picture(), sign_in(alice)
    before = len(bucket.requests())
    answer = client.get(file_of(image), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, data[part])
    wholes = [line for line in bucket.requests()[before:] if "GET" in line and " 200 " in line]
    assert len(wholes) == (status == 200)
    if status == 206:
        assert answer["Content-Range"].endswith(f"/{len(data)}")


def test_what_is_held_is_gone_at_once(image, alice, bob, sign_in):
    client = sign_in(bob)
    assert client.get(file_of(image)).status_code == 200
    hold(image)
    assert client.get(file_of(image)).status_code == 404


def test_what_the_bucket_lost_is_not_there(image, alice, sign_in):
    default_storage.delete(image.w512)
    assert sign_in(alice).get(file_of(image, "w512")).status_code == 404


def test_a_share_link_and_its_archive(image, alice, client):
    _, path = make_share(alice, images=[image], download=True)
    for kind in KINDS:
        assert client.get(f"{path}images/{image.pk}/{kind}").status_code == 200
    packed = b"".join(client.get(reverse("guest-zip", args=[path.split("/")[2]])).streaming_content)
    assert len(zipfile.ZipFile(io.BytesIO(packed)).namelist()) == 1


def test_an_archive_names_what_is_lost(image, alice, sign_in):
    lost = make_image(alice)
    default_storage.delete(lost.original)
    ids = [str(image.pk), str(lost.pk)]
    answer = sign_in(alice).post(reverse("images-zip"), {"images": ids})
    opened = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert len(opened.namelist()) == 2
    told = json.loads(opened.read("metadata.json"))
    assert [one["id"] for one in told["missing"]] == [str(lost.pk)]


def test_a_programs_address(image, alice, client):
    path = f"/v1/images/{image.pk}?{delivery.query(image, Form())}"
    assert client.get(path).content == picture()
    default_storage.delete(image.original)
    assert client.get(path).status_code == 404


def test_what_leaves_the_trash_leaves_the_bucket(in_bucket, bucket, prefix, alice):
    old = [make_image(alice) for _ in range(3)]
    kept = make_image(alice)
    long_ago = timezone.now() - timedelta(days=31)
    Image.objects.filter(pk__in=[one.pk for one in old]).update(deleted_at=long_ago)
    assert trash.purge() == 3
    assert bucket.keys(prefix) == {f"{prefix}/{getattr(kept, kind)}" for kind in KINDS}


# --- away -----------------------------------------------------------------------------------------


def test_what_was_paid_for_waits_until_it_is_back(
    in_bucket, bucket, prefix, is_away, stocked, alice, run_jobs, settings
):
    generation, other = submit(alice, "Paid", variants=2), submit(alice, "Not sent")
    is_away()
    run_jobs()
    worker.settle_waiting()
    generation.refresh_from_db()
    assert (generation.state, generation.error_message) == (State.CALLING, calls.WAITS)
    assert len(list(settings.SPOOL.iterdir())) == 1
    assert not stocked.calls("Not sent")

    bucket.go_on()
    worker.settle_waiting()
    run_jobs()
    for job in (generation, other):
        job.refresh_from_db()
        assert job.state == State.SUCCEEDED
    assert len(stocked.calls("Paid")) == 1
    assert not list(settings.SPOOL.iterdir())
    named = {getattr(image, kind) for image in Image.objects.all() for kind in KINDS}
    assert {f"{prefix}/{name}" for name in named} <= bucket.keys(prefix)
    assert len(named) == 9


def test_a_file_says_that_it_may_come_back(is_away, image, alice, sign_in, client):
    _, path = make_share(alice, images=[image], download=True)
    signed = f"/v1/images/{image.pk}?{delivery.query(image, Form())}"
    alices = sign_in(alice)
    is_away()
    asks = [
        (alices, file_of(image)),
        (alices, f"{file_of(image)}?download=1"),
        (client, f"{path}images/{image.pk}/w512"),
        (client, f"{path}images/{image.pk}/original"),
        (client, signed),
    ]
    answers = [browser.get(address) for browser, address in asks]
    answers.append(alices.post(reverse("images-zip"), {"images": [str(image.pk)]}))
    for answer in answers:
        assert answer.status_code == 503
        assert "The storage does not answer" in answer.content.decode()
        assert answer["Retry-After"] == "10"
        assert "no-store" in answer["Cache-Control"]


def test_nothing_leaves_the_trash_meanwhile(image, alice, is_away):
    long_ago = timezone.now() - timedelta(days=31)
    Image.objects.update(deleted_at=long_ago)
    is_away()
    assert trash.purge() == 0
    assert Image.objects.count() == 1


def test_readyz_says_so(in_bucket, bucket, client, impatient, settings):
    assert client.get("/readyz").json()["storage"] is True
    use(settings, bucket.url("x").replace(str(bucket.port), str(free_port())))
    assert client.get("/readyz").json()["storage"] is False
    use(settings, bucket.url("x").replace(bucket.name, "another-bucket"))
    assert client.get("/readyz").json()["storage"] is False


# --- handed off -----------------------------------------------------------------------------------


def test_the_server_in_front_is_told_where(image, bucket, prefix, alice, sign_in, settings):
    settings.HAND_OFF = "accel"
    answer = sign_in(alice).get(file_of(image))
    inner = answer["X-Accel-Redirect"]
    assert (answer.status_code, answer.content) == (200, b"")
    assert inner.startswith(f"/_s3/{bucket.name}/{prefix}/{image.original}?X-Amz-")
    assert httpx.get(bucket.endpoint + inner.removeprefix("/_s3")).content == picture()
    assert SECRET not in inner
    for name in ("ETag", "Content-Security-Policy", "X-Content-Type-Options", "Cache-Control"):
        assert answer[name]
    head = sign_in(alice).head(file_of(image))["X-Accel-Redirect"].removeprefix("/_s3")
    assert httpx.head(bucket.endpoint + head).status_code == 200


def test_the_server_in_front_is_told_of_a_folder(alice, sign_in, settings):
    settings.HAND_OFF = "accel"
    image = make_image(alice)
    answer = sign_in(alice).get(file_of(image, "w512"))
    assert answer["X-Accel-Redirect"] == f"/_files/{image.w512}"
    assert (answer.content, answer["Content-Type"]) == (b"", "image/webp")
    etag = answer["ETag"]
    unchanged = sign_in(alice).get(file_of(image, "w512"), headers={"If-None-Match": etag})
    assert unchanged.status_code == 304
    assert "X-Accel-Redirect" not in unchanged
    default_storage.delete(image.w512)
    assert sign_in(alice).get(file_of(image, "w512")).status_code == 404


def test_what_is_changed_on_its_way_is_sent_by_us(alice, client, settings):
    settings.HAND_OFF = "accel"
    image = make_image(alice)
    _, path = make_share(alice, images=[image], download=True)
    assert client.get(f"{path}images/{image.pk}/w512")["X-Accel-Redirect"]
    stripped = client.get(f"{path}images/{image.pk}/original")
    assert stripped.content
    assert "X-Accel-Redirect" not in stripped
    whole, smaller = (
        f"/v1/images/{image.pk}?{delivery.query(image, form)}" for form in (Form(), Form("png"))
    )
    assert client.get(whole)["X-Accel-Redirect"]
    assert client.get(smaller).content[:4] == b"\x89PNG"


def test_only_a_download_is_redirected(image, bucket, alice, bob, rosa, client, sign_in, settings):
    settings.HAND_OFF = "redirect"
    answer = sign_in(bob).get(f"{file_of(image)}?download=1")
    assert answer.status_code == 302
    assert answer["Cache-Control"] == "private, no-store"
    assert "X-Amz-Expires=60&" in answer["Location"]
    got = httpx.get(answer["Location"])
    assert got.content == picture()
    assert got.headers["Content-Disposition"].startswith("attachment; filename=")
    assert got.headers["Cache-Control"] == "private, no-store"

    _, path = make_share(alice, images=[image], download=True)
    signed = f"/v1/images/{image.pk}?{delivery.query(image, Form())}"
    alices = sign_in(alice)
    assert all(alices.get(file_of(image, kind)).status_code == 200 for kind in KINDS)
    assert client.get(f"{path}images/{image.pk}/original").status_code == 200
    assert client.get(signed).status_code == 200
    # Reviewers' files, and what is in the trash.
    hold(image)
    assert sign_in(rosa).get(f"{file_of(image)}?download=1").status_code == 200
    assert sign_in(bob).get(f"{file_of(image)}?download=1").status_code == 404
    Image.objects.update(state="shown", deleted_at=timezone.now())
    assert alices.get(f"{file_of(image)}?download=1").status_code == 200


def test_browsers_are_sent_to_the_address_that_is_theirs(bucket, alice, sign_in, settings):
    use(settings, f"{bucket.url('x')}&public=https://cdn.example.com")
    settings.HAND_OFF = "redirect"
    answer = sign_in(alice).get(f"{file_of(make_image(alice))}?download=1")
    assert answer["Location"].startswith(f"https://cdn.example.com/{bucket.name}/x/")
