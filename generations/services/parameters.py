"""What a model takes, and whether a request fits: the rules, once, for form and API alike."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from generations.venice.types import ModelInfo, Sizing

MOST_PIXELS = 1280
DEFAULT_PROMPT_LIMIT = 1500
MOST_STEPS = 50
# Images a request may ask for, and how many of them one call makes (Venice's `variants`).
MOST_IMAGES = 16
PER_CALL = 4
SEEDS = range(-999_999_999, 1_000_000_000)
FORMATS = ("webp", "png", "jpeg")
# The choices offered for models that are sized by pixels, as ratios people know.
PIXEL_RATIOS = ("1:1", "3:2", "16:9", "21:9", "4:5", "2:3", "9:16")
# About one megapixel, the size these models are trained for.
PIXEL_AREA = 1024 * 1024

# What a model may lack without becoming useless. Venice does not publish who takes these.
OPTIONAL = frozenset(
    {
        "negative_prompt",
        "style_preset",
        "seed",
        "steps",
        "cfg_scale",
        "lora_strength",
        "safe_mode",
        "hide_watermark",
        "embed_exif_metadata",
        "enhance_prompt",
        "enable_web_search",
    }
)
# "Additional credits are charged", says Venice's OpenAPI of 2026-08, without a figure.
SURCHARGED = ("enable_web_search", "enhance_prompt")
# Switches that are off unless somebody puts them on, says Venice's reference.
_OFF_BY_ITSELF = ("hide_watermark", "embed_exif_metadata", *SURCHARGED)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one model. `check` names every field that does not fit, with a sentence."""

    model: ModelInfo
    styles: frozenset[str] = frozenset()
    # Fields that Venice refused for this model, or an admin took away: see models.FieldRule.
    refused: frozenset[str] = frozenset()

    @property
    def sizing(self) -> Sizing:
        return self.model.constraints.sizing

    @property
    def prompt_limit(self) -> int:
        return self.model.constraints.prompt_character_limit or DEFAULT_PROMPT_LIMIT

    @property
    def most_steps(self) -> int:
        return min(self.model.constraints.steps_max or MOST_STEPS, MOST_STEPS)

    @property
    def divisor(self) -> int:
        return self.model.constraints.width_height_divisor or 1

    @property
    def ratios(self) -> tuple[str, ...]:
        if self.sizing == "pixels":
            return PIXEL_RATIOS
        return self.model.constraints.aspect_ratios

    @property
    def default_ratio(self) -> str:
        wished = self.model.constraints.default_aspect_ratio
        if wished in self.ratios:
            return str(wished)
        return "1:1" if "1:1" in self.ratios or not self.ratios else self.ratios[0]

    @property
    def resolutions(self) -> tuple[str, ...]:
        return self.model.constraints.resolutions

    @property
    def default_resolution(self) -> str:
        wished = self.model.constraints.default_resolution
        return str(wished) if wished in self.resolutions else next(iter(self.resolutions), "")

    @property
    def qualities(self) -> tuple[str, ...]:
        return self.model.constraints.qualities

    @property
    def default_quality(self) -> str:
        wished = self.model.constraints.default_quality
        return str(wished) if wished in self.qualities else next(iter(self.qualities), "")

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the parameters that this model takes, in the order people meet them."""
        names = ["prompt", "negative_prompt", "variants"]
        names += ["width", "height"] if self.sizing == "pixels" else []
        names += ["aspect_ratio"] if self.sizing != "pixels" and self.ratios else []
        names += ["resolution"] if self.resolutions else []
        names += ["quality"] if self.qualities else []
        names += ["style_preset"] if self.styles else []
        names += ["seed", "steps", "cfg_scale", "lora_strength", "format"]
        names += ["safe_mode", "hide_watermark", "embed_exif_metadata", "enhance_prompt"]
        names += ["enable_web_search"] if self.model.supports_web_search else []
        return tuple(name for name in names if name not in self.refused)

    def said(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What is really asked for: a switch that is off is nothing to a model without it."""
        return {
            name: value
            for name, value in parameters.items()
            if value not in (None, "")
            and not (value is False and name in _OFF_BY_ITSELF and name not in self.fields)
        }

    def check(self, parameters: Mapping[str, Any]) -> dict[str, str]:
        """Field -> sentence, for everything in `parameters` that the model does not take."""
        problems = {
            name: f"{self.model.name} does not take {name}."
            for name in parameters
            if name not in self.fields
        }
        for name, rule in _RULES.items():
            if name in problems or (parameters.get(name) is None and name != "prompt"):
                continue
            if sentence := rule(self, parameters.get(name)):
                problems[name] = sentence
        return problems

    def price(self, parameters: Mapping[str, Any]) -> Decimal | None:
        """USD for the whole request, None when Venice names no price for it.

        Venice charges extra for SURCHARGED and names no price for that: unknown, not the plain
        price.
        """
        if any(parameters.get(name) for name in SURCHARGED):
            return None
        each = self.model.price(
            resolution=parameters.get("resolution"), quality=parameters.get("quality")
        )
        return None if each is None else each * int(parameters.get("variants") or 1)

    @property
    def price_list(self) -> str:
        """A short name of all of the model's prices; it changes when one of them does."""
        prices = json.dumps(self.model.raw.get("pricing"), sort_keys=True)
        return hashlib.sha256(prices.encode()).hexdigest()[:16]

    def pixels_for(self, ratio: str) -> tuple[int, int]:
        """Width and height of about a megapixel in this ratio, in steps of the divisor."""
        across = ratio_of(ratio)
        width = min((PIXEL_AREA * across) ** 0.5, MOST_PIXELS, MOST_PIXELS * across)
        return self._stepped(width), self._stepped(width / across)

    def _stepped(self, length: float) -> int:
        most = MOST_PIXELS - MOST_PIXELS % self.divisor
        return max(self.divisor, min(most, round(length / self.divisor) * self.divisor))


