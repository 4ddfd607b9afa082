"""POST /v1/images/generations: every parameter, and what is told of it."""

import base64
import io
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image as Pixels

from generations.models import Generation, Image
from generations.services import delivery
from tests.api.conftest import SMALL
from tests.builders import make_image

pytestmark = pytest.mark.django_db


def opened(data: str) -> Pixels.Image:
    return Pixels.open(io.BytesIO(base64.b64decode(data)))


def test_an_image_is_made_stored_and_answered(alices, alice):
    response = alices.generate(response_format="b64_json")
    assert response.status_code == 200, response.content
    body = response.json()
    assert set(body) == {"created", "data"}
    (item,) = body["data"]
    assert set(item) == {"b64_json"}
    picture = opened(item["b64_json"])
    assert (picture.format, picture.size) == ("PNG", (64, 64))
    job = Generation.objects.get()
    assert (job.user, job.token.name, job.images.count()) == (alice, "Script", 1)
    assert response["X-Generation-Id"] == str(job.pk)
    assert response["X-Price-USD"] == "0.01"
    assert response["X-Seed"] == str(job.seed)
    assert response["X-Size"] == "64x64"


def test_while_the_storage_is_away_it_waits_and_costs_once(alices, stocked, monkeypatch):
    def away(*arguments):
        raise OSError(5, "it does not answer")

    with monkeypatch.context() as patched:
        patched.setattr("generations.services.image.read_file", away)
        response = alices.generate("A quay", response_format="b64_json")
    assert (response.status_code, response["Retry-After"]) == (503, "10")
    assert response["X-Generation-Id"] == str(Generation.objects.get().pk)
    assert "does not answer" in response.json()["error"]["message"]

    again = alices.generate("A quay", response_format="b64_json")
    assert opened(again.json()["data"][0]["b64_json"]).size == (64, 64)
    assert len(stocked.calls("A quay")) == 1


FIELDS = {
    "n": 2,
    "size": "128x64",
    "quality": "hd",
    "style": "vivid",
    "background": "opaque",
    "moderation": "auto",
    "output_format": "webp",
    "output_compression": 100,
    "response_format": "b64_json",
    "user": "user123",
}


def test_every_parameter_of_the_documents_is_taken(alices):
    response = alices.generate(**FIELDS)
    assert response.status_code == 200, response.content
    assert len(response.json()["data"]) == 2
    job = Generation.objects.get()
    assert (job.variants, job.end_user) == (2, "user123")
    assert job.parameters == {"width": 128, "height": 64, "format": "webp", "safe_mode": True}


def test_nulls_are_what_was_not_said(alices):
    response = alices.generate(**dict.fromkeys(FIELDS))
    assert response.status_code == 200, response.content


def test_venices_own_fields_are_taken_beside(alices):
    response = alices.generate(
        seed=7, negative_prompt="fog", steps=4, cfg_scale=5, style_preset="Anime", safe_mode=False
    )
    assert response.status_code == 200, response.content
    job = Generation.objects.get()
    assert (job.seed, job.negative_prompt) == (7, "fog")
    assert job.parameters["safe_mode"] is False
    assert (job.parameters["steps"], job.parameters["style_preset"]) == (4, "Anime")


def test_moderation_low_is_safe_mode_off(alices):
    assert alices.generate(moderation="low").status_code == 200
    assert Generation.objects.get().parameters["safe_mode"] is False


def test_ten_are_three_calls_with_consecutive_seeds(alices):
    response = alices.generate(n=10, seed=100, response_format="url")
    assert len(response.json()["data"]) == 10
    rows = Generation.objects.order_by("seed").values_list("seed", "variants")
    assert list(rows) == [(100, 4), (104, 4), (108, 2)]
    assert len(response["X-Generation-Ids"].split(", ")) == 3
    assert response["X-Price-USD"] == "0.1"


@pytest.mark.parametrize("n", [0, 11, "2", 1.5, True, [1]])
def test_n_is_a_whole_number_from_1_to_10(alices, n):
    response = alices.generate(n=n)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "n"


