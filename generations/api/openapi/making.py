"""The three addresses that make images."""

from typing import Any

from generations.api.openapi.parts import MADE_HEADERS, body, files, header, json, only, operation
from generations.services.submission import KEY_LIMIT

_REFUSALS = (
    *("400", "401", "402", "403", "404", "409", "413", "415", "422", "429"),
    *("500", "502", "503", "504"),
)
_WISHES = [
    {
        "name": "Prefer",
        "in": "header",
        "description": "`respond-async` answers 202 at once; `wait=30` waits at most 30 s.",
        "schema": {"type": "string", "examples": ["respond-async"]},
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same key and body lead to the same images for a day.",
        "schema": {"type": "string", "minLength": 1, "maxLength": KEY_LIMIT, "pattern": r"\S"},
    },
]


def operations() -> dict[str, Any]:
    again = "createImagesAtVenicesPath"
    return {
        "/v1/images/generations": {"post": _openai("createImages", "Error")},
        "/api/v1/images/generations": {"post": _openai(again, "NativeError")},
        "/api/v1/image/generations": {"post": _openai(f"{again}Too", "NativeError")},
        "/api/v1/image/generate": {"post": _native()},
    }


def _openai(name: str, error: str) -> dict[str, Any]:
    return operation(
        name,
        "Make images, in OpenAI's words.",
        {"200": json("Images", "The images.", headers=MADE_HEADERS), "202": _accepted()},
        refusals=_REFUSALS,
        error=error,
        parameters=_WISHES,
        requestBody=body("ImagesRequest"),
    )


def _native() -> dict[str, Any]:
    made = json("NativeImages", "The images.", headers=MADE_HEADERS)
    made["content"] |= files()
    return operation(
        "generateImage",
        "Make images, in Venice's words.",
        {"200": made, "202": _accepted()},
        refusals=_REFUSALS,
        error="NativeError",
        parameters=_WISHES,
        requestBody=body("NativeRequest"),
    )


def _accepted() -> dict[str, Any]:
    headers = {"Location": header("Where to look."), **only("X-Generation-Id", "X-Model")}
    return json("Accepted", "It was taken, and goes on.", headers=headers)
