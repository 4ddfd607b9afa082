"""Bytes from outside: what is kept, what is refused, and what the copies hold."""

import io
import struct
import zlib

import pytest
from PIL import Image

from generations.services import pixels
from tests.builders import picture

SECRET = b"a prompt that must not travel"


def opened(data):
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_each_format_is_kept_and_copied(kind):
    found = pixels.examine(picture(2048, 1024, kind), kind.lower())
    assert (found.format, found.width, found.height) == (kind.lower(), 2048, 1024)
    for data, size in ((found.w512, (512, 256)), (found.w1024, (1024, 512))):
        copy = opened(data)
        assert (copy.format, copy.size) == ("WEBP", size)


def test_a_small_picture_is_not_blown_up():
    found = pixels.examine(picture(300, 200), "webp")
    assert opened(found.w512).size == opened(found.w1024).size == (300, 200)


def test_a_narrow_picture_stays_at_least_one_pixel_high():
    found = pixels.examine(picture(4000, 1), "webp")
    assert opened(found.w512).size == (512, 1)


def test_copies_carry_no_metadata():
    exif = Image.Exif()
    exif[0x9286] = SECRET
    data = picture(600, 600, "JPEG", exif=exif, icc_profile=b"x" * 200)
    assert SECRET in data
    found = pixels.examine(data, "jpeg")
    for copy in (found.w512, found.w1024):
        assert SECRET not in copy
        assert not {"exif", "icc_profile", "xmp"} & set(opened(copy).info)


def test_a_copy_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = pixels.examine(picture(64, 32, "JPEG", exif=exif), "jpeg")
    assert (found.width, found.height) == (32, 64)


def test_transparency_survives():
    buffer = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(buffer, "PNG")
    assert opened(pixels.examine(buffer.getvalue(), "png").w512).mode == "RGBA"


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16", "LA"])
def test_odd_modes_are_pictures_too(mode):
    buffer = io.BytesIO()
    Image.new(mode, (64, 64)).save(buffer, "PNG")
    assert pixels.examine(buffer.getvalue(), "png").width == 64


def refused(data, expected="png"):
    with pytest.raises(pixels.UnusablePicture) as reason:
        pixels.examine(data, expected)
    assert reason.value.code in pixels.REASONS
    return reason.value.code


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_truncated(kind, share):
    noise = Image.effect_noise((256, 256), 60).convert("RGB")
    buffer = io.BytesIO()
    noise.save(buffer, kind)
    data = buffer.getvalue()
    assert refused(data[: int(len(data) * share)], kind.lower()) in ("truncated", "not_an_image")


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP"]
)
def test_no_image(data):
    assert refused(data) in ("not_an_image", "truncated")


def test_formats_we_do_not_take():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "GIF")
    assert refused(buffer.getvalue()) == "not_an_image"


def test_mislabelled():
    assert refused(picture(8, 8, "JPEG"), "png") == "format"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_animated(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], duration=50)
    assert refused(buffer.getvalue(), kind.lower()) == "animated"


def test_a_bomb_is_refused_before_it_is_decoded():
    def chunk(name, data):
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    assert refused(bomb + chunk(b"IEND", b"")) == "too_large"


def test_too_many_bytes(monkeypatch):
    monkeypatch.setattr(pixels, "MAX_BYTES", 10)
    assert refused(picture(8, 8, "PNG")) == "too_large"
