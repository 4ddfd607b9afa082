"""The description of the API: OpenAPI 3.1, from the types by which requests are read."""

import functools
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from generations.api import answers, generations, venice_catalogue
from generations.api.access import public
from generations.api.native import NativeRequest
from generations.api.schema import ImagesRequest
from generations.models.generation import State
from generations.models.webhook import Happening
from generations.services.submission import KEY_LIMIT

_REF = "#/components/schemas/{model}"
_SAME: dict[str, Any] = {"$ref": _REF.format(model="Generation")}

WORDS = {
    "n": "How many images; more than four are made in several calls, with the seeds that follow.",
    "size": "Width x height in pixels, or `auto`. The nearest that the model makes is made, and "
    "told in the headers `X-Size`, `X-Aspect-Ratio` and `X-Resolution`.",
    "quality": "The nearest that the model has; without effect where it has none.",
    "style": "Taken, and without effect: see `style_preset`.",
    "background": "Taken, and without effect.",
    "moderation": "`low` asks Venice for images without its safe mode, as far as the team's rules "
    "allow.",
    "output_format": "Default `png`.",
    "output_compression": "How good JPEG and WebP are, in percent.",
    "response_format": "`url` is an address that works for an hour without a token. Without a "
    "word there are both.",
    "user": "For whom this is, in your own words; kept with the job.",
    "safety_identifier": "The same, under its newer name.",
    "stream": "Images do not come in parts.",
    "partial_images": "Images do not come in parts.",
    "negative_prompt": "What the images should not show.",
    "seed": "The same seed makes almost the same image. The one used is told in `X-Seed`.",
    "steps": "How many steps the model takes.",
    "cfg_scale": "How closely the model keeps to the prompt.",
    "style_preset": "One of the names at `/api/v1/image/styles`.",
    "lora_strength": "In percent.",
    "aspect_ratio": "Of models that are sized so.",
    "resolution": "Of models that have tiers: `1K`, `2K`, `4K`.",
    "width": "In pixels, of models that are sized so.",
    "height": "In pixels, of models that are sized so.",
    "format": "The file's format.",
    "variants": "How many images.",
    "safe_mode": "Has Venice blur what is for adults.",
    "hide_watermark": "Leave out Venice's watermark.",
    "embed_exif_metadata": "Write the prompt into the file.",
    "enhance_prompt": "Let Venice rewrite the prompt first; it costs extra, so `confirm_price` "
    "is needed.",
    "enable_web_search": "Let the model search the web; it costs extra, so `confirm_price` is "
    "needed.",
    "visibility": "Who sees the images: the team, or you alone. Default: your own setting.",
    "priority": "`background` lets everybody go first who waits for an image.",
}
# What neither dialect can hold, though the type of a field would: said here, refused by the rules.
_SHOWS_SOMETHING = {"minLength": 1, "pattern": r"^[^\x00]*[^\x00\s][^\x00]*$"}

REFUSALS = {
    "400": "The request is wrong, or what came of it is held for review.",
    "401": "There is no token that works.",
    "402": "No credit is left at Venice.",
    "403": "The token, or Venice's key, may not do that.",
    "404": "There is no such thing, or no such model.",
    "409": "The Idempotency-Key was used for another request, or it is over already.",
    "413": "The body is larger than 1 MB.",
    "415": "The body is no JSON.",
    "422": "Venice does not make images from this prompt.",
    "429": "A limit is reached; `Retry-After` says when to come again.",
    "500": "Something went wrong here.",
    "502": "The answer from Venice was lost: it may have been charged.",
    "503": "The model is full, or Venice cannot be reached.",
    "504": "It still runs; `Location` says where to look.",
}
_MAKING = (
    *("400", "401", "402", "403", "404", "409", "413", "415", "422", "429"),
    *("500", "502", "503", "504"),
)
_READING = ("401", "403", "500")


@public("GET", "HEAD")
def document(request: HttpRequest) -> HttpResponseBase:
    response = JsonResponse(described())
    # A page of another origin may show it: there is nothing secret in it.
    response["Access-Control-Allow-Origin"] = "*"
    return response


