"""A job as JSON, for programs: the answers of the API and the bodies of webhooks alike."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from generations.models import Generation, Image
from generations.services import delivery


def money(amount: Decimal | None) -> str | None:
    """USD as decimal text without needless zeros; None when it is not known."""
    return None if amount is None else f"{amount.normalize():f}"


def generation(job: Generation, images: Sequence[Image], *, base: str) -> dict[str, Any]:
    """A job as JSON. `base`: this studio's address, for those of its images."""
    return {
        "id": str(job.pk),
        "object": "generation",
        "state": job.state,
        "created_at": moment(job.created_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "model": job.model,
        "prompt": job.prompt,
        "parameters": parameters(job),
        "seed": job.seed,
        "price": money(job.price),
        "charged": money(job.charged),
        "images": [image_of(image, base=base) for image in images],
        "error": {"code": job.error_code, "message": job.error_message} if job.error_code else None,
    }


def parameters(job: Generation) -> dict[str, Any]:
    """What was sent to Venice beside model, prompt and seed."""
    negative = {"negative_prompt": job.negative_prompt} if job.negative_prompt else {}
    return {**job.parameters, **negative, "variants": job.variants}


def image_of(image: Image, *, base: str) -> dict[str, Any]:
    is_shown = image.state == Image.State.SHOWN
    found = {
        "id": str(image.pk),
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "state": "shown" if is_shown else "held",
    }
    return found | ({"url": url(image, delivery.Form(), base=base)} if is_shown else {})


def url(image: Image, form: delivery.Form, *, base: str) -> str:
    """An address that works for an hour without a token."""
    return f"{base}/v1/images/{image.pk}?{delivery.query(image, form)}"


def moment(time: datetime | None) -> str | None:
    return time.isoformat().replace("+00:00", "Z") if time else None
