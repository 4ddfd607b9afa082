"""A size in pixels, as OpenAI's dialect asks for it, turned into what a model takes."""

import math
import re
from typing import Any

from generations.services.parameters import MOST_PIXELS, Rules, ratio_of

# What the names of tiers mean, as the longer side of a square.
_TIER = re.compile(r"(\d+(?:\.\d+)?)\s*([kK]|[pP]|[mM][pP])?")


def parameters(rules: Rules, size: str | None) -> dict[str, Any]:
    """Venice's parameters for "1536x1024", or for "auto" and None: as the model has it.

    Of a model that is sized by ratio the nearest ratio, by tiers the nearest tier too. Of one
    that is sized by pixels these, scaled into 1280 and rounded to its steps where it must be.
    """
    if size is None or size == "auto":
        return _own_size(rules)
    width, height = (int(side) for side in size.split("x"))
    if rules.sizing == "pixels":
        return dict(zip(("width", "height"), fitted(rules, width, height), strict=True))
    chosen = {}
    if rules.ratios:
        chosen["aspect_ratio"] = _nearest_ratio(rules.ratios, width / height)
    if rules.resolutions:
        chosen["resolution"] = _nearest_tier(rules, math.sqrt(width * height))
    return chosen


def _own_size(rules: Rules) -> dict[str, Any]:
    if rules.sizing == "pixels":
        width, height = rules.pixels_for(rules.default_ratio)
        return {"width": width, "height": height}
    return {}


def fitted(rules: Rules, width: int, height: int) -> tuple[int, int]:
    """The nearest size that a model in pixels makes: same ratio, at most 1280, whole steps."""
    scale = min(1.0, MOST_PIXELS / max(width, height))
    return _stepped(rules, width * scale), _stepped(rules, height * scale)


def _stepped(rules: Rules, side: float) -> int:
    most = MOST_PIXELS - MOST_PIXELS % rules.divisor
    return max(rules.divisor, min(most, round(side / rules.divisor) * rules.divisor))


def _nearest_ratio(ratios: tuple[str, ...], wanted: float) -> str:
    named = [ratio for ratio in ratios if re.match(r"\s*\d", ratio)] or list(ratios)
    return min(named, key=lambda ratio: abs(math.log(ratio_of(ratio) / wanted)))


def _nearest_tier(rules: Rules, side: float) -> str:
    sides = {tier: _side(tier) for tier in rules.resolutions}
    known = {tier: length for tier, length in sides.items() if length}
    if not known:
        return rules.default_resolution
    return min(known, key=lambda tier: abs(math.log(known[tier] / side)))


def _side(tier: str) -> float:
    match = _TIER.fullmatch(tier.strip())
    if not match:
        return 0.0
    unit, number = (match[2] or "").lower(), float(match[1])
    if unit == "mp":
        return math.sqrt(number) * 1000
    return number * 1024 if unit == "k" else number
