"""POST /v1/images/generations, as OpenAI's SDKs send it."""

import base64
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from pydantic_core import to_json

from generations.api import errors, jobs, schema, size
from generations.api.access import ApiRequest, program
from generations.api.body import read, typed
from generations.api.errors import ApiError
from generations.api.models import chosen
from generations.api.preferences import Preferences
from generations.api.schema import ImagesRequest
from generations.api.waiting import Waiting
from generations.models import Call, Generation, Image
from generations.models.token import Scope
from generations.services import delivery, limiter, spend
from generations.services import generation as generations
from generations.services.errors import Invalid
from generations.services.parameters import Rules
from generations.services.submission import Conflict, Once, fingerprint

# Venice's name of a parameter -> the name under which it came here.
NAMES = {"variants": "n", "format": "output_format", "": ""}
# Fields that are Venice's own, under their own names.
_NATIVE = (
    *("negative_prompt", "seed", "steps", "cfg_scale", "style_preset", "lora_strength"),
    *("aspect_ratio", "resolution", "width", "height", "hide_watermark"),
    *("embed_exif_metadata", "enhance_prompt", "enable_web_search"),
)
_QUALITIES = {"hd": "high", "standard": "medium"}


@program("POST", scopes=(Scope.GENERATE,))
def generate(request: ApiRequest) -> HttpResponseBase:
    data = read(request)
    asked, prefers = typed(ImagesRequest, data), Preferences.of(request)
    choice = chosen(asked.model, request.user)
    once = Once(
        request.token, fingerprint("images", data), prefers.idempotency_key, prefers.is_retry
    )
    try:
        found = generations.submit(
            request.user,
            model=choice,
            parameters=_parameters(choice.rules, asked),
            is_price_confirmed=bool(asked.confirm_price),
            is_background=prefers.is_background or asked.priority == "background",
            visibility=asked.visibility,
            token=request.token,
            end_user=asked.safety_identifier or asked.user or "",
            once=once,
        )
    except Invalid as problem:
        raise errors.of_invalid(problem, _names(asked)) from None
    except Conflict as problem:
        raise errors.of_conflict(problem) from None
    answer = Answer(request, asked, once, base=schema.base_of(request))
    if prefers.is_async and prefers.wait is None:
        return jobs.accepted(found, base=answer.base)
    return Waiting(
        found,
        path=request.path,
        timeout=prefers.timeout,
        finish=answer.later if prefers.is_async else answer.now,
    )


def _names(asked: ImagesRequest) -> dict[str, str]:
    """What a rule of Venice's names, as the program knows it: what it said, not what came of it."""
    names = dict(NAMES)
    for ours in ("width", "height", "aspect_ratio", "resolution"):
        if getattr(asked, ours) is None:
            names[ours] = "size"
    if asked.safe_mode is None:
        names["safe_mode"] = "moderation"
    if asked.output_format is None and asked.format is not None:
        names["format"] = "format"
    return names


def _parameters(rules: Rules, asked: ImagesRequest) -> dict[str, Any]:
    """The request under Venice's names. What OpenAI has and the model has not is left out, as
    Venice's own endpoint does: quality, style, background."""
    native = {name: getattr(asked, name) for name in _NATIVE}
    given = {name: value for name, value in native.items() if value is not None}
    is_sized = given.keys() & {"width", "height", "aspect_ratio", "resolution"}
    if asked.size not in (None, "auto") or not is_sized:
        given = {**size.parameters(rules, asked.size), **given}
    if quality := _quality(rules, asked.quality):
        given["quality"] = quality
    if asked.safe_mode is not None:
        given["safe_mode"] = asked.safe_mode
    elif "safe_mode" in rules.fields:
        given["safe_mode"] = asked.moderation != "low"
    return {
        **given,
        "prompt": asked.prompt,
        "variants": asked.n or 1,
        "format": _made_as(asked),
    }


def _quality(rules: Rules, asked: str | None) -> str:
    """The nearest that the model has, "" where it has none or is left to choose."""
    if not rules.qualities or asked in (None, "auto"):
        return ""
    known = {quality.lower(): quality for quality in rules.qualities}
    wanted = str(asked).lower()
    return known.get(wanted) or known.get(_QUALITIES.get(wanted, "")) or str(asked)


def _format(asked: ImagesRequest) -> str:
    return asked.output_format or asked.format or "png"


def _made_as(asked: ImagesRequest) -> str:
    """What Venice is asked for. To compress twice would cost what the picture has."""
    return "png" if _quality_of_file(asked) is not None else _format(asked)


def _quality_of_file(asked: ImagesRequest) -> int | None:
    """`output_compression` where it has an effect: 100 is as it was made, PNG loses nothing."""
    given = asked.output_compression
    return None if given is None or given == 100 or _format(asked) == "png" else given


# --- the answer -----------------------------------------------------------------------------


