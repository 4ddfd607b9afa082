"""The addresses that read: models, styles, jobs and files."""

from typing import Any

from generations.api import paging, venice_catalogue
from generations.api.openapi.parts import (
    READING,
    TEXT,
    UUID,
    files,
    header,
    json,
    only,
    operation,
    path,
    query,
    ref,
)
from generations.models.generation import State

_MOMENT = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]
}


def operations() -> dict[str, Any]:
    native = "/api/v1/models"
    return {
        "/v1/models": {"get": _listed("listModels", "The models and aliases.", "Models")},
        "/v1/models/{model}": {"get": _model()},
        "/v1/images/{image}": {"get": _file()},
        "/v1/generations": {"get": _jobs()},
        "/v1/generations/{generation}": {"get": _job(), "delete": _cancelling()},
        "/api/v1/image/styles": {"get": _styles()},
        native: {
            "get": _typed("listNativeModels", "The models, with constraints and prices.", "Native")
        },
        f"{native}/traits": {
            "get": _typed("listTraits", "Which model a trait stands for.", "Named")
        },
        f"{native}/compatibility_mapping": {
            "get": _typed("listMapping", "Which model a name of another service's is.", "Named")
        },
    }


def _listed(name: str, summary: str, schema: str) -> dict[str, Any]:
    return operation(name, summary, {"200": json(schema, "The list.")}, refusals=READING)


def _model() -> dict[str, Any]:
    return operation(
        "getModel",
        "One model, by id, trait or alias.",
        {"200": json("Model", "The model.")},
        refusals=(*READING, "404"),
        parameters=[path("model", {"type": "string", "minLength": 1})],
    )


def _typed(name: str, summary: str, kind: str) -> dict[str, Any]:
    types = [venice_catalogue.IMAGE, venice_catalogue.ALL, *venice_catalogue.OTHER_TYPES]
    sentence = "Of types other than `image` there is nothing here."
    return operation(
        name,
        summary,
        {"200": json(f"{kind}Models", "The list.")},
        refusals=("400", *READING),
        error="NativeError",
        parameters=[query("type", {"type": "string", "enum": types}, sentence)],
    )


def _styles() -> dict[str, Any]:
    both = [
        ref("Styles"),
        {"type": "array", "items": {"type": "string"}},
    ]
    shape = {"type": "string", "enum": list(venice_catalogue.SHAPES)}
    good = {
        "description": "The names.",
        "content": {"application/json": {"schema": {"anyOf": both}}},
    }
    return operation(
        "listStyles",
        "The names for `style_preset`.",
        {"200": good},
        refusals=("400", *READING),
        error="NativeError",
        parameters=[
            query(
                "shape",
                shape,
                "`array`: the names alone, also without a word; `list`: as Venice's service sends.",
            )
        ],
    )


def _jobs() -> dict[str, Any]:
    states = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": State.values}}
    limit = {"type": "integer", "minimum": 1, "maximum": paging.MOST}
    return operation(
        "listGenerations",
        "Your jobs, newest first.",
        {"200": json("Generations", "A page of them.")},
        refusals=("400", *READING),
        parameters=[
            query("state", states, "One or several, with commas.", style="form", explode=False),
            query("model", {"type": "string", "pattern": r"^[^\x00]*$"}, "The id of a model."),
            query("since", _MOMENT, "Asked for at that moment or later; a day is meant whole."),
            query("until", _MOMENT, "Asked for before that moment; a day is meant whole."),
            query("limit", limit, f"How many at a time; {paging.PAGE} without a word."),
            query(
                "after",
                {"type": "string", "pattern": paging.PLACE},
                "Where the last page ended: `next` has it.",
            ),
        ],
    )


def _job() -> dict[str, Any]:
    return operation(
        "getGeneration",
        "One of your jobs.",
        {"200": json("Generation", "The job.", headers=only("X-Generation-Id"))},
        refusals=(*READING, "404"),
        parameters=[path("generation", UUID)],
    )


def _cancelling() -> dict[str, Any]:
    return operation(
        "cancelGeneration",
        "Take a job back while it waits.",
        {
            "200": json("Generation", "It is cancelled; nothing was charged."),
            "202": json("Generation", "Venice has it already: it is paid for, and not listed."),
        },
        refusals=(*READING, "404", "409"),
        parameters=[path("generation", UUID)],
    )


def _file() -> dict[str, Any]:
    headers = {**only("X-Generation-Id"), "ETag": header("Changes with the file.")}
    return operation(
        "getImage",
        "An image, at the address that `url` has. It needs no token.",
        {
            "200": {"description": "The file.", "content": files(), "headers": headers},
            "304": {"description": "It is as it was, and may still be shown."},
        },
        refusals=("404", "429", "500"),
        security=[],
        parameters=[
            path("image", UUID),
            query("expires", TEXT, "From `url`.", required=True),
            query("signature", TEXT, "From `url`.", required=True),
            query("format", TEXT, "From `url`."),
            query("quality", TEXT, "From `url`."),
        ],
    )
