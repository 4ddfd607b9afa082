"""Telling what an answer of Venice means: which error it is, or which images it holds.

Nothing here does I/O. What is known of the shapes: the error page of Venice's documentation and
bodies recorded by other clients, 2025 to 2026.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from . import errors, values
from .types import AccountState, Deprecation, ImageAnswer, Verdict

LOCKOUT = timedelta(seconds=30)
RESET_HEADERS = ("retry-after", "x-ratelimit-reset-requests", "x-ratelimit-resets")

_FIRST_BYTES = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x00\x00\x00\x0cJXL ",
    b"\xff\x0a",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One whole HTTP answer. `headers` must look names up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    seconds: float = 0.0
    secret: str = ""

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return values.parsed_json(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What an error body says, whichever of Venice's shapes it has. Texts are already safe."""

    text: str
    field: str | None = None
    code: str | None = None
    suggested_prompt: str | None = None
    is_structured: bool = False


def problem_in(reply: Reply) -> Problem:
    body = values.mapping(reply.json())
    if not body:
        return Problem(text="no readable body")

    def safe(value: object, limit: int = errors.MESSAGE_LIMIT) -> str | None:
        found = values.text(value)
        return errors.safe_text(found, limit=limit, secrets=[reply.secret]) if found else None

    inner = values.mapping(body.get("error"))
    said = body.get("error") if isinstance(body.get("error"), str) else inner.get("message")
    field, complaint = _field_and_complaint(body)
    suggestion = body.get("suggested_prompt") or inner.get("suggested_prompt")
    return Problem(
        text=safe(complaint) or safe(said) or safe(body.get("message")) or "no reason given",
        field=safe(field, 60),
        code=safe(body.get("code") or inner.get("code"), 60),
        suggested_prompt=safe(suggestion, errors.SUGGESTION_LIMIT),
        is_structured=True,
    )


