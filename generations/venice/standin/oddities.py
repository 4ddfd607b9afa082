"""What a picture can be turned into before it is sent: verdicts shown, and damage."""

from __future__ import annotations

import functools
import io

from PIL import Image, ImageFilter

BOMB_SIDE = 9_000


def _encoded(image: Image.Image, format_name: str | None, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format_name or "PNG", **options)
    return out.getvalue()


def black(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture)) as image:
        return _encoded(Image.new("RGB", image.size), image.format)


def blurred(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB").resize((32, 32)).filter(ImageFilter.GaussianBlur(2))
        return _encoded(small.resize(image.size, Image.Resampling.BICUBIC), image.format)


def other_format(picture: bytes) -> bytes:
    with Image.open(io.BytesIO(picture)) as image:
        return _encoded(image.convert("RGB"), "JPEG" if image.format == "PNG" else "PNG")


def animation(picture: bytes) -> bytes:
    """Three frames in WebP, or in PNG (APNG) where PNG was asked for; JPEG cannot."""
    with Image.open(io.BytesIO(picture)) as image:
        size = (min(image.width, 256), min(image.height, 256))
        frames = [image.convert("RGB").resize(size).rotate(90 * turn) for turn in range(3)]
        kind = "PNG" if image.format == "PNG" else "WEBP"
    return _encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=200)


def text(picture: bytes) -> bytes:
    return b"no image, only words\n"


def half(picture: bytes) -> bytes:
    return picture[: len(picture) // 2]


def bomb(picture: bytes) -> bytes:
    return _bomb()


@functools.cache
def _bomb() -> bytes:
    return _encoded(Image.new("1", (BOMB_SIDE, BOMB_SIDE)), "PNG", optimize=False)
