"""The door to Pillow: is this a picture, and what are its smaller copies.

Bytes from outside are hostile, so this runs in processes of its own (see decoders.py) and imports
nothing of ours that needs Django.
"""

import io
from dataclasses import dataclass

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 50_000_000
WIDTHS = (512, 1024)
# WebP's own limit; the copy of a taller picture is narrower than asked for.
WEBP_SIDE = 16_383
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
    "not_kept": "The image arrived, but this server could not store it. Tell an admin.",
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
    scale = min(width / picture.width, WEBP_SIDE / picture.height, 1.0)
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    # A gap of 1 averages whole pixels as far as that goes and filters the rest: half a size costs
    # 0.9 instead of 13 ms, and looks the same (SSIM 0.993 against LANCZOS alone; 2026-11).
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=1.0)


def _webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # Pillow copies EXIF and colour profile from `info`; the copies carry pixels only.
    bare = picture.copy()
    bare.info = {}
    bare.save(buffer, **WEBP)  # type: ignore[arg-type]
    return buffer.getvalue()


# Where tools write what a picture was made from: EXIF tags, and names of PNG texts.
_EXIF_TEXTS = (0x010E, 0x9286, 0x9C9C)
_PNG_TEXTS = ("parameters", "prompt", "Description", "Comment", "comment")


def texts(data: bytes) -> list[str]:
    """What the picture says in words, undecoded otherwise. Raises UnusablePicture."""
    if len(data) > MAX_BYTES:
        raise UnusablePicture("too_large")
    with _opened(data) as picture:
        _refuse_bombs(picture)
        try:
            exif = picture.getexif()
            found = [exif.get(tag) or exif.get_ifd(0x8769).get(tag) for tag in _EXIF_TEXTS]
        except (OSError, SyntaxError, ValueError, EOFError, KeyError):
            found = []
        found += [picture.info.get(name) for name in _PNG_TEXTS]
    return [text for text in map(_as_text, found) if text]


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        head, body = value[:8], value[8:]
        if head == b"UNICODE\0":
            return body.decode("utf-16-be", "replace").strip("\0 ")
        return (body if head in (b"ASCII\0\0\0", b"\0" * 8) else value).decode("utf-8", "replace")
    return value.strip("\0 ") if isinstance(value, str) else ""