def _field_and_complaint(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The parameter at fault and what is wrong with it, from `issues`, else from `details`."""
    for entry in values.sequence(body.get("issues")):
        issue = values.mapping(entry)
        path = ".".join(str(step) for step in values.sequence(issue.get("path")))
        name = path or next(iter(values.texts(issue.get("keys"))), None)
        if name:
            return name, values.text(issue.get("message")) or _detail(body, name)
    details = values.mapping(body.get("details"))
    for name in details:
        if name != "_errors":
            return str(name), _detail(body, name)
    complaint = next(iter(values.texts(details.get("_errors"))), None)
    named = re.search(r"[Uu]nrecognized key\(s\) in object: '([^']{1,60})'", complaint or "")
    return (named[1] if named else None), complaint


def _detail(body: Mapping[str, Any], name: str) -> str | None:
    part = values.mapping(values.mapping(body.get("details")).get(name))
    return next(iter(values.texts(part.get("_errors"))), None)


def error_in(reply: Reply) -> errors.VeniceError:
    """The error that an answer other than 2xx to a paid POST stands for."""
    problem = problem_in(reply)
    message = f"{reply.status}: {problem.text}"
    match reply.status:
        case 401 if re.search(r"\bpro\b", problem.text, re.I):
            return errors.Refused(message, field="model", code="pro_only")
        case 401 | 403:
            return errors.BadKey(message)
        case 402:
            return _no_credit(message)
        case 429:
            return _too_many(message, reply)
        case 503:
            return errors.Overloaded(message, retry_at=retry_time(reply))
        case status if 400 <= status < 500 and status not in (408, 499):
            return _refused(message, reply.status, problem)
        case status if 300 <= status < 400:
            # Whoever redirects did not make the image. We never follow: the key would go along.
            return errors.Refused(message, code="redirected")
        case _:
            return errors.OutcomeUnknown(message)


def free_error_in(reply: Reply) -> errors.VeniceError:
    """The same for a GET, which costs nothing: no outcome to wonder about, safe to ask again."""
    error = error_in(reply)
    if isinstance(error, errors.OutcomeUnknown):
        return errors.Overloaded(
            error.message,
            public_message="Venice could not answer. Nothing was charged. Try again in a moment.",
        )
    return error


def _no_credit(message: str) -> errors.NoCredit:
    if re.search(r"spend\w* limit|limit exceeded", message, re.I):
        return errors.NoCredit(
            message,
            public_message="This Venice key has reached its own spending limit. "
            "Nothing was charged. Raise the limit at Venice, or run it on your own key.",
        )
    return errors.NoCredit(message)


def _too_many(message: str, reply: Reply) -> errors.VeniceError:
    """The three kinds of 429, told apart by their text alone."""
    retry_at = retry_time(reply)
    if re.search(r"failed (attempts|requests)|non-success|locked", message, re.I):
        return errors.LockedOut(message, until=retry_at or reply.received_at + LOCKOUT)
    if re.search(r"overloaded|capacity", message, re.I):
        return errors.Overloaded(message, retry_at=retry_at)
    return errors.RateLimited(message, retry_at=retry_at)


def _refused(message: str, status: int, problem: Problem) -> errors.Refused:
    code, field = "refused", problem.field
    if status == 422 and field is None:
        code, field = "content_policy_violation", "prompt"
    elif status in (404, 410) and problem.is_structured:
        code, field = ("model_gone" if status == 410 else "model_not_found"), field or "model"
    return errors.Refused(
        message,
        field=field,
        code=code,
        suggested_prompt=problem.suggested_prompt,
        public_message=_refusal_sentence(code, problem),
    )


def _refusal_sentence(code: str, problem: Problem) -> str | None:
    """Venice's own reason where our table has no better sentence."""
    if code != "refused" or not problem.is_structured:
        return None
    reason = problem.text.rstrip(".")
    at_fault = f"{problem.field}: {reason}" if problem.field else reason
    return f"Venice did not accept this request ({at_fault}). Nothing was charged."


def retry_time(reply: Reply) -> datetime | None:
    """When to come back: the latest usable time named, at most 120 s ahead; None if none is.

    Accepts Unix seconds and milliseconds, seconds from now, HTTP and ISO dates; past times and
    nonsense do not count.
    """
    named = (values.upcoming(reply.headers.get(n), reply.received_at) for n in RESET_HEADERS)
    return max((time for time in named if time is not None), default=None)


def answer_in(reply: Reply) -> ImageAnswer:
    """The images of a 2xx answer to POST /image/generate or /images/generations.

    Raises BadResponse when there is no image and no verdict that explains it.
    """
    body = None if looks_like_image(reply.body) else reply.json()
    images, unreadable = _images(reply, body)
    verdict = Verdict.from_reply(reply.headers, body)
    if not images and not verdict.withholds:
        raise errors.BadResponse(f"{reply.status}: no image in {_kind(reply, body)}")
    part = values.mapping(body)
    return ImageAnswer(
        images=images,
        request_id=values.text(part.get("id")) or _request_id(reply.headers),
        verdict=verdict,
        timing_ms=_timing(part.get("timing"), reply.seconds),
        model_id=values.text(reply.headers.get("x-venice-model-id"))
        or values.text(values.mapping(part.get("request")).get("model")),
        enhanced_prompt=_enhanced_prompt(reply),
        account=AccountState.from_headers(reply.headers, reply.received_at),
        deprecation=deprecation_in(reply.headers),
        unreadable=unreadable,
    )


def looks_like_image(content: bytes) -> bool:
    """Whether the first bytes are those of a picture. Pillow decides later what it really is."""
    return (
        content.startswith(_FIRST_BYTES)
        or (content[:4] == b"RIFF" and content[8:12] == b"WEBP")
        or content[4:12] in (b"ftypavif", b"ftypavis", b"ftypheic", b"ftypmif1")
    )


def _images(reply: Reply, body: object) -> tuple[tuple[bytes, ...], int]:
    """Every readable image, and how many entries were none: the others are paid for."""
    if body is None:
        return ((reply.body,), 0) if looks_like_image(reply.body) else ((), 0)
    part = values.mapping(body)
    entries = [*values.sequence(part.get("images")), *values.sequence(part.get("data"))]
    found = (_decoded(entry) for entry in entries)
    images = tuple(image for image in found if image is not None)
    return images, len(entries) - len(images)


def _decoded(entry: object) -> bytes | None:
    """One image from base64 text, a data: URL, or OpenAI's {b64_json} or {url} around it."""
    part = values.mapping(entry)
    text = values.text(part.get("b64_json") or part.get("url") or entry)
    if text is None:
        return None
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if looks_like_image(content) else None


def _kind(reply: Reply, body: object) -> str:
    if body is not None:
        said = problem_in(reply)
        return f"JSON ({said.text})" if said.is_structured else "JSON"
    media_type = errors.safe_text(reply.headers.get("content-type", "no type"), limit=60)
    return f"{len(reply.body)} bytes of {media_type}"


def _request_id(headers: Mapping[str, str]) -> str | None:
    names = ("x-venice-request-id", "x-request-id", "cf-ray")
    found = next((headers[name] for name in names if headers.get(name)), None)
    return errors.safe_text(found, limit=100) if found else None


def _timing(part: object, seconds: float) -> dict[str, float]:
    named = {str(k): values.decimal(v) for k, v in values.mapping(part).items()}
    told = {name: float(ms) for name, ms in named.items() if ms is not None}
    return told | {"client": round(seconds * 1000, 1)}


def _enhanced_prompt(reply: Reply) -> str | None:
    """Sent URL-encoded, since a header holds no line breaks and no other alphabets."""
    sent = reply.headers.get("x-venice-enhanced-prompt")
    if not sent:
        return None
    return errors.safe_text(unquote(sent), limit=errors.SUGGESTION_LIMIT, secrets=[reply.secret])


def deprecation_in(headers: Mapping[str, str]) -> Deprecation | None:
    date = values.moment(headers.get("x-venice-model-deprecation-date"))
    warning = headers.get("x-venice-model-deprecation-warning")
    if date is None and not warning and not values.flag(headers.get("x-venice-deprecated")):
        return None
    return Deprecation(
        date=date,
        replacement=values.text(headers.get("x-venice-deprecated-replacement")),
        warning=errors.safe_text(warning) if warning else None,
    )
