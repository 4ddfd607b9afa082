"""The description of the API: OpenAPI 3.1, from the types by which requests are read."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from generations.api.access import public
from generations.api.openapi import making, people, reading, told
from generations.api.openapi.schemas import schemas
from generations.api.openapi.words import REFUSALS as REFUSALS


@public("GET", "HEAD")
def document(request: HttpRequest) -> HttpResponseBase:
    response = JsonResponse(described())
    # A page of another origin may show it: there is nothing secret in it.
    response["Access-Control-Allow-Origin"] = "*"
    return response


def described() -> dict[str, Any]:
    """The whole document. It is the same for everybody, and changes with Venice's catalogue."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "veniceweb",
            "version": "1",
            "summary": "Images through this studio, in the words of OpenAI and of Venice.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": {**making.operations(), **reading.operations(), **people.operations()},
        "webhooks": told.webhooks(),
        "components": {"securitySchemes": {"token": _TOKEN}, "schemas": schemas()},
    }


_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of this studio: `vw_…`, from the settings.",
}
