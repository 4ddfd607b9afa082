"""A request's JSON, read with suspicion, and turned into a typed value."""

import json
import math
from typing import Any, TypeVar

from django.http import HttpRequest
from pydantic import BaseModel, ValidationError

from generations.api.errors import ApiError

M = TypeVar("M", bound=BaseModel)

# Deeper than any request of ours; Python's reader would run out of stack at some thousand.
DEEPEST = 20


def read(request: HttpRequest) -> dict[str, Any]:
    """The JSON object of a request. Raises ApiError."""
    kind = request.content_type.lower() if request.content_type else ""
    if kind != "application/json" or _charset(request) not in ("", "utf-8", "utf8"):
        raise ApiError(
            "unsupported_media_type", "Send JSON, with the header “Content-Type: application/json”."
        )
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        raise ApiError("invalid_json", "The body is no UTF-8.") from None
    try:
        data = json.loads(text, parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError):
        raise ApiError("invalid_json", "The body is no JSON that can be read.") from None
    if not isinstance(data, dict):
        raise ApiError("invalid_json", "The body must be a JSON object.")
    if _depth(data) > DEEPEST:
        raise ApiError("invalid_json", f"The JSON is nested deeper than {DEEPEST} levels.")
    _require_text(text, data)
    return data


def _charset(request: HttpRequest) -> str:
    return str((request.content_params or {}).get("charset", "")).lower()


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _number(text: str) -> float | int:
    """JSON has one kind of number: 7.0 is a whole one. Raises ValueError beyond all floats."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large")
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _depth(value: Any) -> int:
    """Without recursion: what is measured may be too deep for that."""
    deepest, left = 0, [(value, 1)]
    while left:
        one, depth = left.pop()
        deepest = max(deepest, depth)
        if isinstance(one, dict):
            left += [(inner, depth + 1) for inner in one.values()]
        elif isinstance(one, list):
            left += [(inner, depth + 1) for inner in one]
    return deepest


def _require_text(text: str, data: dict[str, Any]) -> None:
    """Half a surrogate pair is no character: no database and no answer can hold it."""
    if "\\u" not in text:
        return
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ApiError(
            "invalid_json", "There is a \\u escape in it that is no character."
        ) from None


def typed(kind: type[M], data: dict[str, Any]) -> M:
    """The request as its type. Raises ApiError, which names the first field that is wrong."""
    try:
        return kind.model_validate(data)
    except ValidationError as problem:
        found = problem.errors(include_url=False, include_input=False, include_context=False)
    details = {_name(one): _sentence(one) for one in reversed(found)}
    first = found[0]
    codes = {"extra_forbidden": "unknown_parameter", "missing": "missing_required_parameter"}
    raise ApiError(
        codes.get(first["type"], "invalid_value"),
        _sentence(first),
        param=_name(first),
        details=details,
    )


def _name(problem: Any) -> str:
    # Behind the field may stand which member of a union did not fit.
    return str(problem["loc"][0])[:80] if problem["loc"] else ""


def _sentence(problem: Any) -> str:
    name = _name(problem)
    if problem["type"] == "extra_forbidden":
        return f"Unknown parameter: “{name}”."
    if problem["type"] == "missing":
        return f"Missing required parameter: “{name}”."
    return f"Invalid value for “{name}”: {problem['msg']}."
