"""What operations are put together from: answers, bodies, headers and parameters."""

from typing import Any

from generations.api.openapi.words import REFUSALS

REF = "#/components/schemas/{model}"
READING = ("401", "403", "429", "500")
UUID = {"type": "string", "format": "uuid"}
TEXT = {"type": "string"}


def operation(
    name: str,
    summary: str,
    good: dict[str, Any],
    *,
    refusals: tuple[str, ...],
    error: str = "Error",
    **more: Any,
) -> dict[str, Any]:
    bad = {status: json(error, REFUSALS[status]) for status in refusals}
    return {"operationId": name, "summary": summary, **more, "responses": {**good, **bad}}


def ref(schema: str) -> dict[str, str]:
    return {"$ref": REF.format(model=schema)}


def json(schema: str, description: str, **more: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": ref(schema)}}
    return {"description": description, "content": content, **more}


def body(schema: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": ref(schema)}}}


def files() -> dict[str, Any]:
    kinds = ("png", "jpeg", "webp")
    return {f"image/{kind}": {"schema": {**TEXT, "format": "binary"}} for kind in kinds}


def header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": TEXT}


def query(name: str, schema: dict[str, Any], description: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema, **more}


def path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


MADE_HEADERS = {
    "X-Generation-Id": header(
        "The job; its address is /v1/generations/<id>. An answer without it is about no job: "
        "nothing was queued, and nothing will be charged."
    ),
    "X-Price-USD": header("What it cost."),
    "X-Budget-Left-USD": header("What may still be spent this month, where there is a limit."),
    "X-Seed": header("The seed that was used."),
    "X-Model": header("The model that was used."),
    "X-Size": header("The size that was asked of the model, in pixels."),
}


def only(*names: str) -> dict[str, Any]:
    return {name: MADE_HEADERS[name] for name in names}
