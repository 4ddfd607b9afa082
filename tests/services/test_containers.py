"""Picture files without what is written into them."""

import io

import pytest
from PIL import Image as Pixels
from PIL import PngImagePlugin

from generations.services import containers, pixels

SECRET = "A SECRET PROMPT"


def noise(mode="RGB"):
    return Pixels.effect_noise((120, 90), 80).convert(mode)


def written(format, mode="RGB", **save):
    buffer = io.BytesIO()
    noise(mode).save(buffer, format, **save)
    return buffer.getvalue()


def exif(**tags):
    found = Pixels.Exif()
    found[0x010E] = SECRET
    for tag, value in tags.items():
        found[int(tag[1:], 16)] = value
    return found.tobytes()


def texts():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", SECRET)
    info.add_text("prompt", SECRET, zip=True)
    info.add_itxt("XML:com.adobe.xmp", SECRET)
    return info


PICTURES = {
    "png": lambda: written("PNG", pnginfo=texts(), exif=exif()) + SECRET.encode(),
    "png with alpha": lambda: written("PNG", "RGBA", pnginfo=texts()),
    "png with palette": lambda: written("PNG", "P", pnginfo=texts()),
    "jpeg": lambda: written("JPEG", exif=exif(), comment=SECRET, xmp=SECRET.encode()),
    "jpeg and more": lambda: written("JPEG", exif=exif()) + SECRET.encode(),
    "progressive": lambda: written("JPEG", progressive=True, exif=exif(), restart_marker_rows=1),
    "cmyk": lambda: written("JPEG", "CMYK", exif=exif()),
    "grey": lambda: written("JPEG", "L", comment=SECRET),
    "webp": lambda: written("WEBP", exif=exif(), xmp=SECRET.encode()) + SECRET.encode(),
    "lossless": lambda: written("WEBP", "RGBA", lossless=True, exif=exif()),
    "plain webp": lambda: written("WEBP"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_words_go_and_pixels_stay(name):
    data = PICTURES[name]()
    bare = pixels.stripped(data)
    before, after = Pixels.open(io.BytesIO(data)), Pixels.open(io.BytesIO(bare))
    assert after.format == before.format
    assert after.convert("RGBA").tobytes() == before.convert("RGBA").tobytes()
    assert SECRET.encode() not in bare
    assert not dict(after.getexif())
    assert not {"exif", "xmp", "comment", "parameters", "XML:com.adobe.xmp"} & set(after.info)
    assert pixels.texts(bare) == []


def test_a_colour_profile_stays():
    profile = b"a profile" * 20
    for format in ("PNG", "JPEG", "WEBP"):
        bare = pixels.stripped(written(format, icc_profile=profile, exif=exif()))
        assert Pixels.open(io.BytesIO(bare)).info["icc_profile"] == profile


def test_what_lies_on_its_side_is_set_upright():
    bare = pixels.stripped(written("JPEG", exif=exif(x0112=6)))
    after = Pixels.open(io.BytesIO(bare))
    assert after.size == (90, 120)
    assert not dict(after.getexif())
    assert SECRET.encode() not in bare


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_damaged_files_end_in_an_error_and_never_in_a_loop(kind):
    data = written(kind.upper(), exif=exif())
    for end in range(0, len(data) - 1, max(1, len(data) // 60)):
        try:
            bare = containers.stripped(data[:end], kind)
        except ValueError:
            continue
        # Only of what was left out anyway something was missing.
        Pixels.open(io.BytesIO(bare)).load()


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(pixels.UnusablePicture):
        pixels.stripped(data)


def test_a_container_that_cannot_be_read_is_written_anew(monkeypatch):
    def refuse(data, kind):
        raise ValueError

    monkeypatch.setattr(containers, "stripped", refuse)
    for format in ("PNG", "JPEG", "WEBP"):
        bare = pixels.stripped(written(format, exif=exif()))
        assert SECRET.encode() not in bare
        assert Pixels.open(io.BytesIO(bare)).size == (120, 90)
