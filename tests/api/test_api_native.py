"""POST /api/v1/image/generate, as Venice's own clients send it."""

import base64
import gzip
import io
import json
from urllib.parse import unquote

import pytest
from PIL import Image as Pixels

from generations.models import Generation, Image

pytestmark = pytest.mark.django_db
URL = "/api/v1/image/generate"
TINY = {"model": "z-image-turbo", "prompt": "A stone bridge", "width": 64, "height": 64}


def opened(data: bytes) -> Pixels.Image:
    return Pixels.open(io.BytesIO(data))


def pictures(response) -> list[Pixels.Image]:
    assert response.status_code == 200, response.content
    return [opened(base64.b64decode(text)) for text in response.json()["images"]]


def test_an_image_comes_as_base64_with_request_and_timing(alices, alice):
    response = alices.post(URL, TINY)
    (made,) = pictures(response)
    assert (made.format, made.size) == ("WEBP", (64, 64))
    body = response.json()
    assert set(body) == {"id", "images", "request", "timing"}
    assert body["id"].startswith("generate-image-")
    assert body["request"] == TINY
    figures = ("inferenceDuration", "inferencePreprocessingTime", "inferenceQueueTime", "total")
    assert set(body["timing"]) == set(figures)
    assert all(type(body["timing"][name]) is int for name in figures)
    assert body["timing"]["total"] >= body["timing"]["inferenceQueueTime"]
    job = Generation.objects.get()
    assert (job.user, job.images.get().visibility) == (alice, "team")
    assert response["X-Generation-Id"] == str(job.pk)
    assert response["x-venice-model-id"] == "z-image-turbo"
    assert response["x-venice-is-blurred"] == "false"
    assert response["x-venice-is-content-violation"] == "false"
    assert response["X-Price-USD"] == "0.01"


def test_every_parameter_arrives(alices):
    """All that the reference of the endpoint lists, at once."""
    asked = {
        "model": "hidream",
        "prompt": "The sun goes down behind a ridge",
        "negative_prompt": "fog, people",
        "cfg_scale": 7.5,
        "embed_exif_metadata": False,
        "format": "png",
        "width": 128,
        "height": 64,
        "hide_watermark": True,
        "inpaint": {"anything": ["at", "all"]},
        "lora_strength": 50,
        "return_binary": False,
        "variants": 3,
        "safe_mode": False,
        "seed": 123456789,
        "steps": 20,
        "style_preset": "3D Model",
    }
    found = pictures(alices.post(URL, asked))
    assert [(one.format, one.size) for one in found] == [("PNG", (128, 64))] * 3
    job = Generation.objects.get()
    sent = {**job.parameters, "prompt": job.prompt, "negative_prompt": job.negative_prompt}
    sent |= {"model": job.model, "seed": job.seed, "variants": job.variants}
    ours = {
        name: value for name, value in asked.items() if name not in ("inpaint", "return_binary")
    }
    assert sent == ours
    assert sorted(row.seed for row in job.images.all()) == [123456789, 123456790, 123456791]


@pytest.mark.parametrize(
    "asked",
    [
        {"model": "venice-sd35", "negative_prompt": "grain, letters", "format": "webp"},
        {"model": "venice-sd35", "width": 1024, "height": 1024, "format": "webp"},
        {"model": "qwen-image-2", "aspect_ratio": "16:9", "format": "webp"},
        {"model": "gpt-image-2", "aspect_ratio": "16:9", "resolution": "4K", "format": "png"},
        {"model": "nano-banana-pro", "aspect_ratio": "16:9", "resolution": "2K"},
        {"model": "nano-banana-2", "aspect_ratio": "16:9", "resolution": "2K"},
        {"model": "qwen-image-2", "style_preset": "Cinematic"},
    ],
    ids=lambda asked: "-".join(str(value) for value in asked.values()),
)
def test_each_way_of_sizing(alices, stocked, asked):
    response = alices.send(URL, {"prompt": "A boat under a bridge at night", **asked})
    assert hasattr(response, "finish"), response.content
    job = Generation.objects.get()
    assert job.model == asked["model"]
    for name in ("aspect_ratio", "resolution", "style_preset"):
        assert job.parameters.get(name) == asked.get(name)
    assert job.parameters["format"] == asked.get("format", "webp")
    is_in_pixels = asked["model"] == "venice-sd35"
    assert (job.parameters.get("width"), job.parameters.get("height")) == (
        (1024, 1024) if is_in_pixels else (None, None)
    )
    assert job.parameters["safe_mode"] is True


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp"])
def test_the_image_itself_in_place_of_json(alices, kind):
    response = alices.post(URL, {**TINY, "format": kind, "return_binary": True})
    assert (response.status_code, response["Content-Type"]) == (200, f"image/{kind}")
    assert opened(response.content).format == kind.upper()
    assert response["x-venice-is-blurred"] == "false"
    assert response["X-Generation-Id"] == str(Generation.objects.get().pk)


