"""The types: what is asked and told, from the classes by which requests are read."""

import functools
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from generations.api import answers
from generations.api.native import NativeRequest
from generations.api.openapi import narrow
from generations.api.openapi.parts import REF
from generations.api.openapi.words import WORDS
from generations.api.reviews import DecisionRequest
from generations.api.schema import ImagesRequest
from generations.api.shares import ShareRequest

ASKED: tuple[type[BaseModel], ...] = (
    ImagesRequest,
    NativeRequest,
    ShareRequest,
    DecisionRequest,
)


def schemas() -> dict[str, Any]:
    """With what each model takes, as the catalogue has it now."""
    found = {**_static()}
    for name, rules in narrow.requests().items():
        found[name] = _together(found[name], rules)
    return found | narrow.styles()


@functools.cache
def _static() -> dict[str, Any]:
    """What does not change while this process lives."""
    kinds = [
        kind
        for kind in vars(answers).values()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    ]
    told = [kind for kind in kinds if kind not in (BaseModel, answers.Answer)]
    inputs = [(kind, "validation") for kind in (*ASKED, *told)]
    _, found = models_json_schema(inputs, ref_template=REF)  # type: ignore[arg-type]
    kept: dict[str, Any] = found["$defs"]
    for kind in ASKED:
        _explain(kept[kind.__name__]["properties"])
    tidied: dict[str, Any] = _tidy(kept)
    return tidied


def _together(kind: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    fields = dict(kind["properties"])
    for name, part in rules.get("properties", {}).items():
        fields[name] = fields[name] | part
    return kind | rules | {"properties": fields}


def _explain(fields: dict[str, Any]) -> None:
    for name, sentence in WORDS.items():
        if name in fields:
            fields[name].setdefault("description", sentence)
    if "prompt" in fields:
        fields["prompt"] |= narrow.SHOWS_SOMETHING | {"examples": ["A stone bridge at dawn"]}
        fields["model"]["examples"] = ["default"]


def _tidy(value: Any) -> Any:
    """Without the titles that repeat each name, and without defaults that stand for "left out"."""
    if isinstance(value, list):
        return [_tidy(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, inner in value.items():
        is_word = not isinstance(inner, dict)
        if is_word and (name == "title" or (name == "default" and not inner)):
            continue
        kept[name] = _tidy(inner)
    if kept.get("default") == {}:
        del kept["default"]
    return _flat(kept)


def _flat(schema: dict[str, Any]) -> dict[str, Any]:
    """What may be left out by null, without a list of two for it."""
    first, *rest = schema.get("anyOf", [{}])
    if rest != [{"type": "null"}] or not isinstance(first.get("type"), str):
        return schema
    more = {name: part for name, part in schema.items() if name != "anyOf"}
    one = {**first, "type": [first["type"], "null"]}
    if "enum" in one:
        one["enum"] = [*one["enum"], None]
    if "const" in one:
        one |= {"enum": [one.pop("const"), None]}
    return one | more
