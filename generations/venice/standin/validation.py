"""Checking a request as Venice does: unknown keys, types, ranges, then the model's own limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..catalogue import ModelInfo
from .answers import Answer, Issue, error, invalid, unrecognized
from .catalogue import STYLES

FORMATS = ("jpeg", "png", "webp")
LARGEST_SIDE = 1280
TIER_SIDE = {"1k": 1024, "2k": 2048, "4k": 4096}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one field may be. `above`: the lower bound itself is not allowed."""

    types: tuple[type, ...]
    low: float | None = None
    high: float | None = None
    above: bool = False
    choices: tuple[str, ...] = ()
    nullable: bool = False


TEXT = Rule(types=(str,))
FLAG = Rule(types=(bool,))
SIDE = Rule(types=(int,), low=0, above=True, high=LARGEST_SIDE)

NATIVE: dict[str, Rule] = {
    "model": TEXT,
    "prompt": TEXT,
    "negative_prompt": TEXT,
    "width": SIDE,
    "height": SIDE,
    "aspect_ratio": TEXT,
    "resolution": TEXT,
    "quality": Rule(types=(str,), choices=("low", "medium", "high")),
    "steps": Rule(types=(int,), low=0, above=True, high=50),
    "cfg_scale": Rule(types=(int, float), low=0, above=True, high=20),
    "seed": Rule(types=(int,), low=-999999999, high=999999999),
    "style_preset": Rule(types=(str,), choices=tuple(STYLES)),
    "lora_strength": Rule(types=(int,), low=0, high=100),
    "safe_mode": FLAG,
    "hide_watermark": FLAG,
    "embed_exif_metadata": FLAG,
    "format": Rule(types=(str,), choices=FORMATS),
    "variants": Rule(types=(int,), low=1, high=4),
    "return_binary": FLAG,
    "enable_web_search": FLAG,
    "enhance_prompt": FLAG,
    "disable_prompt_optimization_thinking": FLAG,
    "inpaint": Rule(types=(object,), nullable=True),
    "style_references": Rule(types=(list,)),
}

SIZES = ("256x256", "512x512", "1024x1024", "1536x1024", "1024x1536", "1792x1024", "1024x1792")
OPENAI: dict[str, Rule] = {
    "prompt": TEXT,
    "model": TEXT,
    "n": Rule(types=(int,), low=1, high=1, nullable=True),
    "size": Rule(types=(str,), choices=("auto", *SIZES), nullable=True),
    "output_format": Rule(types=(str,), choices=FORMATS),
    "response_format": Rule(types=(str,), choices=("b64_json", "url"), nullable=True),
    "moderation": Rule(types=(str,), choices=("low", "auto"), nullable=True),
    "background": Rule(types=(str,), choices=("transparent", "opaque", "auto"), nullable=True),
    "output_compression": Rule(types=(int,), low=0, high=100, nullable=True),
    "quality": Rule(
        types=(str,), choices=("auto", "high", "medium", "low", "hd", "standard"), nullable=True
    ),
    "style": Rule(types=(str,), choices=("vivid", "natural"), nullable=True),
    "user": TEXT,
}
OPENAI_PROMPT_LIMIT = 1500


def malformed(
    body: Mapping[str, Any], rules: Mapping[str, Rule], required: tuple[str, ...]
) -> Answer | None:
    """The 400 for a body that breaks the schema, before any model is looked at."""
    unknown = [name for name in body if name not in rules]
    if unknown:
        return unrecognized(unknown)
    issues = [
        Issue(field=name, message="Required", code="invalid_type")
        for name in required
        if name not in body
    ]
    for name, value in body.items():
        issues.extend(_broken(name, value, rules[name]))
    return invalid(*issues) if issues else None


