"""Picture files without what is written into them, their pixels untouched.

PNG, JPEG and WebP are rows of named parts. Those that a picture needs to look right are copied as
they are; texts, EXIF, XMP, thumbnails and whatever stands behind the picture's end are left out.
Nothing is decoded here. Raises ValueError for what is none of the three, or is damaged.
"""

import struct
from collections.abc import Callable, Iterator

PNG = b"\x89PNG\r\n\x1a\n"
# Critical chunks, and those that say what the colours mean or how large a pixel is.
_PNG_KEPT = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT")
)
_WEBP_KEPT = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"))
_WEBP_EXIF_AND_XMP = 0x08 | 0x04


def stripped(data: bytes, kind: str) -> bytes:
    """`kind` is one of png, jpeg, webp."""
    strip: Callable[[bytes], bytes] = {"png": _png, "jpeg": _jpeg, "webp": _webp}[kind]
    try:
        return strip(data)
    except (IndexError, struct.error):
        raise ValueError("the file is cut off") from None


def _png(data: bytes) -> bytes:
    if not data.startswith(PNG):
        raise ValueError("no PNG")
    kept, at = [PNG], len(PNG)
    while True:
        size, name = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if end > len(data):
            raise ValueError("the file is cut off")
        if name in _PNG_KEPT:
            kept.append(data[at:end])
        if name == b"IEND":
            return b"".join(kept)
        at = end


def _webp(data: bytes) -> bytes:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise ValueError("no WebP")
    kept, at, stop = [], 12, 8 + struct.unpack_from("<I", data, 4)[0]
    has_picture = False
    while at + 8 <= min(stop, len(data)):
        name, size = struct.unpack_from("<4sI", data, at)
        end = at + 8 + size + size % 2
        if at + 8 + size > len(data):
            raise ValueError("the file is cut off")
        has_picture = has_picture or name in (b"VP8 ", b"VP8L")
        if name in _WEBP_KEPT:
            kept.append(_without_flags(data[at:end]) if name == b"VP8X" else data[at:end])
        at = end
    if not has_picture:
        raise ValueError("no picture in it")
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _without_flags(chunk: bytes) -> bytes:
    """The chunk that announces what follows, announcing no EXIF and XMP."""
    return chunk[:8] + bytes([chunk[8] & ~_WEBP_EXIF_AND_XMP]) + chunk[9:]


_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
# Without a length of their own.
_BARE = frozenset((0x01, *range(0xD0, 0xD8)))


def _jpeg(data: bytes) -> bytes:
    if data[:2] != b"\xff\xd8":
        raise ValueError("no JPEG")
    kept = [data[:2]]
    for marker, part in _segments(data):
        if _is_kept(marker, part):
            kept.append(part)
    return b"".join(kept)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and bytes of every part up to the end of the picture, scans with their data."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker where one must be")
        while data[at + 1] == 0xFF:  # padding
            at += 1
        marker = data[at + 1]
        end = at + 2
        if marker not in _BARE and marker != _EOI:
            end += struct.unpack_from(">H", data, end)[0]
        if marker == _SOS:
            end = _end_of_scan(data, end)
        if end > len(data):
            raise ValueError("the file is cut off")
        yield marker, data[at:end]
        if marker == _EOI:
            return
        at = end


def _end_of_scan(data: bytes, at: int) -> int:
    """Where the next marker stands; stuffed bytes and restarts belong to the scan."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            raise ValueError("the file is cut off")
        following = data[at + 1]
        if following == 0xFF:
            at += 1
        elif following == 0 or following in _BARE:
            at += 2
        else:
            return at


def _is_kept(marker: int, part: bytes) -> bool:
    """JFIF without a thumbnail, Adobe's colour transform, the colour profile, and all that is no
    application's and no comment."""
    body = part[4:]
    if marker == 0xE0:
        return body.startswith(b"JFIF\0") and len(part) == 18
    if marker == 0xE2:
        return body.startswith(b"ICC_PROFILE\0")
    if marker == 0xEE:
        return body.startswith(b"Adobe")
    return not (0xE1 <= marker <= 0xEF or marker == 0xFE)
