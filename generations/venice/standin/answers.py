"""HTTP answers in the shapes that Venice gives them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

Cut = Literal["before", "inside", "after"]


class LineCut(ConnectionResetError):
    """The connection drops. In-process clients get this exception; `serve` closes the socket."""


@dataclass(slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes
    media_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_success(self) -> bool:
        return self.status < 300


def json_answer(status: int, content: Any, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=json.dumps(content).encode(), headers=named)


def error(status: int, text: str, **extra: Any) -> Answer:
    return json_answer(status, {"error": text, **extra})


def page(status: int, title: str) -> Answer:
    """What Cloudflare puts in front when Venice itself is away."""
    html = f"<!DOCTYPE html><html><head><title>venice.ai | {title}</title></head></html>"
    return Answer(status=status, body=html.encode(), media_type="text/html; charset=UTF-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One complaint of the validator. `field` "" means the body as a whole."""

    field: str
    message: str
    code: str = "custom"


def invalid(*issues: Issue, with_error: bool = True) -> Answer:
    """400 with Venice's three parts; older routes leave `error` out."""
    details: dict[str, Any] = {"_errors": [i.message for i in issues if not i.field]}
    for issue in issues:
        if issue.field:
            details.setdefault(issue.field, {"_errors": []})["_errors"].append(issue.message)
    content = {"details": details, "issues": [_issue(issue) for issue in issues]}
    error_part = {"error": "Invalid request parameters"} if with_error else {}
    return json_answer(400, error_part | content)


def unrecognized(names: list[str]) -> Answer:
    quoted = ", ".join(f"'{name}'" for name in names)
    message = f"Unrecognized key(s) in object: {quoted}"
    issue = {"code": "unrecognized_keys", "keys": names, "path": [], "message": message}
    return error(400, "Invalid request parameters", details={"_errors": [message]}, issues=[issue])


def _issue(issue: Issue) -> dict[str, Any]:
    path = [issue.field] if issue.field else []
    return {"code": issue.code, "path": path, "message": issue.message}


def payment_required() -> Answer:
    """The answer to a request without any key: an x402 offer, which has no `error`."""
    return json_answer(
        402,
        {"x402Version": 2, "accepts": [{"scheme": "exact", "network": "base"}], "extensions": {}},
    )


def no_balance() -> Answer:
    return error(
        402,
        "Insufficient USD or Diem balance to complete request. "
        "Visit https://venice.ai/settings/api to add credits.",
    )


def key_limit() -> Answer:
    return error(
        402,
        "API key USD spend limit exceeded. Your account may still have USD balance, "
        "but this API key has reached its configured USD spending limit.",
    )


def lockout(until: float) -> Answer:
    """`until`: Unix seconds."""
    return json_answer(
        429,
        {
            "error": "Too many failed attempts (> 20) resulting in a non-success status code. "
            "Please wait 30s and try again."
        },
        x_ratelimit_resets=str(int(until * 1000)),
    )


def rate_limited(**headers: str) -> Answer:
    return json_answer(429, {"error": "Rate limit exceeded"}, **headers)
