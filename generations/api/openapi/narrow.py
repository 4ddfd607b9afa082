"""What each model takes, as JSON Schema: a request that fits it is not refused for its fields.

The types say what a field may be at all; here stands, for each model by its names, what it makes
of them. Models with the same rules share one schema.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from generations import queries
from generations.api.openapi.parts import ref
from generations.models import Decision
from generations.services import catalogue, choice, policy
from generations.services.parameters import MOST_PIXELS, SEEDS, Rules

Schema = dict[str, Any]
# The properties of a request, and which of them it must have.
Way = tuple[Schema, tuple[str, ...]]

# What neither dialect can hold, though the type of a field would.
SHOWS_SOMETHING = {"minLength": 1, "pattern": r"^[^\x00]*[^\x00\s][^\x00]*$"}
_NO_NUL = {"pattern": r"^[^\x00]*$"}
_OFF: Schema = {"enum": [False, None]}
_NOT_TAKEN: Schema = {"type": "null"}
_SWITCHES = ("hide_watermark", "embed_exif_metadata", "enhance_prompt", "enable_web_search")

# At OpenAI's address it has to be confirmed that what costs extra has no price we know.
_PRICED: Schema = {
    "anyOf": [
        {"properties": {"enhance_prompt": _OFF, "enable_web_search": _OFF}},
        {"properties": {"confirm_price": {"const": True}}, "required": ["confirm_price"]},
    ]
}
# An answer that is the image itself is one image.
_MANY_IN_ONE: Schema = {
    "properties": {"return_binary": {"const": True}, "variants": {"enum": [2, 3, 4]}},
    "required": ["return_binary", "variants"],
}


# Whoever rejects says why; in their own words where the list has none.
_DECISION: Schema = {
    "anyOf": [
        {"properties": {"decision": {"const": "approve"}}},
        {
            "properties": {"reason": {"enum": [c for c in Decision.Code.values if c != "other"]}},
            "required": ["reason"],
        },
        {
            "properties": {"note": {"pattern": SHOWS_SOMETHING["pattern"]}},
            "required": ["reason", "note"],
        },
    ]
}


def _share() -> Schema:
    """As the team's policy has it now."""
    rules = policy.current()
    days = {"type": ["integer", "null"], "minimum": 1, "maximum": rules.share_most_days}
    schema: Schema = {
        "properties": {"expires": days},
        "oneOf": [{"required": ["images"]}, {"required": ["collection"]}],
    }
    if rules.share_needs_password:
        schema["properties"]["password"] = {"type": "string"}
        schema["required"] = ["password"]
    return schema


def requests() -> dict[str, Schema]:
    """Request -> what its models add to its type."""
    known = list(_known())
    images = _shared((names, _images(rules, names)) for names, rules in known)
    native = _shared((names, _native(rules)) for names, rules in known)
    people = {"ShareRequest": _share(), "DecisionRequest": _DECISION}
    if not known:
        return people
    return people | {
        "ImagesRequest": {"anyOf": images, "allOf": [_PRICED]},
        "NativeRequest": {"anyOf": native, "not": _MANY_IN_ONE},
    }


def styles() -> dict[str, Schema]:
    names = catalogue.offered_styles()
    return {"Style": {"type": "string", "enum": names}} if names else {}


def _known() -> Iterator[tuple[list[str], Rules]]:
    """The names by which a program may mean each offered model, and its rules."""
    models = catalogue.offered()
    names: dict[str, list[str]] = {model.id: [model.id] for model in models}
    for name, model in choice.traits_of(models).items():
        names[model.id].append(name)
    for name, pk in queries.model_aliases():
        if pk in names:
            names[pk].append(name)
    styles = frozenset(catalogue.offered_styles())
    for model in models:
        yield names[model.id], catalogue.rules_for(model, styles)


def _shared(found: Iterable[tuple[list[str], Way]]) -> list[Schema]:
    groups: dict[str, tuple[list[str], Way]] = {}
    for names, way in found:
        groups.setdefault(json.dumps(way), ([], way))[0].extend(names)
    return [_one(names, *way) for names, way in groups.values()]


def _one(names: list[str], properties: Schema, required: tuple[str, ...]) -> Schema:
    """Without its name the default model is meant, and no other."""
    model = {"enum": names if "model" in required else [*names, None]}
    schema: Schema = {"properties": {"model": model, **properties}}
    return schema | ({"required": list(required)} if required else {})


# --- of one model -------------------------------------------------------------------------------


def _images(rules: Rules, names: list[str]) -> Way:
    fields, needed = _fields(rules), _needed(rules)
    fields["quality"] = _grades(rules)
    if not rules.qualities:
        del fields["quality"]  # taken, and without effect
    return fields, needed if catalogue.DEFAULT_TRAIT in names else ("model", *needed)


def _native(rules: Rules) -> Way:
    return _fields(rules), ("model", *_needed(rules))


def _needed(rules: Rules) -> tuple[str, ...]:
    return ("confirm_price",) if _is_unpriced(rules) else ()


def _is_unpriced(rules: Rules) -> bool:
    return rules.price({}) is None


def _fields(rules: Rules) -> Schema:
    prompt = {"type": "string", "maxLength": rules.prompt_limit}
    confirmed = {"confirm_price": {"const": True}} if _is_unpriced(rules) else {}
    return {"prompt": prompt, **{name: _field(rules, name) for name in _FIELDS}, **confirmed}


def _field(rules: Rules, name: str) -> Schema:
    if name in rules.fields:
        return _FIELDS[name](rules)
    return _OFF if name in _SWITCHES else _NOT_TAKEN


def _grades(rules: Rules) -> Schema:
    """OpenAI's words for them are understood, too."""
    words = {"high": "hd", "medium": "standard"}
    also = [words[grade] for grade in rules.qualities if grade in words]
    return _one_of(["auto", *rules.qualities, *also])


def _one_of(values: Iterable[str]) -> Schema:
    return {"enum": [*values, None]}


def _or_null(kind: str, **rules: Any) -> Schema:
    return {"type": [kind, "null"], **rules}


def _between(least: int, most: int) -> Schema:
    return _or_null("integer", minimum=least, maximum=most)


def _side(rules: Rules) -> Schema:
    most = MOST_PIXELS - MOST_PIXELS % rules.divisor
    return {**_between(rules.divisor, most), "multipleOf": rules.divisor}


def _switch(rules: Rules) -> Schema:
    return {"enum": [True, False, None]}


_FIELDS: Mapping[str, Callable[[Rules], Schema]] = {
    "negative_prompt": lambda rules: _or_null("string", **_NO_NUL, maxLength=rules.prompt_limit),
    "width": _side,
    "height": _side,
    "aspect_ratio": lambda rules: _one_of(rules.ratios),
    "resolution": lambda rules: _one_of(rules.resolutions),
    "quality": lambda rules: _one_of(rules.qualities),
    "steps": lambda rules: _between(1, rules.most_steps),
    "seed": lambda rules: _between(SEEDS[0], SEEDS[-1]),
    "cfg_scale": lambda rules: _or_null("number", exclusiveMinimum=0, maximum=20),
    "style_preset": lambda rules: {"anyOf": [ref("Style"), _NOT_TAKEN]},
    "lora_strength": lambda rules: _between(0, 100),
    "safe_mode": _switch,
    **dict.fromkeys(_SWITCHES, _switch),
}
