"""Each kind of request that the documents show, with only address and token changed: it is answered
as they say, and its image is in the gallery."""

import base64
import io

import pytest
from PIL import Image as Pixels

from generations.models import Generation, ModelAlias

pytestmark = pytest.mark.django_db
OURS, VENICES = "/v1/images/generations", "/api/v1/images/generations"
NATIVE = "/api/v1/image/generate"
# Every field of OpenAI's dialect as Venice lists it, each with a word that changes nothing.
WHOLE = {
    "background": "auto",
    "moderation": "auto",
    "n": 1,
    "output_compression": 100,
    "output_format": "png",
    "quality": "auto",
    "response_format": "b64_json",
    "size": "1024x1024",
    "style": "natural",
    "user": "somebody",
}
# Every field of Venice's own endpoint.
FULL = {
    "cfg_scale": 7.5,
    "embed_exif_metadata": False,
    "format": "webp",
    "height": 1024,
    "hide_watermark": False,
    "inpaint": None,
    "lora_strength": 50,
    "negative_prompt": "rain, crowds",
    "return_binary": False,
    "safe_mode": False,
    "seed": 123456789,
    "steps": 20,
    "style_preset": "3D Model",
    "variants": 3,
    "width": 1024,
}


@pytest.fixture
def in_the_gallery(alice, sign_in):
    def check(response) -> None:
        job = Generation.objects.get(pk=response["X-Generation-Id"])
        page = sign_in(alice).get("/gallery/").content.decode()
        assert job.images.count() == job.variants
        assert all(str(image.pk) in page for image in job.images.all())

    return check


def seen(data: str | bytes) -> tuple[str, tuple[int, int]]:
    raw = base64.b64decode(data) if isinstance(data, str) else data
    with Pixels.open(io.BytesIO(raw)) as picture:
        return picture.format, picture.size


@pytest.mark.parametrize("path", [OURS, VENICES, "/api/v1/image/generations"])
@pytest.mark.parametrize("model", ["hidream", "grok-imagine-image"])
def test_all_of_openais_fields(alices, in_the_gallery, path, model):
    response = alices.post(path, {**WHOLE, "model": model, "prompt": "The sun over some hills"})
    assert response.status_code == 200, response.content
    body = response.json()
    assert set(body) == {"created", "data"}
    assert [set(item) for item in body["data"]] == [{"b64_json"}]
    assert seen(body["data"][0]["b64_json"]) == ("PNG", (1024, 1024))
    in_the_gallery(response)


@pytest.mark.parametrize("n", [1, 2])
def test_a_name_of_openais_that_an_admin_has_mapped(alices, client, in_the_gallery, n):
    """The SDK prints the address that it finds in the first item."""
    ModelAlias.objects.create(name="dall-e-3", model_id="z-image-turbo")
    asked = {"model": "dall-e-3", "prompt": "A kitten among the stars", "size": "1024x1024", "n": n}
    response = alices.post(OURS, {**asked, "quality": "standard"})
    assert response.status_code == 200, response.content
    assert response["X-Model"] == "z-image-turbo"
    for item in response.json()["data"]:
        answer = client.get(item["url"].partition("//testserver")[2])
        assert seen(answer.content) == ("PNG", (1024, 1024))
    in_the_gallery(response)


def test_a_size_and_base64_at_venices_address(alices, in_the_gallery):
    asked = {"model": "qwen-image-2", "prompt": "A desk seen from above, isometric"}
    response = alices.post(VENICES, {**asked, "size": "1024x1024", "response_format": "b64_json"})
    assert seen(response.json()["data"][0]["b64_json"])[1] == (1024, 1024)
    in_the_gallery(response)


@pytest.mark.parametrize(
    ("asked", "kind", "size"),
    [
        ({"model": "hidream", **FULL}, "WEBP", (1024, 1024)),
        ({"model": "venice-sd35", "width": 1024, "height": 1024}, "WEBP", (1024, 1024)),
        ({"model": "qwen-image-2", "aspect_ratio": "16:9", "format": "webp"}, "WEBP", 16 / 9),
        (
            {"model": "gpt-image-2", "aspect_ratio": "16:9", "resolution": "1K", "format": "png"},
            "PNG",
            16 / 9,
        ),
        (
            {"model": "nano-banana-pro", "aspect_ratio": "16:9", "resolution": "1K"},
            "WEBP",
            16 / 9,
        ),
        ({"model": "qwen-image-2", "style_preset": "Cinematic"}, "WEBP", 1.0),
        ({"model": "qwen-image-2", "enable_web_search": False}, "WEBP", 1.0),
        ({"model": "nano-banana-2", "enable_web_search": True}, "WEBP", 1.0),
    ],
    ids=lambda value: str(value)[:40],
)
def test_venices_own_endpoint(alices, in_the_gallery, asked, kind, size):
    response = alices.post(NATIVE, {"prompt": "A narrow canal in the evening", **asked})
    assert response.status_code == 200, response.content
    body = response.json()
    assert body["id"].startswith("generate-image-")
    assert len(body["images"]) == asked.get("variants", 1)
    for text in body["images"]:
        made, found = seen(text)
        assert made == kind
        if isinstance(size, tuple):
            assert found == size
        else:
            assert found[0] / found[1] == pytest.approx(size, rel=0.02)
    in_the_gallery(response)


def test_the_file_itself(alices, in_the_gallery):
    asked = {"model": "qwen-image-2", "prompt": "A poster of a bridge", "format": "png"}
    response = alices.post(NATIVE, {**asked, "return_binary": True})
    assert response["Content-Type"] == "image/png"
    assert seen(response.content)[0] == "PNG"
    in_the_gallery(response)


def test_a_whole_number_may_be_written_with_a_point(alices):
    body = b'{"model":"z-image-turbo","prompt":"x","width":64.0,"height":64,"seed":7.0,"steps":4e0}'
    assert alices.post(NATIVE, body).status_code == 200
    assert Generation.objects.get().seed == 7
    for number in (b"7.5", b"1e999"):
        wrong = body.replace(b"7.0", number)
        assert alices.post(NATIVE, wrong).status_code == 400


def test_seeds_behind_the_last_one_begin_again(alices):
    response = alices.generate(n=6, seed=999_999_999, response_format="url")
    assert response.status_code == 200, response.content
    found = set(Generation.objects.values_list("seed", flat=True))
    assert found == {999_999_999, -999_999_996}
