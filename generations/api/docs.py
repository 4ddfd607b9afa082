"""The description of the API for people: the same document as a page, with nothing from outside."""

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from generations.api.access import public
from generations.api.openapi import REFUSALS, described
from generations.models.webhook import Happening
from generations.services import webhook


@public("GET", "HEAD")
def page(request: HttpRequest) -> HttpResponseBase:
    context = {
        "base": settings.PUBLIC_URL,
        "operations": _operations(),
        "refusals": [(status, _words(text)) for status, text in REFUSALS.items()],
        "told": Happening.values,
        "waits": len(webhook.WAITS),
        "verify": _VERIFY.strip(),
    }
    return render(request, "api/docs.html", context)


def _operations() -> list[dict[str, Any]]:
    return [
        _operation(path, method, operation)
        for path, methods in described()["paths"].items()
        for method, operation in methods.items()
    ]


def _operation(path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody")
    return {
        "id": re.sub("(?<!^)(?=[A-Z])", "-", operation["operationId"]).lower(),
        "method": method.upper(),
        "path": path,
        "summary": _words(operation["summary"]),
        "fields": [_parameter(one) for one in operation.get("parameters", [])]
        + (_fields(body) if body else []),
        "answers": ", ".join(operation["responses"]),
    }


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "where": {"path": "in the path", "query": "in the address"}.get(one["in"], "header"),
        "takes": _takes(one["schema"]),
        "words": _words(one.get("description", "")),
        "is_required": one.get("required", False),
    }


def _fields(body: dict[str, Any]) -> list[dict[str, Any]]:
    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schema = described()["components"]["schemas"][name]
    return [
        {
            "name": field,
            "where": "",
            "takes": _takes(part),
            "words": _words(part.get("description", "")),
            "is_required": field in schema.get("required", []),
        }
        for field, part in schema["properties"].items()
    ]


def _words(text: str) -> str:
    return text.replace("`", "")


def _takes(schema: dict[str, Any]) -> str:
    """What a field takes, in few words: "number, 1 to 10", "png, jpeg, webp"."""
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    said = [_kind(one) for one in kinds]
    return " or ".join(dict.fromkeys(word for word in said if word))


_NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true, false"}
_FORMATS = {"date-time": "a moment", "date": "a day", "uuid": "an id"}


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next(name for name in kind if name != "null")
    if kind == "array":
        return _kind(schema["items"])
    if "enum" in schema:
        return ", ".join(_said(one) for one in schema["enum"] if one is not None)
    if "const" in schema:
        return _said(schema["const"])
    name = _FORMATS.get(schema.get("format", "")) or _NAMES.get(str(kind), "anything")
    return name + _range(schema)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _range(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f", {least:,} to {most:,}"
    if "exclusiveMinimum" in schema and most is not None:
        return f", above {schema['exclusiveMinimum']:g}, at most {most:g}"
    return ""


_VERIFY = """
import base64, hashlib, hmac, time

def is_ours(secret, headers, body):
    moment = headers["webhook-timestamp"]
    if abs(time.time() - int(moment)) > 300:
        return False
    text = f"{headers['webhook-id']}.{moment}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    return hmac.compare_digest(f"v1,{digest}", headers["webhook-signature"])
"""
