"""What programs get of an image: its bytes in the format they asked for, or an address for an
hour that needs no token and shows nothing once the image may not be shown."""

import hmac
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.crypto import salted_hmac

from generations.models import Image
from generations.services import image as images
from generations.services import pixels, throttle

# Seconds that an address works.
HOUR = 3600
_SALT = "generations.delivery"


@dataclass(frozen=True, slots=True)
class Form:
    """How the bytes are wanted. "" and None: as they were made.

    `format` one of png, jpeg, webp; `quality` 0 to 100, for JPEG and WebP.
    """

    format: str = ""
    quality: int | None = None

    def kind(self, image: Image) -> str:
        return self.format or image.format

    def is_original(self, image: Image) -> bool:
        return self.kind(image) == image.format and self.quality is None

    def etag(self, image: Image) -> str:
        """Another one for other bytes."""
        quality = "" if self.quality is None else self.quality
        return f'"{image.sha256[:32]}-{self.kind(image)}{quality}"'


class TooOften(Exception):
    """Making images again costs as much as looking at them closely."""


# How often within BREATH seconds a person's images are made again for whoever has an address.
MOST, BREATH = 60, 60


def data(image: Image, form: Form, *, is_bounded: bool = False) -> bytes:
    """The bytes. `is_bounded`: for anybody who asks, so not as often as they like. Raises
    FileNotFoundError when the storage lost them, TooOften.
    """
    if is_bounded and not (form.is_original(image) or _may_make_again(image)):
        raise TooOften
    original = images.read_file(image, "original")
    if form.is_original(image):
        return original
    try:
        return pixels.encoded(original, form.kind(image), form.quality)
    except pixels.UnusablePicture:
        raise FileNotFoundError(image.original) from None


def _may_make_again(image: Image) -> bool:
    return throttle.is_allowed(f"made-again:{image.user_id}", most=MOST, seconds=BREATH)


def query(image: Image, form: Form) -> str:
    """The part of its address after "?"; it works for an hour from now."""
    asked = {"expires": str(int(time.time()) + HOUR)}
    if form.format:
        asked["format"] = form.format
    if form.quality is not None:
        asked["quality"] = str(form.quality)
    return urlencode({**asked, "signature": _signature(image.pk, asked)})


def find(pk: uuid.UUID, asked: dict[str, str]) -> tuple[Image, Form] | None:
    """The image that such an address shows at this moment; None when it shows nothing."""
    asked = dict(asked)
    signature = asked.pop("signature", "")
    if not hmac.compare_digest(signature.encode(), _signature(pk, asked).encode()):
        return None
    if int(asked["expires"]) < time.time():
        return None
    rows = Image.objects.filter(pk=pk, state=Image.State.SHOWN, deleted_at=None)
    # As with links: nothing works any more of somebody who was let go.
    image = rows.filter(user__is_active=True).first()
    quality = asked.get("quality")
    form = Form(asked.get("format", ""), None if quality is None else int(quality))
    return (image, form) if image else None


def _signature(pk: uuid.UUID, asked: dict[str, str]) -> str:
    text = f"{pk.hex}?{urlencode(sorted(asked.items()))}"
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()