@functools.cache
def described() -> dict[str, Any]:
    """The whole document. Cached: nothing of it depends on who asks."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "veniceweb",
            "version": "1",
            "summary": "Images through this studio, in the words of OpenAI and of Venice.",
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": _paths(),
        "webhooks": _webhooks(),
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of this studio: `vw_…`, from the settings.",
                }
            },
            "schemas": _schemas(),
        },
    }


def _schemas() -> dict[str, Any]:
    kinds = [
        kind
        for kind in vars(answers).values()
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not BaseModel
    ]
    asked = [(ImagesRequest, "validation"), (NativeRequest, "validation")]
    told = [(kind, "validation") for kind in kinds if kind is not answers.Answer]
    _, found = models_json_schema([*asked, *told], ref_template=_REF)  # type: ignore[list-item]
    schemas: dict[str, Any] = found["$defs"]
    for name in ("ImagesRequest", "NativeRequest"):
        _explain(schemas[name]["properties"])
    tidied: dict[str, Any] = _tidy(schemas)
    return tidied


def _explain(fields: dict[str, Any]) -> None:
    for name, sentence in WORDS.items():
        if name in fields:
            fields[name].setdefault("description", sentence)
    fields["prompt"] |= _SHOWS_SOMETHING | {"examples": ["A stone bridge at dawn"]}
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
    return kept


# --- operations -----------------------------------------------------------------------------


def _paths() -> dict[str, Any]:
    openai, native = "Error", "NativeError"
    return {
        "/v1/images/generations": {"post": _making("createImages", openai)},
        "/v1/models": {"get": _listed("listModels", "The models and aliases.", "Models")},
        "/v1/models/{model}": {
            "get": _operation(
                "getModel",
                "One model, by id, trait or alias.",
                {"200": _json("Model", "The model.")},
                refusals=(*_READING, "404"),
                parameters=[_path("model", {"type": "string", "minLength": 1})],
            )
        },
        "/v1/images/{image}": {"get": _file()},
        "/v1/generations": {"get": _jobs()},
        "/v1/generations/{generation}": {"get": _job(), "delete": _cancelling()},
        "/api/v1/images/generations": {"post": _making("createImagesAtVenicesPath", native)},
        "/api/v1/image/generate": {"post": _native()},
        "/api/v1/image/styles": {"get": _styles()},
        "/api/v1/models": {
            "get": _typed("listNativeModels", "The models, with constraints and prices.", "Native")
        },
        "/api/v1/models/traits": {
            "get": _typed("listTraits", "Which model a trait stands for.", "Named")
        },
        "/api/v1/models/compatibility_mapping": {
            "get": _typed("listMapping", "Which model a name of another service's is.", "Named")
        },
    }


def _operation(
    name: str,
    summary: str,
    good: dict[str, Any],
    *,
    refusals: tuple[str, ...],
    error: str = "Error",
    **more: Any,
) -> dict[str, Any]:
    bad = {status: _json(error, REFUSALS[status]) for status in refusals}
    return {"operationId": name, "summary": summary, **more, "responses": {**good, **bad}}


def _json(schema: str, description: str, **more: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(model=schema)}}}
    return {"description": description, "content": content, **more}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_MADE_HEADERS = {
    "X-Generation-Id": _header("The job; its address is /v1/generations/<id>."),
    "X-Price-USD": _header("What it cost."),
    "X-Budget-Left-USD": _header("What may still be spent this month, where there is a limit."),
    "X-Seed": _header("The seed that was used."),
    "X-Model": _header("The model that was used."),
    "X-Size": _header("The size that was asked of the model, in pixels."),
}
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
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": KEY_LIMIT,
            "pattern": r"\S",
        },
    },
]


def _accepted() -> dict[str, Any]:
    return _json(
        "Accepted",
        "It was taken, and goes on.",
        headers={"Location": _header("Where to look."), **_only("X-Generation-Id")},
    )


def _only(*names: str) -> dict[str, Any]:
    return {name: _MADE_HEADERS[name] for name in names}


def _body(schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(model=schema)}}}
    return {"required": True, "content": content}


def _making(name: str, error: str) -> dict[str, Any]:
    return _operation(
        name,
        "Make images, in OpenAI's words.",
        {"200": _json("Images", "The images.", headers=_MADE_HEADERS), "202": _accepted()},
        refusals=_MAKING,
        error=error,
        parameters=_WISHES,
        requestBody=_body("ImagesRequest"),
    )


def _native() -> dict[str, Any]:
    made = _json("NativeImages", "The images.", headers=_MADE_HEADERS)
    for kind in ("png", "jpeg", "webp"):
        made["content"][f"image/{kind}"] = {"schema": {"type": "string", "format": "binary"}}
    return _operation(
        "generateImage",
        "Make images, in Venice's words.",
        {"200": made, "202": _accepted()},
        refusals=_MAKING,
        error="NativeError",
        parameters=_WISHES,
        requestBody=_body("NativeRequest"),
    )


def _listed(name: str, summary: str, schema: str) -> dict[str, Any]:
    return _operation(name, summary, {"200": _json(schema, "The list.")}, refusals=_READING)


def _typed(name: str, summary: str, kind: str) -> dict[str, Any]:
    types = [venice_catalogue.IMAGE, venice_catalogue.ALL, *venice_catalogue.OTHER_TYPES]
    sentence = "Of types other than `image` there is nothing here."
    return _operation(
        name,
        summary,
        {"200": _json(f"{kind}Models", "The list.")},
        refusals=("400", *_READING),
        error="NativeError",
        parameters=[_query("type", {"type": "string", "enum": types}, sentence)],
    )


def _styles() -> dict[str, Any]:
    both = [
        {"$ref": _REF.format(model="Styles")},
        {"type": "array", "items": {"type": "string"}},
    ]
    shape = {"type": "string", "enum": list(venice_catalogue.SHAPES)}
    good = {
        "description": "The names.",
        "content": {"application/json": {"schema": {"anyOf": both}}},
    }
    return _operation(
        "listStyles",
        "The names for `style_preset`.",
        {"200": good},
        refusals=("400", *_READING),
        error="NativeError",
        parameters=[_query("shape", shape, "`array`: the names alone.")],
    )


def _query(name: str, schema: dict[str, Any], description: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def _path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


_UUID = {"type": "string", "format": "uuid"}
_MOMENT = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]
}


def _jobs() -> dict[str, Any]:
    states = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": State.values}}
    limit = {"type": "integer", "minimum": 1, "maximum": generations.MOST}
    return _operation(
        "listGenerations",
        "Your jobs, newest first.",
        {"200": _json("Generations", "A page of them.")},
        refusals=("400", *_READING),
        parameters=[
            _query("state", states, "One or several, with commas.", style="form", explode=False),
            _query("model", {"type": "string", "pattern": r"^[^\x00]*$"}, "The id of a model."),
            _query("since", _MOMENT, "Asked for at that moment or later; a day is meant whole."),
            _query("until", _MOMENT, "Asked for before that moment; a day is meant whole."),
            _query("limit", limit, f"How many at a time; {generations.PAGE} without a word."),
            _query(
                "after",
                {"type": "string", "pattern": r"^[0-9]{1,17}-[0-9a-f]{32}$"},
                "Where the last page ended: `next` has it.",
            ),
        ],
    )


def _job() -> dict[str, Any]:
    return _operation(
        "getGeneration",
        "One of your jobs.",
        {"200": _json("Generation", "The job.", headers=_only("X-Generation-Id"))},
        refusals=(*_READING, "404"),
        parameters=[_path("generation", _UUID)],
    )


def _cancelling() -> dict[str, Any]:
    return _operation(
        "cancelGeneration",
        "Take a job back while it waits.",
        {
            "200": _json("Generation", "It is cancelled; nothing was charged."),
            "202": _json("Generation", "Venice has it already: it is paid for, and not listed."),
        },
        refusals=(*_READING, "404", "409"),
        parameters=[_path("generation", _UUID)],
    )


def _file() -> dict[str, Any]:
    text = {"type": "string"}
    made = {
        f"image/{kind}": {"schema": {"type": "string", "format": "binary"}}
        for kind in ("png", "jpeg", "webp")
    }
    return _operation(
        "getImage",
        "An image, at the address that `url` has. It needs no token.",
        {"200": {"description": "The file.", "content": made}},
        refusals=("404", "500"),
        security=[],
        parameters=[
            _path("image", _UUID),
            _query("expires", text, "From `url`.", required=True),
            _query("signature", text, "From `url`.", required=True),
            _query("format", text, "From `url`."),
            _query("quality", text, "From `url`."),
        ],
    )


def _webhooks() -> dict[str, Any]:
    headers = [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ]
    return {
        happening.value: {
            "post": {
                "summary": happening.label,
                "parameters": headers,
                "requestBody": _body("Told"),
                "responses": {"2XX": {"description": "It was heard."}},
            }
        }
        for happening in Happening
    }
