"""Rows for tests, with as little said as a test needs."""

import io
import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image as Pixels

from generations.models import Generation, Image, Recipe, User
from generations.services import generation as generations
from generations.services import recipe as recipes

PASSWORD = "a-long-enough-password"
MODEL = "z-image-turbo"
SMALL = {"width": 64, "height": 64, "format": "webp"}


def make_user(email: str, *, role: str = User.Role.MEMBER, **fields: Any) -> User:
    return User.objects.create_user(email, PASSWORD, role=role, **fields)


def submit(user: User, prompt: str = "A stone bridge", *, model: str = MODEL, **more: Any):
    """A queued generation, through the service; of several calls the first."""
    token = more.pop("form_token", None)
    parameters = {"prompt": prompt, **(SMALL if model == MODEL else {}), **more}
    return generations.submit(user, model=model, parameters=parameters, form_token=token)[0]


def make_generation(user: User, **fields: Any) -> Generation:
    """A row in any state, without the services."""
    values = {
        "model": MODEL,
        "model_name": "Z-Image Turbo",
        "prompt": "A stone bridge",
        "seed": 7,
        "parameters": dict(SMALL),
        "state": Generation.State.SUCCEEDED,
    }
    return Generation.objects.create(user=user, **{**values, **fields})


def picture(width: int = 64, height: int = 64, format: str = "WEBP", **save: Any) -> bytes:
    buffer = io.BytesIO()
    Pixels.new("RGB", (width, height), (40, 90, 120)).save(buffer, format, **save)
    return buffer.getvalue()


def make_image(user: User, *, generation: Generation | None = None, **fields: Any) -> Image:
    """An image whose three files exist."""
    generation = generation or make_generation(user)
    pk = fields.pop("id", uuid.uuid4())
    data = picture()
    names = {
        kind: default_storage.save(f"{pk.hex[:2]}/{pk}/{kind}.webp", ContentFile(data))
        for kind in ("original", "w512", "w1024")
    }
    values = {
        "seed": 7,
        "format": "webp",
        "width": 64,
        "height": 64,
        "bytes": len(data),
        "sha256": pk.hex * 2,
        "created_at": timezone.now(),
        "number": generation.images.count(),
    }
    return Image.objects.create(
        id=pk, user=user, generation=generation, **{**values, **names, **fields}
    )


def make_recipe(user: User, *, generation: Generation | None = None, **fields: Any) -> Recipe:
    """A recipe with one version, through the service."""
    generation = generation or make_generation(user)
    return recipes.save(user, generation=generation, **{"name": "Bridge", **fields}).recipe
