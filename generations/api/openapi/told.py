"""What webhooks are told."""

from typing import Any

from generations.api.openapi.parts import TEXT, body
from generations.models.webhook import Happening


def webhooks() -> dict[str, Any]:
    headers = [
        {"name": name, "in": "header", "required": True, "schema": TEXT}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ]
    return {
        happening.value: {
            "post": {
                "summary": happening.label,
                "parameters": headers,
                "requestBody": body("Told"),
                "responses": {"2XX": {"description": "It was heard."}},
            }
        }
        for happening in Happening
    }