def ratio_of(text: str) -> float:
    """Width over height of "3:2" or "19.5:9"; 1.0 for "auto" and what is no ratio."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[:x/]\s*(\d+(?:\.\d+)?)\s*", text)
    if not match or not float(match[1]) or not float(match[2]):
        return 1.0
    across = float(match[1]) / float(match[2])
    return min(max(across, 0.1), 10.0) if math.isfinite(across) else 1.0


def expected_ratio(parameters: Mapping[str, Any]) -> float:
    if parameters.get("width") and parameters.get("height"):
        return float(parameters["width"]) / float(parameters["height"])
    return ratio_of(str(parameters.get("aspect_ratio", "")))


# --- the rules, a function a field: a sentence when it does not fit, else "" ---------------


def _prompt(rules: Rules, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        return "Write what the image should show."
    return _text(rules, value)


def _text(rules: Rules, value: Any) -> str:
    if "\0" in str(value):
        return "There is a character in it that cannot be sent. Type the text again."
    if len(value) > rules.prompt_limit:
        over = f"{len(value) - rules.prompt_limit:,}"
        return f"{over} characters too long: at most {rules.prompt_limit:,} for this model."
    return ""


def _side(rules: Rules, value: Any) -> str:
    if value < rules.divisor or value > MOST_PIXELS:
        return f"From {rules.divisor} to {MOST_PIXELS} pixels for this model."
    if value % rules.divisor:
        return f"In steps of {rules.divisor} pixels for this model."
    return ""


def _one_of(choices: Callable[[Rules], tuple[str, ...]]) -> Callable[[Rules, Any], str]:
    def rule(rules: Rules, value: Any) -> str:
        allowed = choices(rules)
        return "" if value in allowed else f"This model takes {', '.join(allowed)}."

    return rule


def _style(rules: Rules, value: Any) -> str:
    return "" if value in rules.styles else "Venice has no such style."


def _steps(rules: Rules, value: Any) -> str:
    most = rules.most_steps
    return "" if 1 <= value <= most else f"At most {most} steps for this model."


def _between(least: float, most: float, sentence: str) -> Callable[[Rules, Any], str]:
    def rule(rules: Rules, value: Any) -> str:
        return "" if least <= value <= most else sentence

    return rule


def _guidance(rules: Rules, value: Any) -> str:
    return "" if 0 < value <= 20 else "Above 0, at most 20."


_RULES: dict[str, Callable[[Rules, Any], str]] = {
    "prompt": _prompt,
    "negative_prompt": _text,
    "variants": _between(1, MOST_IMAGES, f"From 1 to {MOST_IMAGES} images at a time."),
    "width": _side,
    "height": _side,
    "aspect_ratio": _one_of(lambda rules: rules.ratios),
    "resolution": _one_of(lambda rules: rules.resolutions),
    "quality": _one_of(lambda rules: rules.qualities),
    "style_preset": _style,
    "seed": _between(SEEDS[0], SEEDS[-1], "From -999,999,999 to 999,999,999."),
    "steps": _steps,
    "cfg_scale": _guidance,
    "lora_strength": _between(0, 100, "From 0 to 100."),
    "format": _one_of(lambda rules: FORMATS),
}