@dataclass
class Answer:
    """Makes the answer once the jobs have ended."""

    request: ApiRequest
    asked: ImagesRequest
    once: Once
    base: str

    def now(self, found: list[Generation], is_over: bool) -> HttpResponseBase:
        """The images, or why there are none. Raises ApiError."""
        if not is_over:
            raise jobs.still_running(found)
        try:
            response = self._images(found)
        except ApiError as error:
            if error.status < 500:
                self.once.answered(found)
            raise
        self.once.answered(found)
        return response

    def later(self, found: list[Generation], is_over: bool) -> HttpResponseBase:
        return self.now(found, is_over) if is_over else jobs.accepted(found, base=self.base)

    def _images(self, found: list[Generation]) -> HttpResponse:
        rows = list(Image.objects.filter(generation__in=found, deleted_at=None).order_by("number"))
        by_job = {job.pk: [row for row in rows if row.generation_id == job.pk] for job in found}
        shown = [
            (job, row) for job in found for row in by_job[job.pk] if row.state == Image.State.SHOWN
        ]
        if not shown:
            raise _why_none(found, by_job)
        prompts = _enhanced(found) if self.asked.enhance_prompt else {}
        body: dict[str, Any] = {
            "created": math.floor(found[0].created_at.timestamp()),
            "data": [self._item(row, prompts.get(job.pk, "")) for job, row in shown],
        }
        omitted = _omitted(found, by_job)
        if omitted:
            body["omitted"] = omitted
        response = HttpResponse(to_json(body), content_type="application/json")
        for name, value in facts(self.request, found).items():
            response[name] = value
        first = shown[0][1]
        response["X-Size"] = f"{first.width}x{first.height}"
        if omitted:
            response["X-Images-Omitted"] = str(sum(one["count"] for one in omitted))
        return response

    def _item(self, image: Image, revised: str) -> dict[str, str]:
        form = delivery.Form(_format(self.asked), _quality_of_file(self.asked))
        item: dict[str, str] = {}
        wanted = self.asked.response_format
        # Without a word the documents differ: a URL, says OpenAI's for the models it began with;
        # Base64, say Venice's and the newer models'. At our own address both are there.
        is_both = wanted is None and not self.request.path.startswith("/api/")
        if wanted == "url" or is_both:
            item["url"] = schema.url(image, form, base=self.base)
        if wanted != "url":
            item["b64_json"] = base64.b64encode(delivery.data(image, form)).decode()
        if revised:
            item["revised_prompt"] = revised
        return item


def _why_none(found: list[Generation], by_job: dict[Any, list[Image]]) -> ApiError:
    """What held a picture back says more than what failed beside it."""
    held = [job for job in found if by_job[job.pk]]
    return errors.of_job((held or found)[0], NAMES)


def _omitted(found: list[Generation], by_job: dict[Any, list[Image]]) -> list[dict[str, Any]]:
    """What is missing of the images asked for, and why."""
    notes = []
    for job in found:
        rows = by_job[job.pk]
        held = [row for row in rows if row.state != Image.State.SHOWN]
        if held:
            notes.append(_note(job, "content_policy_violation", errors.HELD, len(held)))
        if missing := job.variants - len(rows):
            error = None if rows else errors.of_job(job, NAMES)
            code = error.code if error else "content_policy_violation"
            message = (error.message if error else job.error_message) or "It did not come."
            notes.append(_note(job, code, message, missing))
    return notes


def _note(job: Generation, code: str, message: str, count: int) -> dict[str, Any]:
    return {"generation": str(job.pk), "code": code, "message": message, "count": count}


def _enhanced(found: Sequence[Generation]) -> dict[Any, str]:
    """Job -> the prompt that Venice made of its own, where it did."""
    rows = Call.objects.filter(generation__in=found).exclude(enhanced_prompt="")
    return dict(rows.order_by("number").values_list("generation", "enhanced_prompt"))


def facts(request: ApiRequest, found: Sequence[Generation]) -> dict[str, str]:
    """Headers: what was made, what it cost, what is left."""
    first = found[0]
    prices = [job.charged for job in found]
    known = [price for price in prices if price is not None]
    left = spend.left(request.user, request.token)
    said = {
        "X-Generation-Id": str(first.pk),
        "X-Request-Id": first.pk.hex,
        "X-Model": first.model,
        "X-Seed": "" if first.seed is None else str(first.seed),
        "X-Price-USD": (schema.money(sum(known)) or "") if len(known) == len(prices) else "",  # type: ignore[arg-type]
        "X-Budget-Left-USD": schema.money(left) or "",
        "X-Size": _size(first),
        "X-Aspect-Ratio": first.parameters.get("aspect_ratio", ""),
        "X-Resolution": first.parameters.get("resolution", ""),
        "X-Quality": first.parameters.get("quality", ""),
        **_limits(request, first),
    }
    if len(found) > 1:
        said["X-Generation-Ids"] = ", ".join(str(job.pk) for job in found)
    return {name: value for name, value in said.items() if value}


def _size(job: Generation) -> str:
    width, height = job.parameters.get("width"), job.parameters.get("height")
    return f"{width}x{height}" if width and height else ""


def _limits(request: ApiRequest, job: Generation) -> dict[str, str]:
    """How much of the account's minute is left, in the words of the dialect: OpenAI says how long,
    Venice when."""
    if job.key_id is None:
        return {}
    limit, used, reset = limiter.minute(job.key.account)  # type: ignore[union-attr]
    seconds = max(reset / timedelta(seconds=1), 0.0)
    moment = f"{seconds:.3f}s"
    if request.path.startswith("/api/"):
        moment = str(math.ceil(time.time() + seconds))
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(max(limit - used, 0)),
        "x-ratelimit-reset-requests": moment,
    }