@pytest.mark.parametrize(("kind", "name"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
@pytest.mark.parametrize("wanted", ["b64_json", "url"])
def test_every_format_in_every_wrapping(alices, client, kind, name, wanted):
    response = alices.generate(output_format=kind, response_format=wanted)
    (item,) = response.json()["data"]
    assert set(item) == {wanted}
    if wanted == "url":
        answer = client.get(item["url"].partition("//testserver")[2])
        assert answer["Content-Type"] == f"image/{kind}"
        data = base64.b64encode(answer.content).decode()
    assert opened(item["b64_json"] if wanted == "b64_json" else data).format == name


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_compression_is_really_applied(alices, kind):
    size, sizes = {"size": "512x512"}, []
    for level in (90, 20, 0):
        response = alices.generate(
            f"Level {level}",
            **size,
            seed=5,
            output_format=kind,
            output_compression=level,
            response_format="b64_json",
        )
        data = response.json()["data"][0]["b64_json"]
        assert opened(data).format == kind.upper()
        sizes.append(len(data))
    assert sizes[0] > 1.5 * sizes[1] > sizes[2]


def test_without_a_word_the_first_address_gives_both_and_venices_base64(alices):
    body = {**SMALL, "prompt": "A bridge"}
    ours = alices.post("/v1/images/generations", body).json()
    theirs = alices.post("/api/v1/images/generations", body).json()
    assert set(ours["data"][0]) == {"b64_json", "url"}
    assert set(theirs["data"][0]) == {"b64_json"}


@pytest.mark.parametrize(
    ("model", "asked", "used"),
    [
        ("z-image-turbo", "1792x1024", {"width": 1280, "height": 728}),
        ("z-image-turbo", "1024x1792", {"width": 728, "height": 1280}),
        ("z-image-turbo", "256x256", {"width": 256, "height": 256}),
        ("z-image-turbo", "1001x1001", {"width": 1000, "height": 1000}),
        ("z-image-turbo", "99999x1", {"width": 1280, "height": 8}),
        ("z-image-turbo", "auto", {"width": 1024, "height": 1024}),
        ("z-image-turbo", None, {"width": 1024, "height": 1024}),
        ("flux-2-pro", "1536x1024", {"aspect_ratio": "3:2"}),
        ("flux-2-pro", "1792x1024", {"aspect_ratio": "16:9"}),
        ("flux-2-pro", "auto", {}),
        ("nano-banana-pro", "1024x1024", {"aspect_ratio": "1:1", "resolution": "1K"}),
        ("nano-banana-pro", "4096x2304", {"aspect_ratio": "16:9", "resolution": "4K"}),
        ("nano-banana-pro", "2048x2048", {"aspect_ratio": "1:1", "resolution": "2K"}),
    ],
)
def test_a_size_becomes_what_the_model_takes(alices, model, asked, used):
    response = alices.send(
        "/v1/images/generations", {"prompt": "A bridge", "model": model, "size": asked}
    )
    assert hasattr(response, "finish"), response.content
    sizes = ("width", "height", "aspect_ratio", "resolution")
    made = Generation.objects.get().parameters
    assert {name: made[name] for name in sizes if name in made} == used


def test_what_was_used_is_told(alices):
    response = alices.generate(model="nano-banana-pro", size="1536x1024", response_format="url")
    assert response.status_code == 200, response.content
    told = (response["X-Aspect-Ratio"], response["X-Resolution"], response["X-Model"])
    assert told == ("3:2", "1K", "nano-banana-pro")
    image = Image.objects.get()
    assert response["X-Size"] == f"{image.width}x{image.height}"


@pytest.mark.parametrize("size", ["0x1", "1x0", "1024", "1024X1024", "x", "100000x1", "-1x2", 5])
def test_a_size_that_is_none_is_refused(alices, size):
    error = alices.generate(size=size).json()["error"]
    assert (error["param"], error["type"]) == ("size", "invalid_request_error")


@pytest.mark.parametrize("name", ["default", "fastest", None])
def test_a_trait_names_a_model(alices, name):
    assert alices.generate(model=name, response_format="url")["X-Model"] == "z-image-turbo"


@pytest.mark.parametrize("name", ["dall-e-3", "Z-IMAGE-TURBO", "z-image-turb", "bria-bg-remover"])
def test_an_unknown_model_is_never_replaced(alices, name):
    response = alices.generate(model=name)
    error = response.json()["error"]
    assert response.status_code == 404
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert "z-image-turbo" in error["message"]
    assert not Generation.objects.exists()


@pytest.mark.services
def test_a_model_with_a_nul_in_its_name_is_none(alices):
    assert alices.get("/v1/models/a%00b").status_code == 404


def test_an_alias_of_an_admin_names_a_model(alices, ada, sign_in):
    sign_in(ada).post(
        "/admin/generations/modelalias/add/", {"name": "dall-e-3", "model": "z-image-turbo"}
    )
    assert alices.generate(model="dall-e-3", response_format="url")["X-Model"] == "z-image-turbo"
    listed = alices.get("/v1/models").json()["data"]
    assert {"dall-e-3", "z-image-turbo"} <= {one["id"] for one in listed}


def test_a_price_that_nobody_knows_must_be_confirmed(alices):
    response = alices.generate(enhance_prompt=True)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "confirm_price")
    assert "price" in error["message"]
    response = alices.generate(enhance_prompt=True, confirm_price=True)
    assert response.status_code == 200, response.content
    assert response.json()["data"][0]["revised_prompt"]


def test_private_and_in_the_background(alices):
    alices.send("/v1/images/generations", {**SMALL, "prompt": "x", "visibility": "private"})
    alices.send("/v1/images/generations", {**SMALL, "prompt": "y"}, X_Priority="background")
    alices.send("/v1/images/generations", {**SMALL, "prompt": "z", "priority": "background"})
    rows = Generation.objects.order_by("created_at").values_list("visibility", "lane")
    assert list(rows) == [("private", 0), ("team", 1), ("team", 1)]


def test_its_page_says_which_program_asked_and_for_whom(alices, alice, sign_in):
    response = alices.generate(user="<user> 123", response_format="url")
    page = sign_in(alice).get(f"/generations/{response['X-Generation-Id']}/").content.decode()
    assert "Script (…" in page
    assert "&lt;user&gt; 123" in page


# --- addresses ------------------------------------------------------------------------------


@pytest.fixture
def signed(alices):
    item = alices.generate(response_format="url").json()["data"][0]
    return item["url"].partition("//testserver")[2]


def test_the_address_works_without_a_token_and_is_asked_for_each_time(signed, client):
    answer = client.get(signed)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["X-Generation-Id"] == str(Generation.objects.get().pk)
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert not answer.cookies


@pytest.mark.parametrize(
    "change",
    [{"state": "held"}, {"state": "rejected"}, {"state": "locked"}, {"deleted_at": timezone.now()}],
    ids=lambda change: next(iter(change.values())) if "state" in change else "deleted",
)
def test_it_stops_with_the_image(signed, client, change):
    Image.objects.update(**change)
    assert client.get(signed).status_code == 404


def test_it_stops_with_its_maker(signed, client, alice):
    alice.is_active = False
    alice.save()
    assert client.get(signed).status_code == 404


def test_it_stops_after_an_hour(signed, client, monkeypatch):
    now = time.time()
    monkeypatch.setattr("generations.services.delivery.time.time", lambda: now + 3590)
    assert client.get(signed).status_code == 200
    monkeypatch.setattr("generations.services.delivery.time.time", lambda: now + 3610)
    assert client.get(signed).status_code == 404


def test_nothing_of_it_can_be_changed(signed, client, alice):
    path, _, query = signed.partition("?")
    other = make_image(alice)
    changed = [
        f"/v1/images/{other.pk}?{query}",
        f"{path}?{query.replace('format=png', 'format=webp')}",
        f"{path}?{query}&quality=1",
        f"{path}?{query.replace('expires=1', 'expires=2')}",
    ]
    assert [client.get(url).status_code for url in changed] == [404] * 4


@pytest.mark.parametrize("state", ["shown", "held"])
def test_whoever_has_it_is_told_that_it_is_the_same_while_it_may_be_shown(signed, client, state):
    etag = client.get(signed)["ETag"]
    Image.objects.update(state=state)
    answer = client.get(signed, headers={"If-None-Match": etag})
    assert answer.status_code == (304 if state == "shown" else 404)
    assert answer.content == b"" or state == "held"


def address_of(image: Image, form: delivery.Form) -> str:
    return f"/v1/images/{image.pk}?{delivery.query(image, form)}"


def test_each_form_has_an_etag_of_its_own(alice, client):
    image = make_image(alice)
    forms = [
        delivery.Form(),
        delivery.Form("jpeg"),
        delivery.Form("jpeg", 9),
        delivery.Form("webp"),
    ]
    tags = [client.get(address_of(image, form))["ETag"] for form in forms]
    assert len(set(tags)) == len({form.kind(image) for form in forms}) + 1


def test_images_are_not_made_again_as_often_as_somebody_likes(alice, bob, client, monkeypatch):
    monkeypatch.setattr(delivery, "MOST", 3)
    image, other = make_image(alice), make_image(bob)
    answers = [client.get(address_of(image, delivery.Form("jpeg", level))) for level in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[3]["Retry-After"] == "60"
    assert answers[3].json()["error"]["code"] == "too_many_requests"
    # What costs nothing goes on: the original, what somebody has, and other people's.
    assert client.get(address_of(image, delivery.Form())).status_code == 200
    seen = {"If-None-Match": answers[0]["ETag"]}
    assert client.get(address_of(image, delivery.Form("jpeg", 0)), headers=seen).status_code == 304
    assert client.get(address_of(other, delivery.Form("jpeg", 1))).status_code == 200


# --- queries --------------------------------------------------------------------------------


def test_the_list_of_models_takes_few_queries(alices, django_assert_max_num_queries):
    alices.get("/v1/models")
    with django_assert_max_num_queries(4):
        alices.get("/v1/models")


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/v1/images/generations", SMALL), ("/api/v1/image/generate", {"model": "z-image-turbo"})],
)
def test_to_submit_reads_the_catalogue_once(alices, path, asked):
    alices.send(path, {**asked, "prompt": "warm"})
    with CaptureQueriesContext(connection) as made:
        assert hasattr(alices.send(path, {**asked, "prompt": "x"}), "finish")
    for table in ("venicemodel", "stylepreset", "fieldrule", "generations_policy"):
        assert sum(f"{table}" in query["sql"] for query in made) == 1, table


def test_one_and_ten_images_take_the_same_queries(alices):
    counts = []
    for n in (1, 10):
        response = alices.send("/v1/images/generations", {**SMALL, "prompt": f"{n}", "n": n})
        alices._run_jobs()
        with CaptureQueriesContext(connection) as made:
            assert response.finish(True).status_code == 200
        counts.append(len(made))
    assert counts[0] == counts[1] <= 12
