"""POST /api/v1/image/generate, as Venice's own clients send it."""

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from pydantic import Field, StringConstraints
from pydantic_core import to_json

from generations.api import errors, files, jobs, schema
from generations.api.access import ApiRequest, program
from generations.api.body import read, typed
from generations.api.errors import ApiError
from generations.api.images import facts
from generations.api.models import chosen
from generations.api.preferences import Preferences
from generations.api.schema import Format, Strict, Word
from generations.api.waiting import Waiting
from generations.models import Call, Generation, Image, VeniceModel
from generations.models.token import Scope
from generations.services import call as calls
from generations.services import catalogue, delivery
from generations.services import generation as generations
from generations.services.choice import Choice
from generations.services.errors import Invalid
from generations.services.parameters import (
    MOST_PIXELS,
    MOST_STEPS,
    PER_CALL,
    SEEDS,
    SURCHARGED,
    Rules,
)
from generations.services.submission import Conflict, Once, fingerprint

DEFAULT_FORMAT = "webp"
# What a model that is sized by pixels makes unless it is told.
DEFAULT_SIDE = 1024
_MILLISECOND = timedelta(milliseconds=1)


class NativeRequest(Strict):
    """POST /api/v1/image/generate: Venice's parameters, and three of this studio beside them."""

    model: Annotated[
        Word,
        Field(description="A model's id, a trait such as `default` or `fastest`, or an alias."),
    ]
    prompt: Annotated[
        str, StringConstraints(min_length=1), Field(description="What the images should show.")
    ]
    negative_prompt: Annotated[str | None, Field(description="What they should not show.")] = None
    width: Annotated[int, Field(ge=1, le=MOST_PIXELS)] | None = None
    height: Annotated[int, Field(ge=1, le=MOST_PIXELS)] | None = None
    aspect_ratio: Word | None = None
    resolution: Word | None = None
    quality: Word | None = None
    steps: Annotated[int, Field(ge=1, le=MOST_STEPS)] | None = None
    cfg_scale: Annotated[float, Field(gt=0, le=20)] | None = None
    seed: Annotated[int, Field(ge=SEEDS[0], le=SEEDS[-1])] | None = None
    style_preset: Word | None = None
    lora_strength: Annotated[int, Field(ge=0, le=100)] | None = None
    format: Annotated[Format | None, Field(description="Default `webp`.")] = None
    variants: Annotated[int, Field(ge=1, le=PER_CALL)] | None = None
    return_binary: Annotated[
        bool | None, Field(description="The image itself in place of JSON; of one image only.")
    ] = None
    safe_mode: Annotated[bool | None, Field(description="Default true.")] = None
    hide_watermark: bool | None = None
    embed_exif_metadata: bool | None = None
    enhance_prompt: bool | None = None
    enable_web_search: bool | None = None
    disable_prompt_optimization_thinking: Annotated[
        bool | None, Field(description="Taken, and without effect.")
    ] = None
    inpaint: Annotated[Any, Field(description="Taken, and without effect.", deprecated=True)] = None

    confirm_price: Annotated[
        bool | None, Field(description="Make it although Venice names no price for it.")
    ] = None
    visibility: Literal["team", "private"] | None = None
    priority: Literal["interactive", "background"] | None = None


_SENT = (
    *("prompt", "negative_prompt", "width", "height", "aspect_ratio", "resolution", "quality"),
    *("steps", "cfg_scale", "seed", "style_preset", "lora_strength", "variants"),
    *("hide_watermark", "embed_exif_metadata", "enhance_prompt", "enable_web_search"),
)


@program("POST", scopes=(Scope.GENERATE,))
def generate(request: ApiRequest) -> HttpResponseBase:
    data = read(request)
    asked, prefers = typed(NativeRequest, data), Preferences.of(request)
    if asked.return_binary and (asked.variants or 1) > 1:
        raise ApiError("invalid_value", ONE_ONLY, param="variants")
    choice = chosen(asked.model, request.user)
    once = Once(
        request.token, fingerprint("native", data), prefers.idempotency_key, prefers.is_retry
    )
    found = _submitted(request, choice, asked, once, is_background=prefers.is_background)
    answer = Answer(request, asked, data, once)
    if prefers.is_async and prefers.wait is None:
        return jobs.accepted(found, base=schema.base_of(request))
    return Waiting(
        found,
        path=request.path,
        timeout=prefers.timeout,
        finish=answer.later if prefers.is_async else answer.now,
    )


ONE_ONLY = "With “return_binary” there is one image: leave “variants” out, or take JSON."


def _submitted(
    request: ApiRequest,
    choice: Choice,
    asked: NativeRequest,
    once: Once,
    *,
    is_background: bool,
) -> list[Generation]:
    """Raises ApiError."""
    try:
        return generations.submit(
            request.user,
            model=choice,
            parameters=_parameters(choice.rules, asked),
            is_price_confirmed=bool(asked.confirm_price) or _asks_for_more(asked),
            is_background=is_background or asked.priority == "background",
            visibility=asked.visibility,
            token=request.token,
            once=once,
        )
    except Invalid as problem:
        raise errors.of_invalid(problem, {}) from None
    except Conflict as problem:
        raise errors.of_conflict(problem) from None


def _asks_for_more(asked: NativeRequest) -> bool:
    """Venice says that these cost extra, and its clients have no word to confirm that with."""
    return any(getattr(asked, name) for name in SURCHARGED)


