"""Settings found in a picture's own texts: ours, Venice's, and what other tools write.

Nobody publishes a format for this, so it is read generously: a JSON object with names we know,
or the lines that Stable Diffusion tools have written since 2022, or else a prompt.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

_NAMES = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "negativeprompt": "negative_prompt",
    "negative prompt": "negative_prompt",
    "model": "model",
    "seed": "seed",
    "steps": "steps",
    "cfg_scale": "cfg_scale",
    "cfg scale": "cfg_scale",
    "cfgscale": "cfg_scale",
    "width": "width",
    "height": "height",
    "size": "size",
    "style_preset": "style_preset",
    "aspect_ratio": "aspect_ratio",
    "resolution": "resolution",
}
_WHOLE = frozenset({"seed", "steps", "width", "height"})
# "Steps: 20, CFG scale: 7, Seed: 5, Size: 512x512", and "… | model x, seed 5, 512x512".
_PAIR = re.compile(r"\b(Steps|CFG scale|Seed|Size|Model|model|seed|steps)\b:?\s+([\w.:-]+)")
_SIZE = re.compile(r"\b(\d{2,5})\s*[x×]\s*(\d{2,5})\b")
MOST_TEXT = 40_000


def settings_in(texts: Iterable[str]) -> dict[str, Any]:
    """Settings under Venice's names from the texts of a picture; empty when there are none."""
    for text in texts:
        if found := _from_json(text[:MOST_TEXT]) or _from_lines(text[:MOST_TEXT]):
            return found
    return {}


def _from_json(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    pairs = {_NAMES[key.lower()]: value for key, value in data.items() if key.lower() in _NAMES}
    return _typed(pairs) if pairs.get("prompt") else {}


def _from_lines(text: str) -> dict[str, Any]:
    prompt, settings = _cut(text)
    found: dict[str, Any] = {
        _NAMES[name.lower()]: value.strip(",.") for name, value in _PAIR.findall(settings)
    }
    if size := _SIZE.search(settings):
        found["width"], found["height"] = size.groups()
    prompt, _, negative = prompt.partition("\nNegative prompt:")
    found |= {"prompt": prompt.strip(), "negative_prompt": negative.strip()}
    return _typed(found) if found["prompt"] else {}


def _cut(text: str) -> tuple[str, str]:
    """What was written, and the settings after it."""
    for mark in ("\nSteps:", " | model "):
        head, found, tail = text.partition(mark)
        if found:
            return head, found + tail
    return text, ""


def _typed(pairs: dict[str, Any]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, value in pairs.items():
        try:
            typed[name] = _value(name, value)
        except (ValueError, TypeError, OverflowError):
            continue
    return {name: value for name, value in typed.items() if value not in (None, "")}


def _value(name: str, value: Any) -> Any:
    if name in _WHOLE:
        return int(value)
    if name == "cfg_scale":
        return float(value)
    if name == "size":
        return None
    return value.replace("\0", "") if isinstance(value, str) else None
