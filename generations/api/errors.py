"""What programs are told when it does not work: one table, and each dialect's shape of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone

from generations.models import Generation
from generations.models.generation import State
from generations.models.spend import Month
from generations.services import policy
from generations.services.errors import AgainstPolicy, Invalid, NoUsableKey, OverBudget
from generations.services.submission import Conflict
from generations.venice.errors import CONSEQUENCES, REFUSALS, VeniceError


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of error is said: HTTP status, and OpenAI's `type`."""

    status: int
    type: str = "invalid_request_error"


# Ours, by code. What Venice's errors are stands in venice.errors.
KINDS: dict[str, Kind] = {
    "invalid_api_key": Kind(401),
    "key_in_query": Kind(401),
    "missing_scope": Kind(403, "permission_error"),
    "not_allowed": Kind(403, "permission_error"),
    "not_found": Kind(404),
    "model_not_found": Kind(404),
    "method_not_allowed": Kind(405),
    "idempotency_conflict": Kind(409),
    "cancelled": Kind(409),
    "not_decidable": Kind(409),
    "not_cancellable": Kind(409),
    "request_too_large": Kind(413),
    "unsupported_media_type": Kind(415),
    "bad_request": Kind(400),
    "invalid_json": Kind(400),
    "invalid_value": Kind(400),
    "missing_required_parameter": Kind(400),
    "unknown_parameter": Kind(400),
    "unsupported_parameter": Kind(400),
    "content_policy_violation": Kind(400),
    "insufficient_quota": Kind(429, "insufficient_quota"),
    "too_many_requests": Kind(429, "rate_limit_error"),
    "no_key": Kind(403, "permission_error"),
    "mode_changed": Kind(503, "server_error"),
    "still_running": Kind(504, "server_error"),
    "server_error": Kind(500, "server_error"),
}
VENICE = {kind.code: consequence for kind, consequence in CONSEQUENCES.items()} | REFUSALS
# Seconds after which it may work again, where nobody named a time.
RETRY_AFTER = 60


@dataclass
class ApiError(Exception):
    """An answer that is an error. `message` is a sentence for a person, `code` for the program.

    `param`: the field that is at fault, as this dialect names it. `details`: field -> sentences,
    when there are several.
    """

    code: str
    message: str
    param: str | None = None
    status: int = 0
    type: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    # What Venice would make instead, where it says so.
    suggested_prompt: str = ""

    def __post_init__(self) -> None:
        kind = KINDS.get(self.code)
        if kind:
            self.status, self.type = self.status or kind.status, self.type or kind.type


def openai(error: ApiError) -> dict[str, Any]:
    return {
        "error": {
            "message": error.message,
            "type": error.type,
            "param": error.param,
            "code": error.code,
        }
    }


def venice(error: ApiError) -> dict[str, Any]:
    """Venice's words: a sentence, and beside it what OpenAI's shape would say."""
    body: dict[str, Any] = {"error": error.message, "code": error.code}
    fields = error.details or ({error.param: error.message} if error.param else {})
    if fields and error.status == 400:
        body["details"] = {
            "_errors": [fields[""]] if "" in fields else [],
            **{name: {"_errors": [text]} for name, text in fields.items() if name},
        }
    if error.suggested_prompt:
        body["suggested_prompt"] = error.suggested_prompt
    return body


def dialect(path: str) -> Any:
    """Which of the two a path speaks."""
    return venice if path.startswith("/api") else openai


def response(error: ApiError, path: str) -> HttpResponse:
    """The answer. Whoever sends the same again after one of these gets the same again, but a
    server that broke may have mended."""
    body = json.dumps(dialect(path)(error), ensure_ascii=False)
    answer = HttpResponse(body, status=error.status, content_type="application/json")
    if error.code != "server_error":
        answer["x-should-retry"] = "false"
    for name, value in error.headers.items():
        answer[name] = value
    return answer


# --- from what the services raise -----------------------------------------------------------


def of_invalid(problem: Invalid, names: Mapping[str, str]) -> ApiError:
    """`names`: Venice's name of a parameter -> this dialect's."""
    fields = {names.get(name, name): sentence for name, sentence in problem.fields.items()}
    message = " ".join(dict.fromkeys(fields.values()))
    if isinstance(problem, OverBudget):
        wait = int((Month.current().end - timezone.now()) / timedelta(seconds=1)) + 1
        return ApiError("insufficient_quota", message, headers={"Retry-After": str(wait)})
    if isinstance(problem, NoUsableKey):
        return (
            _as_venice(problem.code, message)
            if problem.code in VENICE
            else ApiError(problem.code, message)
        )
    param = next((name for name in fields if name), None)
    if isinstance(problem, AgainstPolicy) and param == names.get("prompt", "prompt"):
        return ApiError("content_policy_violation", message, param=param, details=fields)
    return ApiError("invalid_value", message, param=param, details=fields)


def storage_away() -> ApiError:
    """A bucket that is gone may be back in a moment."""
    sentence = "The storage does not answer. Try again in a moment."
    return ApiError("server_error", sentence, status=503, headers={"Retry-After": "10"})


def of_conflict(problem: Conflict) -> ApiError:
    """The job that the key led to is named, so that the program may look at it."""
    return ApiError(
        "idempotency_conflict", str(problem), headers={"X-Generation-Id": problem.generation}
    )


def of_job(job: Generation, names: Mapping[str, str]) -> ApiError:
    """Why this job, which is over, has no picture to show."""
    code, message = job.error_code, job.error_message
    if job.state == State.SUCCEEDED and not job.images.filter(deleted_at=None).exists():
        return ApiError("not_found", DELETED)
    if job.state == State.SUCCEEDED:
        return ApiError("content_policy_violation", HELD)
    if job.state == State.CANCELLED:
        return ApiError("cancelled", "It was cancelled before it was sent. Nothing was charged.")
    if code == policy.CODE:
        return _of_policy(job, names)
    if code == "content_policy_violation" and not _was_refused(job):
        return ApiError(code, message)
    if code in VENICE:
        param = names.get(job.error_field, job.error_field) or None
        if code == "model_not_found" or code == "model_gone":
            param = "model"
        return _as_venice(code, message, param)
    if code in KINDS:
        return ApiError(code, message)
    return _as_venice(VeniceError.code, message)


DELETED = "What this request made was deleted since. Take a new Idempotency-Key to make it again."
HELD = (
    "What came is held for review: Venice flagged it. A reviewer decides whether it is shown. "
    "Change the prompt to make another."
)


def _of_policy(job: Generation, names: Mapping[str, str]) -> ApiError:
    """A rule that came while it waited: told as it is to those who come after the rule."""
    code = {"prompt": "content_policy_violation", "": "no_key"}.get(job.error_field)
    param = names.get(job.error_field, job.error_field) or None
    return ApiError(code or "invalid_value", job.error_message, param=param)


def _was_refused(job: Generation) -> bool:
    """Venice turned the prompt down; else it answered, without a picture."""
    last = job.calls.order_by("-number").first()
    return last is not None and last.outcome == last.Outcome.REFUSED


def _as_venice(code: str, message: str, param: str | None = None) -> ApiError:
    consequence = VENICE[code]
    status = consequence.http_status
    return ApiError(
        consequence.error_code,
        message or consequence.sentence,
        param=param,
        status=status,
        type=consequence.error_type,
        headers={"Retry-After": str(RETRY_AFTER)} if status in (429, 503) else {},
    )