def test_one_image_alone_comes_as_itself(alices):
    response = alices.post(URL, {**TINY, "return_binary": True, "variants": 2})
    assert response.status_code == 400
    assert "variants" in response.json()["details"]
    assert not Generation.objects.exists()


def test_the_json_is_packed_for_whoever_takes_that(alices):
    response = alices.post(URL, TINY, Accept_Encoding="br, gzip")
    assert response["Content-Encoding"] == "gzip"
    body = json.loads(gzip.decompress(response.content))
    assert opened(base64.b64decode(body["images"][0])).size == (64, 64)


# --- what is wrong --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"model": None}, 400, "model"),
        ({"prompt": ""}, 400, "prompt"),
        ({"prompt": "   "}, 400, "prompt"),
        ({"prompt": "x" * 8000}, 400, "prompt"),
        ({"steps": 51}, 400, "steps"),
        ({"steps": 9}, 400, "steps"),  # this model takes eight
        ({"cfg_scale": 0}, 400, "cfg_scale"),
        ({"cfg_scale": "7"}, 400, "cfg_scale"),
        ({"seed": 1_000_000_000}, 400, "seed"),
        ({"variants": 5}, 400, "variants"),
        ({"width": 1281}, 400, "width"),
        ({"width": 63}, 400, "width"),
        ({"format": "gif"}, 400, "format"),
        ({"lora_strength": 101}, 400, "lora_strength"),
        ({"style_preset": "No such style"}, 400, "style_preset"),
        ({"aspect_ratio": "16:9"}, 400, "aspect_ratio"),  # sized by pixels
        ({"safe_mode": "yes"}, 400, "safe_mode"),
        ({"colour": "blue"}, 400, "colour"),
        ({"model": "no-such-model"}, 404, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_error_has_venices_shape(alices, change, status, field):
    asked = {name: value for name, value in {**TINY, **change}.items() if value is not None}
    response = alices.post(URL, asked)
    body = response.json()
    assert response.status_code == status, body
    assert type(body["error"]) is str
    assert body["error"]
    if field:
        assert body["details"]["_errors"] == []
        assert [type(text) for text in body["details"][field]["_errors"]] == [str]
    assert not Generation.objects.exists()


def test_without_a_token_or_json(alices, program, stocked):
    nobody = program(None)
    response = nobody.post(URL, TINY)
    assert (response.status_code, set(response.json())) == (401, {"error", "code"})
    response = alices.send(URL, "prompt=x", Content_Type="text/plain")
    assert (response.status_code, type(response.json()["error"])) == (415, str)


@pytest.mark.parametrize(
    ("prompt", "status", "code"),
    [
        ("A bridge [[402]]", 402, "no_credit"),
        ("A bridge [[422]]", 422, "content_policy_violation"),
        ("A bridge [[404]]", 404, "model_not_found"),
        ("A bridge [[401-pro]]", 403, "pro_only"),
        ("A bridge [[500]]", 502, "outcome_unknown"),
    ],
)
def test_what_venice_refuses_is_told_as_venice_tells_it(alices, prompt, status, code):
    response = alices.post(URL, {**TINY, "prompt": prompt})
    assert (response.status_code, response.json()["code"]) == (status, code), response.content
    assert type(response.json()["error"]) is str
    assert response["x-should-retry"] == "false"


def test_what_venice_would_make_instead_is_told(alices):
    response = alices.post(URL, {**TINY, "prompt": "A bridge [[422]]"})
    assert response.status_code == 422
    assert response.json()["suggested_prompt"] == "A quiet harbour at dawn, no people"
    assert "Venice suggests" in response.json()["error"]


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_held_image_is_an_error_with_the_verdict_and_never_the_picture(alices, is_binary):
    asked = {**TINY, "prompt": "A bridge [[blurred]]", "return_binary": is_binary}
    response = alices.post(URL, asked)
    assert response.status_code == 400
    assert response.json()["code"] == "content_policy_violation"
    assert response["x-venice-is-blurred"] == "true"
    assert Image.objects.get().state == Image.State.HELD


def test_a_violation_without_a_picture(alices):
    response = alices.post(URL, {**TINY, "prompt": "A bridge [[violation]]"})
    assert response.status_code == 400
    assert response.json()["code"] == "content_policy_violation"
    assert response["x-venice-is-content-violation"] == "true"


def test_fewer_images_than_asked_for_are_counted(alices):
    asked = {**TINY, "prompt": "A bridge [[fewer]]", "variants": 4}
    response = alices.post(URL, asked)
    found = pictures(response)
    assert 1 <= len(found) < 4
    assert response.json()["content_policy_violation_count"] == 4 - len(found)


def test_an_enhanced_prompt_and_an_end_are_told_in_headers(alices):
    asked = {**TINY, "enhance_prompt": True, "confirm_price": True, "model": "venice-sd35"}
    response = alices.post(URL, asked)
    assert response.status_code == 200, response.content
    assert "A stone bridge" in unquote(response["x-venice-enhanced-prompt"])
    assert response["x-venice-deprecated-replacement"] == "z-image-turbo"
    assert response["x-venice-model-deprecation-date"].endswith("T00:00:00.000Z")


# --- as at the other endpoint ----------------------------------------------------------------


def test_the_same_key_makes_one(alices):
    first = alices.post(URL, TINY, Idempotency_Key="k1")
    again = alices.post(URL, TINY, Idempotency_Key="k1")
    other = alices.post(URL, {**TINY, "seed": 3}, Idempotency_Key="k1")
    assert first.json()["images"] == again.json()["images"]
    assert other.status_code == 409
    assert Generation.objects.count() == 1


def test_whoever_does_not_wait_is_told_where_to_look(alices):
    response = alices.send(URL, TINY, Prefer="respond-async")
    job = Generation.objects.get()
    assert (response.status_code, response["Location"]) == (202, f"/v1/generations/{job.pk}")
    assert response.json()["state"] == "queued"


def test_a_wait_that_is_over_first(alices):
    alices.is_patient = False
    response = alices.post(URL, TINY)
    assert (response.status_code, response.json()["code"]) == (504, "still_running")
    assert response["Location"] == f"/v1/generations/{Generation.objects.get().pk}"


def test_images_may_be_for_their_maker_alone(alices):
    pictures(alices.post(URL, {**TINY, "visibility": "private"}))
    assert Image.objects.get().visibility == "private"


# --- the catalogue -----------------------------------------------------------------------------


def test_styles_in_both_shapes(alices):
    """The guide shows the names alone, the service sends them in a list of its own shape."""
    names = alices.get("/api/v1/image/styles").json()
    assert "Cinematic" in names
    assert alices.get("/api/v1/image/styles?shape=array").json() == names
    listed = alices.get("/api/v1/image/styles?shape=list").json()
    assert listed == {"object": "list", "data": names}
    assert alices.get("/api/v1/image/styles?shape=tree").status_code == 400


def test_models_with_constraints_prices_and_traits(alices):
    body = alices.get("/api/v1/models?type=image").json()
    assert (body["object"], body["type"]) == ("list", "image")
    by_id = {model["id"]: model for model in body["data"]}
    turbo = by_id["z-image-turbo"]
    assert turbo["created"] == alices.get("/v1/models/z-image-turbo").json()["created"] > 10**9
    assert (turbo["object"], turbo["type"], turbo["owned_by"]) == ("model", "image", "venice.ai")
    spec = turbo["model_spec"]
    assert spec["pricing"]["generation"]["usd"] == 0.01
    assert spec["constraints"]["widthHeightDivisor"] == 8
    assert "default" in spec["traits"]
    assert "bria-bg-remover" not in by_id
    assert alices.get("/api/v1/models").json()["data"] == body["data"]
    assert alices.get("/api/v1/models?type=text").json() == {
        "object": "list",
        "type": "text",
        "data": [],
    }
    assert alices.get("/api/v1/models?type=tree").status_code == 400


def test_traits_and_names_of_other_services(alices, stocked):
    from generations.models import ModelAlias

    ModelAlias.objects.create(name="dall-e-3", model_id="hidream")
    traits = alices.get("/api/v1/models/traits?type=image").json()
    assert traits["data"]["default"] == "z-image-turbo"
    names = alices.get("/api/v1/models/compatibility_mapping?type=image").json()
    assert names["data"] == {"dall-e-3": "hidream"}
    assert alices.get("/api/v1/models/compatibility_mapping?type=text").json()["data"] == {}


@pytest.mark.parametrize("path", ["image/styles", "models", "models/traits"])
def test_the_catalogue_is_for_tokens(program, stocked, path):
    response = program(None).get(f"/api/v1/{path}")
    assert (response.status_code, type(response.json()["error"])) == (401, str)
