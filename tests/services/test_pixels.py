"""Bytes from outside: what is kept, what is refused, and what the copies hold."""

import io
import struct
import zlib

import pytest
from PIL import Image

from generations.services import pixels
from generations.venice.standin.painter import Picture as Painting
from generations.venice.standin.painter import paint
from tests.builders import picture

SECRET = b"a prompt that must not travel"


def opened(data):
    return Image.open(io.BytesIO(data))


def examined(data, expected):
    return pixels.examine(data, expected)[0]


def copied(data, expected):
    return pixels.copies(pixels.examine(data, expected)[1])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_each_format_is_kept_and_copied(kind):
    data = picture(2048, 1024, kind)
    found, made = examined(data, kind.lower()), copied(data, kind.lower())
    assert (found.format, found.width, found.height) == (kind.lower(), 2048, 1024)
    for data, size in ((made.w512, (512, 256)), (made.w1024, (1024, 512))):
        copy = opened(data)
        assert (copy.format, copy.size) == ("WEBP", size)


def test_a_small_picture_is_not_blown_up():
    found = copied(picture(300, 200), "webp")
    assert opened(found.w512).size == opened(found.w1024).size == (300, 200)


def test_a_narrow_picture_stays_at_least_one_pixel_high():
    found = copied(picture(4000, 1), "webp")
    assert opened(found.w512).size == (512, 1)


def test_copies_carry_no_metadata():
    exif = Image.Exif()
    exif[0x9286] = SECRET
    data = picture(600, 600, "JPEG", exif=exif, icc_profile=b"x" * 200)
    assert SECRET in data
    found = copied(data, "jpeg")
    for copy in (found.w512, found.w1024):
        assert SECRET not in copy
        assert not {"exif", "icc_profile", "xmp"} & set(opened(copy).info)


def test_a_copy_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = examined(picture(64, 32, "JPEG", exif=exif), "jpeg")
    assert (found.width, found.height) == (32, 64)


def test_transparency_survives():
    buffer = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(buffer, "PNG")
    assert opened(copied(buffer.getvalue(), "png").w512).mode == "RGBA"


@pytest.mark.parametrize("mode", ["L", "P", "1", "I;16", "LA"])
def test_odd_modes_are_pictures_too(mode):
    buffer = io.BytesIO()
    Image.new(mode, (64, 64)).save(buffer, "PNG")
    assert examined(buffer.getvalue(), "png").width == 64


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


# --- empty pictures and near-identical ones ---------------------------------------------------

SCENES = ("a bridge at night", "dunes in fog", "moon over the lagoon", "forest, morning light")


def painted(prompt, *, seed=1, side=512):
    order = Painting(prompt=prompt, model="m", width=side, height=side, seed=seed, format="png")
    return Image.open(io.BytesIO(paint(order))).convert("RGB")


def saved(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return examined(buffer.getvalue(), format.lower())


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 90, 120)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_one_colour_is_no_picture(colour, kind):
    found = saved(Image.new("RGB", (600, 400), colour), kind)
    assert found.is_blank
    assert found.dhash is None


def test_what_is_nearly_one_colour_or_all_transparent_is_none_either():
    noise = Image.effect_noise((512, 512), 2).point(lambda value: value // 40)
    assert saved(noise.convert("RGB")).is_blank
    clear = Image.merge("RGBA", (*painted(SCENES[0]).split(), Image.new("L", (512, 512), 0)))
    assert saved(clear).is_blank


@pytest.mark.parametrize("prompt", SCENES)
def test_a_dark_night_is_a_picture(prompt):
    image = painted(prompt)
    assert not saved(image).is_blank
    assert not saved(image.point(lambda value: value // 12)).is_blank


def test_a_few_stars_are_a_picture():
    night = Image.new("RGB", (1024, 1024), (2, 2, 6))
    for at in ((100, 200), (700, 90), (820, 640)):
        night.paste((250, 250, 240), (*at, at[0] + 4, at[1] + 4))
    assert not saved(night).is_blank


def distance(one, other):
    return (one.dhash ^ other.dhash).bit_count()


@pytest.mark.parametrize("prompt", SCENES)
@pytest.mark.parametrize(
    "change",
    [
        lambda image: saved(image.resize((300, 300)), "JPEG", quality=60),
        lambda image: saved(image, "WEBP", quality=40),
        lambda image: saved(image.crop((5, 5, 507, 507))),
        lambda image: saved(image.resize((768, 768)).point(lambda value: min(255, value * 1.1))),
    ],
)
def test_the_same_picture_saved_otherwise_is_near(prompt, change):
    image = painted(prompt)
    assert distance(saved(image), change(image)) <= 4


def test_other_pictures_are_far():
    every = [saved(painted(prompt, seed=seed)) for prompt in SCENES for seed in (1, 2)]
    apart = [
        distance(one, other)
        for place, one in enumerate(every)
        for other in every[place // 2 * 2 + 2 :]
    ]
    assert min(apart) > 4


def test_a_hash_fits_a_signed_column_of_64_bits():
    assert 0 <= saved(painted(SCENES[0])).dhash < 2**60


def test_a_veil_shows_nothing_but_colours():
    buffer = io.BytesIO()
    painted(SCENES[0]).save(buffer, "WEBP")
    veil = opened(pixels.veiled(buffer.getvalue()))
    assert max(veil.size) <= 60
    assert len(pixels.veiled(buffer.getvalue())) < 1500
