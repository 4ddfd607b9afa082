"""Rows for tests, with as little said as a test needs."""

import io
import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import F
from django.utils import timezone
from PIL import Image as Pixels

from generations.models import (
    Account,
    Call,
    Case,
    Collection,
    Decision,
    Generation,
    Image,
    Recipe,
    Share,
    User,
    VeniceKey,
)
from generations.services import collection as collections
from generations.services import generation as generations
from generations.services import key as keys
from generations.services import recipe as recipes
from generations.services import review, search
from generations.services import share as shares
from generations.venice.types import ApiKey

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


def let_minutes_pass(minutes: int = 2) -> None:
    """As if all calls and pauses so far had been that much earlier."""
    length = timedelta(minutes=minutes)
    Account.objects.update(closed_until=F("closed_until") - length)
    Call.objects.update(started_at=F("started_at") - length, finished_at=F("finished_at") - length)
    Generation.objects.update(runs_after=F("runs_after") - length)


def make_key(user: User | None) -> VeniceKey:
    """A stored key whose account is tested and has credit."""
    key = keys._put(user, ApiKey(f"key-of-{user and user.pk}-0123456789"), VeniceKey.Source.SAVED)
    Account.objects.filter(pk=key.account_id).update(tested_at=timezone.now(), balance_usd=10)
    key.account.refresh_from_db()
    return key


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
        "model": generation.model,
        "style": generation.parameters.get("style_preset", ""),
        "is_hidden": generation.is_hidden,
        "has_parent": generation.made_from_id is not None,
    }
    image = Image.objects.create(
        id=pk, user=user, generation=generation, **{**values, **names, **fields}
    )
    search.reindex([image])
    return image


def make_recipe(user: User, *, generation: Generation | None = None, **fields: Any) -> Recipe:
    """A recipe with one version, through the service."""
    generation = generation or make_generation(user)
    return recipes.save(user, generation=generation, **{"name": "Bridge", **fields}).recipe


def make_collection(user: User, *, images: Iterable[Image] = (), **fields: Any) -> Collection:
    """A collection through the service, filled in this order."""
    made = collections.create(user, **{"name": "Book", **fields})
    if images:
        collections.add(user, collection=made, images=images)
    return made


def make_share(user: User, *, images: Sequence[Image] = (), **fields: Any) -> tuple[Share, str]:
    """A link through the service, and the path that it opens."""
    if "collection" not in fields:
        images = images or [make_image(user)]
    share = shares.create(user, images=images, **fields)
    return share, f"/s/{shares.token_of(share)}/"


def hold(
    image: Image, *, reason: str = "adult", reporter: User | None = None, **fields: Any
) -> Case:
    """Hold an image with an open case, as if it had come flagged."""
    Image.objects.filter(pk=image.pk).update(state=Image.State.HELD)
    image.refresh_from_db()
    made = image.generation
    values = {"reasons": [reason], "prompt": made.prompt, "model_name": made.model_name}
    return Case.objects.create(
        image=image, image_uuid=image.pk, user=image.user, reporter=reporter, **{**values, **fields}
    )


def make_case(user: User, **fields: Any) -> Case:
    """A case of a held image of this person's."""
    return hold(make_image(user), **fields)


def decide(reviewer: User, case: Case, kind: str = "approve", **more: Any) -> Decision:
    """A decision through the service; a rejection says "Against the brief" unless told."""
    more = more if kind == "approve" else {"code": "brief", **more}
    return review.decide(reviewer, case=case, verdict=review.verdict(kind, **more))
