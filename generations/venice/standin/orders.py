"""From a checked request body to images, their price, and the answer that carries them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from ..catalogue import ModelInfo
from . import answers, catalogue, painter, validation
from .answers import Answer, Issue
from .markers import Making, without_markers

Models = Mapping[str, ModelInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One valid request for images. `wrap` puts the finished ones into an answer."""

    model: ModelInfo
    prompt: str
    size: tuple[int, int]
    format: str
    variants: int
    seed: int
    body: dict[str, Any]
    wrap: Callable[[Order, list[bytes], float], Answer]

    @property
    def price(self) -> Decimal:
        """USD for one image; a model without a published price is not free."""
        found = self.model.price(
            resolution=self.body.get("resolution"), quality=self.body.get("quality")
        )
        return catalogue.UNLISTED_PRICE if found is None else found


def native_order(body: dict[str, Any], models: Models, seed: int) -> Answer | Order:
    """The order in a body of POST /image/generate, or the answer that refuses it."""
    fault = validation.malformed(body, validation.NATIVE, ("model", "prompt"))
    if fault:
        return fault
    model = models.get(body["model"])
    if model is None:
        return answers.error(404, "Specified model not found")
    return validation.unacceptable(body, model) or Order(
        model=model,
        prompt=body["prompt"],
        size=validation.size_of(body, model),
        format=body.get("format", "webp"),
        variants=body.get("variants", 1),
        seed=body.get("seed", seed),
        body=body,
        wrap=_binary if body.get("return_binary") else _native_json,
    )


def openai_order(body: dict[str, Any], models: Models, seed: int) -> Answer | Order:
    """The same for POST /images/generations, where an unknown model becomes the default one."""
    fault = validation.malformed(body, validation.OPENAI, ("prompt",))
    if fault:
        return fault
    if not 0 < len(body["prompt"]) <= validation.OPENAI_PROMPT_LIMIT:
        message = f"String must contain 1 to {validation.OPENAI_PROMPT_LIMIT} character(s)"
        return answers.invalid(Issue(field="prompt", message=message))
    size = body.get("size") or "auto"
    width, _, height = ("1024x1024" if size == "auto" else size).partition("x")
    asked = {name: body[name] for name in ("model", "response_format") if name in body}
    return Order(
        model=models.get(body.get("model", ""), models[catalogue.DEFAULT_MODEL]),
        prompt=body["prompt"],
        size=(int(width), int(height)),
        format=body.get("output_format", "png"),
        variants=1,
        seed=seed,
        body=asked | {"prompt": body["prompt"], "safe_mode": body.get("moderation") != "low"},
        wrap=_openai_json,
    )


def painted(order: Order, making: Making) -> list[bytes]:
    """The finished images, after what the markers do to them. Variant i has seed + i."""
    wanted = order.variants - making.withheld
    pictures = [painter.paint(_picture(order, order.seed + i)) for i in range(wanted)]
    return [making.alter(picture) for picture in pictures] if making.alter else pictures


def _picture(order: Order, seed: int) -> painter.Picture:
    width, height = order.size
    note = None
    if order.body.get("embed_exif_metadata"):
        note = f"{order.prompt} | model {order.model.id}, seed {seed}, {width}x{height}"
    return painter.Picture(
        prompt=without_markers(order.prompt),
        model=order.model.id,
        width=width,
        height=height,
        seed=seed,
        style=order.body.get("style_preset", ""),
        format=order.format,
        steps=order.body.get("steps"),
        cfg_scale=order.body.get("cfg_scale"),
        note=note,
    )


def model_headers(order: Order) -> dict[str, str]:
    """What an answer of 200 says about the model, its end, and the verdict unless flagged."""
    model = order.model
    headers = {
        "x-venice-model-id": model.id,
        "x-venice-model-name": model.name,
        "x-venice-model-router": "standin",
        "x-venice-is-blurred": "false",
        "x-venice-is-content-violation": "false",
    }
    if model.deprecation_date:
        headers |= {
            "x-venice-deprecated": "true",
            "x-venice-model-deprecation-warning": "This model is scheduled for deprecation",
            "x-venice-model-deprecation-date": model.deprecation_date.isoformat(),
            "x-venice-deprecated-replacement": model.deprecation_replacement or "",
        }
    if order.body.get("enhance_prompt"):
        better = f"{without_markers(order.prompt)}, soft light, fine detail"
        headers["x-venice-enhanced-prompt"] = quote(better, errors="replace")
    return headers


def _binary(order: Order, images: list[bytes], seconds: float) -> Answer:
    if not images:
        return _native_json(order, images, seconds)
    return Answer(status=200, body=images[0], media_type=f"image/{order.format}")


def _native_json(order: Order, images: list[bytes], seconds: float) -> Answer:
    inference = round(seconds * 1000)
    content: dict[str, Any] = {
        "id": f"generate-image-{order.seed}",
        "images": [base64.b64encode(image).decode() for image in images],
        "request": order.body,
        "timing": {
            "inferenceDuration": inference,
            "inferencePreprocessingTime": 22,
            "inferenceQueueTime": 31,
            "total": inference + 53,
        },
    }
    withheld = order.variants - len(images)
    if withheld:
        content["content_policy_violation_count"] = withheld
    return answers.json_answer(200, content)


def _openai_json(order: Order, images: list[bytes], seconds: float) -> Answer:
    texts = [base64.b64encode(image).decode() for image in images]
    if order.body.get("response_format") == "url":
        data = [{"url": f"data:image/{order.format};base64,{text}"} for text in texts]
    else:
        data = [{"b64_json": text} for text in texts]
    return answers.json_answer(200, {"created": 1780580108, "data": data})