def _broken(name: str, value: Any, rule: Rule) -> Iterator[Issue]:
    if value is None and rule.nullable:
        return
    # bool is an int to Python, not to JSON.
    is_typed = isinstance(value, rule.types) and (bool in rule.types or not isinstance(value, bool))
    if not is_typed:
        wanted = " or ".join(kind.__name__ for kind in rule.types)
        yield Issue(field=name, message=f"Expected {wanted}", code="invalid_type")
    elif rule.choices and value not in rule.choices:
        listed = " | ".join(f"'{choice}'" for choice in rule.choices)
        yield Issue(
            field=name, message=f"Invalid enum value. Expected {listed}", code="invalid_enum_value"
        )
    elif rule.low is not None and (value < rule.low or (rule.above and value == rule.low)):
        kind = "greater than" if rule.above else "greater than or equal to"
        yield Issue(field=name, message=f"Number must be {kind} {rule.low:g}", code="too_small")
    elif rule.high is not None and value > rule.high:
        message = f"Number must be less than or equal to {rule.high:g}"
        yield Issue(field=name, message=message, code="too_big")


def unacceptable(body: Mapping[str, Any], model: ModelInfo) -> Answer | None:
    """The answer to a well-formed body that this model cannot serve."""
    if model.offline:
        return error(503, "The model is at capacity. Please try again later.")
    if not model.makes_images_from_text:
        return invalid(Issue(field="model", message="This model does not generate images"))
    issues = [*_text_issues(body, model), *_size_issues(body, model), *_option_issues(body, model)]
    return invalid(*issues) if issues else None


def _text_issues(body: Mapping[str, Any], model: ModelInfo) -> Iterator[Issue]:
    if not body["prompt"]:
        yield Issue(field="prompt", message="String must contain at least 1 character(s)")
    limit = model.constraints.prompt_character_limit or 7500
    for name in ("prompt", "negative_prompt"):
        if len(body.get(name) or "") > limit:
            message = f"String must contain at most {limit} character(s)"
            yield Issue(field=name, message=message, code="too_big")


def _size_issues(body: Mapping[str, Any], model: ModelInfo) -> Iterator[Issue]:
    limits = model.constraints
    allowed = {"aspect_ratio": limits.aspect_ratios, "resolution": limits.resolutions}
    for name, choices in allowed.items():
        value = body.get(name)
        if value is not None and value.lower() not in [choice.lower() for choice in choices]:
            listed = ", ".join(choices) or "none for this model"
            yield Issue(field=name, message=f"Unsupported {name}. Supported: {listed}")
    for name in ("width", "height"):
        if name in body and limits.sizing != "pixels":
            yield Issue(field=name, message="This model is sized by aspect_ratio")
        elif name in body and body[name] % (limits.width_height_divisor or 1):
            message = f"Number must be a multiple of {limits.width_height_divisor}"
            yield Issue(field=name, message=message, code="not_multiple_of")


def _option_issues(body: Mapping[str, Any], model: ModelInfo) -> Iterator[Issue]:
    limits = model.constraints
    if limits.steps_max and body.get("steps", 0) > limits.steps_max:
        message = f"Number must be less than or equal to {limits.steps_max}"
        yield Issue(field="steps", message=message, code="too_big")
    if "quality" in body and body["quality"] not in limits.qualities:
        yield Issue(field="quality", message="This model does not support quality")
    if body.get("enable_web_search") and not model.supports_web_search:
        yield Issue(field="enable_web_search", message="This model does not support web search")
    if body.get("style_references"):
        yield Issue(field="style_references", message="This model takes no style references")
    if body.get("return_binary") and body.get("variants", 1) > 1:
        message = "variants is only supported when return_binary is false"
        yield Issue(field="variants", message=message)


def size_of(body: Mapping[str, Any], model: ModelInfo) -> tuple[int, int]:
    """Width and height in pixels of the picture this request makes."""
    if model.constraints.sizing == "pixels":
        return body.get("width", 1024), body.get("height", 1024)
    tier = body.get("resolution") or model.constraints.default_resolution or "1K"
    side = TIER_SIDE.get(tier.lower(), 1024)
    ratio = body.get("aspect_ratio") or model.constraints.default_aspect_ratio or "1:1"
    across, _, down = ratio.partition(":")
    proportion = float(across) / float(down) if down else 1.0
    return _even(side * proportion**0.5), _even(side / proportion**0.5)


def _even(length: float) -> int:
    return max(16, round(length / 16) * 16)
