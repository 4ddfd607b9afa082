"""Settings that pictures bring along."""

import hashlib
import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from generations.services import metadata, pixels
from tests.builders import make_generation, make_image, picture, submit

A1111 = (
    "a quay at dawn, <b>mist</b>\nNegative prompt: people, text\n"
    "Steps: 7, Sampler: Euler a, CFG scale: 6.5, Seed: 1234, Size: 512x768, Model: dream_v1"
)


def png(**texts):
    info = PngInfo()
    for name, value in texts.items():
        info.add_text(name, value)
    return picture(8, 8, "PNG", pnginfo=info)


def jpeg(tag, value):
    exif = Image.Exif()
    exif[tag] = value
    return picture(8, 8, "JPEG", exif=exif)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            A1111,
            {
                "prompt": "a quay at dawn, <b>mist</b>",
                "negative_prompt": "people, text",
                "steps": 7,
                "cfg_scale": 6.5,
                "seed": 1234,
                "width": 512,
                "height": 768,
                "model": "dream_v1",
            },
        ),
        (
            json.dumps({"prompt": "a moon", "cfgScale": "7", "seed": -5, "nonsense": [1]}),
            {"prompt": "a moon", "cfg_scale": 7.0, "seed": -5},
        ),
        (
            "a bridge | model z-image-turbo, seed 42, 1024x768",
            {
                "prompt": "a bridge",
                "model": "z-image-turbo",
                "seed": 42,
                "width": 1024,
                "height": 768,
            },
        ),
        ("only words", {"prompt": "only words"}),
        ("", {}),
        ("[1, 2]", {"prompt": "[1, 2]"}),
        (json.dumps({"seed": 5}), {"prompt": json.dumps({"seed": 5})}),
        ("nul\0byte", {"prompt": "nulbyte"}),
        ("[" * 100_000, {"prompt": "[" * metadata.MOST_TEXT}),
    ],
)
def test_texts_of_many_tools(text, found):
    assert metadata.settings_in([text]) == found


@pytest.mark.parametrize(
    "data",
    [
        png(parameters="a tower"),
        png(Description="a tower"),
        jpeg(0x010E, "a tower"),
        jpeg(0x9286, b"ASCII\0\0\0a tower"),
        jpeg(0x9286, b"UNICODE\0" + "a tower".encode("utf-16-be")),
    ],
)
def test_texts_are_found_where_tools_write_them(data):
    assert metadata.settings_in(pixels.texts(data)) == {"prompt": "a tower"}


@pytest.mark.parametrize("data", [b"", b"text", picture(8, 8, "PNG")[:30]])
def test_what_is_no_picture_says_nothing(data):
    with pytest.raises(pixels.UnusablePicture):
        pixels.texts(data)


# --- dropped on the composer ------------------------------------------------------------------


def drop(client, data):
    file = SimpleUploadedFile("x.png", data, "image/png")
    return client.post(reverse("composer-file"), {"file": file})


@pytest.mark.django_db
def test_one_of_ours_brings_all_its_settings(stocked, alice, bob, sign_in, run_jobs):
    submit(alice, "A quay", seed=77, format="png")
    run_jobs()
    from generations.models import Image as Row
    from generations.services import image as images

    row = Row.objects.get()
    response = drop(sign_in(bob), images.read_file(row, "original"))
    assert response["Location"] == f"/?image={row.pk}&use=all"


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"state": "held"}, {"visibility": "private"}])
def test_one_that_is_not_mine_to_see_is_not_known(stocked, alice, bob, sign_in, fields):
    data = picture(8, 8, "PNG")
    digest = hashlib.sha256(data).hexdigest()
    made = make_generation(alice, prompt="A hidden prompt")
    make_image(alice, generation=made, sha256=digest, **fields)
    response = sign_in(bob).post(
        reverse("composer-file"), {"file": SimpleUploadedFile("x.png", data)}, follow=True
    )
    text = response.content.decode()
    assert "There are no settings in this file" in text
    assert "A hidden prompt" not in text


@pytest.mark.django_db
def test_another_tools_picture_fills_the_form_with_what_fits(stocked, alice, sign_in):
    page = drop(sign_in(alice), png(parameters=A1111)).content.decode()
    assert "a quay at dawn, &lt;b&gt;mist&lt;/b&gt;" in page
    assert 'value="1234"' in page
    assert "dream_v1, which is not offered" in page


@pytest.mark.django_db
@pytest.mark.parametrize("data", [b"nothing", b"\x89PNG\r\n\x1a\n", b""])
def test_a_file_without_settings_says_so(stocked, alice, sign_in, data):
    client = sign_in(alice)
    response = client.post(
        reverse("composer-file"), {"file": io.BytesIO(data)} if data else {}, follow=True
    )
    assert "There are no settings in this file" in response.content.decode()