def _parameters(rules: Rules, asked: NativeRequest) -> dict[str, Any]:
    """What was asked for, with the defaults that Venice documents where the model takes them."""
    given = {name: getattr(asked, name) for name in _SENT}
    given = {name: value for name, value in given.items() if value is not None}
    if asked.safe_mode is not None or "safe_mode" in rules.fields:
        given["safe_mode"] = asked.safe_mode is not False
    if rules.sizing == "pixels":
        given = {"width": DEFAULT_SIDE, "height": DEFAULT_SIDE, **given}
    return {**given, "format": asked.format or DEFAULT_FORMAT}


# --- the answer -----------------------------------------------------------------------------


@dataclass
class Answer:
    """Makes the answer once the job has ended. `data` is the request as it came."""

    request: ApiRequest
    asked: NativeRequest
    data: dict[str, Any]
    once: Once

    def now(self, found: list[Generation], is_over: bool) -> HttpResponseBase:
        """The images, or why there are none. Raises ApiError."""
        if not is_over:
            raise jobs.still_running(found)
        try:
            response = self._images(found[0])
        except ApiError as error:
            if error.status < 500:
                self.once.answered(found)
            raise
        self.once.answered(found)
        return response

    def later(self, found: list[Generation], is_over: bool) -> HttpResponseBase:
        if is_over:
            return self.now(found, is_over)
        return jobs.accepted(found, base=schema.base_of(self.request))

    def _images(self, job: Generation) -> HttpResponse:
        rows = list(Image.objects.filter(generation=job, deleted_at=None).order_by("number"))
        shown = [row for row in rows if row.state == Image.State.SHOWN]
        call = job.calls.order_by("-number").first()
        said = verdict(job, rows) | _of_the_model(job, call)
        if not shown:
            error = errors.of_job(job, {})
            error.headers |= said
            error.suggested_prompt = calls.suggested_prompt(job)
            raise error
        form = delivery.Form(self.asked.format or DEFAULT_FORMAT)
        files_ = [delivery.data(row, form) for row in shown]
        if self.asked.return_binary:
            kind = files.TYPES[form.format]
            response = HttpResponse(files_[0], content_type=kind)
        else:
            response = self._json(job, call, files_, missing=job.variants - len(shown))
        for name, value in (facts(self.request, [job]) | said).items():
            response[name] = value
        return response

    def _json(
        self, job: Generation, call: Call | None, data: list[bytes], *, missing: int
    ) -> HttpResponse:
        body: dict[str, Any] = {
            "id": f"generate-image-{job.pk}",
            "images": [base64.b64encode(one).decode() for one in data],
            "request": self.data,
            "timing": timing(job, call),
        }
        if missing:
            body["content_policy_violation_count"] = missing
        response = HttpResponse(to_json(body), content_type="application/json")
        return _packed(response, self.request.headers.get("Accept-Encoding", ""))


def verdict(job: Generation, rows: list[Image]) -> dict[str, str]:
    """Venice's verdict in Venice's headers."""
    is_withheld = not rows and job.error_code == "content_policy_violation"
    said = {
        "x-venice-is-blurred": any(row.is_blurred for row in rows),
        "x-venice-is-content-violation": is_withheld or any(row.is_violation for row in rows),
    }
    # Venice sends these two only when they are true.
    more = {
        "x-venice-is-adult-model-content-violation": any(row.is_adult for row in rows),
        "x-venice-contains-minor": any(row.has_minor for row in rows),
    }
    said |= {name: True for name, is_so in more.items() if is_so}
    return {name: str(is_so).lower() for name, is_so in said.items()}


def _of_the_model(job: Generation, call: Call | None) -> dict[str, str]:
    said = {"x-venice-model-id": job.model, "x-venice-model-name": quote(job.model_name, safe=" ")}
    if call and call.enhanced_prompt:
        said["x-venice-enhanced-prompt"] = quote(call.enhanced_prompt, safe="")
    model = VeniceModel.objects.filter(pk=job.model).first()
    info = catalogue.info(model) if model else None
    if info and info.deprecation_date:
        date = info.deprecation_date.astimezone(UTC)
        said["x-venice-model-deprecation-date"] = f"{date:%Y-%m-%dT%H:%M:%S}.000Z"
        said["x-venice-model-deprecation-warning"] = f"This model ends on {date:%Y-%m-%d}."
        if info.deprecation_replacement:
            said["x-venice-deprecated-replacement"] = info.deprecation_replacement
    return said


def timing(job: Generation, call: Call | None) -> dict[str, int]:
    """Milliseconds, from the job's own clock where Venice did not say: an image that comes as
    bytes has no room for figures."""
    told = call.timing_ms if call else {}
    start, end = job.created_at, job.finished_at or job.created_at
    began = call.started_at if call else start
    came = (call.finished_at if call else None) or end
    took = {
        "inferenceDuration": told.get("inferenceDuration", (came - began) / _MILLISECOND),
        "inferencePreprocessingTime": told.get("inferencePreprocessingTime", 0),
        "inferenceQueueTime": (began - start) / _MILLISECOND + told.get("inferenceQueueTime", 0),
        "total": (end - start) / _MILLISECOND,
    }
    return {name: max(round(length), 0) for name, length in took.items()}


def _packed(response: HttpResponse, accepted: str) -> HttpResponse:
    """Base64 is a quarter smaller with codes of its own length for each sign; looking for
    repetitions in it finds none, and is what takes the time."""
    wishes = [part.strip().lower() for part in accepted.split(",")]
    response["Vary"] = "Accept-Encoding"
    if "gzip" in wishes:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31, 8, zlib.Z_HUFFMAN_ONLY)
        response.content = packer.compress(response.content) + packer.flush()
        response["Content-Encoding"] = "gzip"
    return response
