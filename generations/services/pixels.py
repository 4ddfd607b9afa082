"""The door to Pillow: is this a picture, and what are its smaller copies.

Bytes from outside are hostile, so this runs in processes of its own (see image.py) and imports
nothing of ours that needs Django.
"""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 50_000_000
WIDTHS = (512, 1024)
# Measured on 1024 x 1024 paintings, 2026-11: method 1 costs half of method 4's time for 6 % more
# bytes; derivatives are 85 % of a job's CPU.
WEBP = {"format": "WEBP", "quality": 80, "method": 1}
FORMATS = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp"}

# We compare sizes ourselves, before a pixel is decoded; Pillow's own limit only warns.
Image.MAX_IMAGE_PIXELS = None


class UnusablePicture(Exception):
    """Not a picture that we keep. `code` is one of the keys of REASONS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


REASONS = {
    "not_an_image": "What came is no image.",
    "format": "What came is not in the format that was asked for.",
    "animated": "What came is an animation.",
    "too_large": "What came is larger than 50 megapixels or 64 MB.",
    "truncated": "The image is damaged or incomplete.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What was found: lower-case format, size in pixels as it is looked at, WebP copies."""

    format: str
    width: int
    height: int
    w512: bytes
    w1024: bytes


def examine(data: bytes, expected_format: str) -> Picture:
    """Decode once, completely, and make the copies. Raises UnusablePicture."""
    if len(data) > MAX_BYTES:
        raise UnusablePicture("too_large")
    with _opened(data) as picture:
        kind = FORMATS[str(picture.format)]
        if kind != expected_format:
            raise UnusablePicture("format")
        _refuse_bombs(picture)
        upright = _decoded(picture)
    w1024 = _shrunk(upright, 1024)
    return Picture(
        format=kind,
        width=upright.width,
        height=upright.height,
        w512=_webp(_shrunk(w1024, 512)),
        w1024=_webp(w1024),
    )


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(data), formats=tuple(FORMATS))
    except UnidentifiedImageError:
        raise UnusablePicture("not_an_image") from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise UnusablePicture("truncated") from None


def _refuse_bombs(picture: Image.Image) -> None:
    if picture.width * picture.height > MAX_PIXELS:
        raise UnusablePicture("too_large")
    if getattr(picture, "is_animated", False):
        raise UnusablePicture("animated")


def _decoded(picture: Image.Image) -> Image.Image:
    try:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        has_alpha = "A" in upright.getbands() or "transparency" in upright.info
        return upright.convert("RGBA" if has_alpha else "RGB")
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError):
        raise UnusablePicture("truncated") from None


def _shrunk(picture: Image.Image, width: int) -> Image.Image:
    if picture.width <= width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    # A gap of 1 averages whole pixels as far as that goes and filters the rest: half a size costs
    # 0.9 instead of 13 ms, and looks the same (SSIM 0.993 against LANCZOS alone; 2026-11).
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=1.0)


def _webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # Pillow copies EXIF and colour profile from `info`; the copies carry pixels only.
    bare = picture.copy()
    bare.info = {}
    bare.save(buffer, **WEBP)  # type: ignore[arg-type]
    return buffer.getvalue()
