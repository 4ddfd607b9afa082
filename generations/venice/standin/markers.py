"""Faults and verdicts on demand: a marker such as [[429]] in a prompt makes the stand-in do it.

`[[once X]]` does X only at the first call with that exact prompt. Several markers add up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import quote

from . import answers, oddities
from .answers import Answer, Cut, Issue

HANG_SECONDS = 600.0
LOCKOUT_SECONDS = 30.0
FAR_FUTURE = 4_070_908_800  # 2099-01-01, what a confused clock may send

_MARKER = re.compile(r"\[\[\s*(once\s+)?([a-z0-9-]+)\s*([^\]]*?)\s*\]\]", re.I)


@dataclass(slots=True, kw_only=True)
class Making:
    """One image call on its way: markers change it, then the app answers from it.

    `answer` replaces the image; `is_charged` then says whether it costs all the same.
    `alter` maps each finished picture to what is sent, `withheld` counts images left out.
    """

    now: float
    prompt: str
    # The secret of the call, for the upstream that says it back.
    key: str = ""
    wanted: int = 1
    safe_mode: bool = True
    delay: float = 0.0
    hangs: bool = False
    locks: bool = False
    cut: Cut | None = None
    answer: Answer | None = None
    is_charged: bool = True
    withheld: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    alter: Callable[[bytes], bytes] | None = None

    @property
    def mishap(self) -> str | None:
        """What happens to the line instead of an answer, if anything."""
        return "hang" if self.hangs else f"cut {self.cut}" if self.cut else None


@dataclass(frozen=True, slots=True)
class Marker:
    description: str
    act: Callable[[Making, str], None]


def _answers(
    build: Callable[[Making, str], Answer], *, charged: bool = False
) -> Callable[[Making, str], None]:
    def act(making: Making, argument: str) -> None:
        making.answer, making.is_charged = build(making, argument), charged

    return act


def _error(status: int, text: str, **extra: str) -> Callable[[Making, str], None]:
    return _answers(lambda making, argument: answers.error(status, text, **extra))


def _page(status: int, title: str, *, charged: bool) -> Callable[[Making, str], None]:
    return _answers(lambda making, argument: answers.page(status, title), charged=charged)


def _limited(**headers: Callable[[float], str]) -> Callable[[Making, str], None]:
    """A rate-limit 429 whose headers are computed from the time of the call."""
    return _answers(
        lambda making, argument: answers.rate_limited(
            **{name: value(making.now) for name, value in headers.items()}
        )
    )


def _headers(**named: str) -> Callable[[Making, str], None]:
    def act(making: Making, argument: str) -> None:
        making.headers |= {name.replace("_", "-"): value for name, value in named.items()}

    return act


def _alters(alter: Callable[[bytes], bytes]) -> Callable[[Making, str], None]:
    def act(making: Making, argument: str) -> None:
        making.alter = alter

    return act


def _blurred(making: Making, argument: str) -> None:
    if making.safe_mode:
        making.alter = oddities.blurred
        making.headers["x-venice-is-blurred"] = "true"


def _violation(making: Making, argument: str) -> None:
    making.alter = oddities.black
    making.headers["x-venice-is-content-violation"] = "true"


def _violation_empty(making: Making, argument: str) -> None:
    making.withheld = making.wanted
    making.headers["x-venice-is-content-violation"] = "true"


def _minor(making: Making, argument: str) -> None:
    making.alter = oddities.black
    making.headers["x-venice-contains-minor"] = "true"


def _fewer(making: Making, argument: str) -> None:
    making.withheld = making.wanted // 2


def _slow(making: Making, argument: str) -> None:
    making.delay += float(argument or 5)


def _hang(making: Making, argument: str) -> None:
    making.hangs = True


def _cut(where: Cut) -> Callable[[Making, str], None]:
    def act(making: Making, argument: str) -> None:
        making.cut = where

    return act


def _lockout(making: Making, argument: str) -> None:
    making.locks = True
    making.answer = answers.lockout(making.now + LOCKOUT_SECONDS)
    making.is_charged = False


def _refused_field(making: Making, argument: str) -> Answer:
    return answers.invalid(Issue(field=argument or "steps", message="Not acceptable here"))


def _refused_bare(making: Making, argument: str) -> Answer:
    issue = Issue(field=argument or "aspect_ratio", message="Required", code="invalid_type")
    return answers.invalid(issue, with_error=False)


def _refused_prompt(making: Making, argument: str) -> Answer:
    return answers.error(
        422,
        "Your prompt violates the content policy of Venice.ai or the model provider",
        code="CONTENT_POLICY_VIOLATION",
        suggested_prompt="A quiet harbour at dawn, no people",
    )


def _echo(making: Making, argument: str) -> Answer:
    """A broken proxy's page: all that it was sent, in the body and in a header."""
    said = f"Upstream refused: Authorization: Bearer {making.key}"
    issue = {"field": "prompt", "message": said, "code": making.key}
    content = {"error": said, "code": making.key, "details": {"_errors": [said]}, "issues": [issue]}
    answer = answers.json_answer(int(argument or 400), content)
    answer.headers["x-request-authorization"] = f"Bearer {making.key}"
    return answer


def _enhanced(making: Making, argument: str) -> None:
    better = f"{_MARKER.sub('', making.prompt).strip()}, soft light, fine detail, calm composition"
    making.headers["x-venice-enhanced-prompt"] = quote(better, errors="replace")


def _empty(making: Making, argument: str) -> None:
    making.answer = answers.json_answer(200, {"id": "generate-image-0", "images": [], "timing": {}})


_DEPRECATION = _headers(
    x_venice_deprecated="true",
    x_venice_model_deprecation_warning="This model is scheduled for deprecation",
    x_venice_model_deprecation_date="2030-05-01T00:00:00.000Z",
    x_venice_deprecated_replacement="z-image-turbo",
)

MARKERS: dict[str, Marker] = {
    "blurred": Marker("200, adult: blurred picture while safe_mode is on", _blurred),
    "violation": Marker("200, violates the terms: black picture", _violation),
    "violation-empty": Marker("200, violates the terms: no picture, not charged", _violation_empty),
    "adult": Marker(
        "200, marked as adult content of an adult model",
        _headers(x_venice_is_adult_model_content_violation="true"),
    ),
    "minor": Marker("200, marked as showing a minor: black picture", _minor),
    "fewer": Marker("200, half of the variants withheld", _fewer),
    "deprecated": Marker("200, with the headers of a model that ends soon", _DEPRECATION),
    "enhanced": Marker("200, with the rewritten prompt in a header", _enhanced),
    "slow": Marker("takes N seconds longer: [[slow 20]]", _slow),
    "400": Marker("400 naming a field: [[400 steps]]", _answers(_refused_field)),
    "400-bare": Marker("400 without the `error` key", _answers(_refused_bare)),
    "401": Marker("401, bad key", _error(401, "Authentication failed")),
    "401-pro": Marker(
        "401, model for Pro users only",
        _error(401, "This model is only available to Pro users"),
    ),
    "402": Marker("402, no balance", _answers(lambda making, argument: answers.no_balance())),
    "402-limit": Marker(
        "402, the key's own spending limit", _answers(lambda making, argument: answers.key_limit())
    ),
    "402-x402": Marker(
        "402, x402 offer without `error`",
        _answers(lambda making, argument: answers.payment_required()),
    ),
    "403": Marker("403, key not let in", _error(403, "Access denied")),
    "404": Marker("404, unknown model", _error(404, "Specified model not found")),
    "410": Marker("410, retired model", _error(410, "Model is no longer available")),
    "413": Marker("413, body too large", _error(413, "Request body too large")),
    "415": Marker("415, wrong content type", _error(415, "Invalid content type")),
    "422": Marker("422, prompt refused, with suggested_prompt", _answers(_refused_prompt)),
    "429": Marker(
        "429, reset in 20 s in milliseconds",
        _limited(x_ratelimit_reset_requests=lambda now: str(int((now + 20) * 1000))),
    ),
    "429-seconds": Marker(
        "429, reset in 20 s in Unix seconds",
        _limited(x_ratelimit_reset_requests=lambda now: str(int(now + 20))),
    ),
    "429-date": Marker(
        "429, Retry-After as an HTTP date in 20 s",
        _limited(retry_after=lambda now: formatdate(now + 20, usegmt=True)),
    ),
    "429-absent": Marker("429 that names no time", _limited()),
    "429-2099": Marker(
        "429, reset in the year 2099",
        _limited(x_ratelimit_reset_requests=lambda now: str(FAR_FUTURE * 1000)),
    ),
    "429-past": Marker(
        "429, reset an hour ago",
        _limited(x_ratelimit_reset_requests=lambda now: str(int((now - 3600) * 1000))),
    ),
    "overloaded": Marker(
        "429, model overloaded",
        _error(429, "The model is currently overloaded. Please try again later."),
    ),
    "lockout": Marker("429, and the key is locked out for 30 s", _lockout),
    "500": Marker("500, not charged", _error(500, "Inference processing failed")),
    "502": Marker(
        "502 as an HTML page, not charged", _page(502, "502: Bad gateway", charged=False)
    ),
    "503": Marker(
        "503, model at capacity",
        _error(503, "The model is at capacity. Please try again later."),
    ),
    "504": Marker(
        "504, charged all the same",
        _answers(
            lambda making, argument: answers.error(504, "The request took too long to complete."),
            charged=True,
        ),
    ),
    "524": Marker("524 as an HTML page, charged", _page(524, "524: A timeout", charged=True)),
    "cut-before": Marker("line drops before the work: not charged", _cut("before")),
    "cut-inside": Marker("line drops inside the body: charged", _cut("inside")),
    "cut-after": Marker("line drops after the work, before the answer: charged", _cut("after")),
    "hang": Marker("no answer for ten minutes: charged", _hang),
    "echo": Marker("error that says the key back: [[echo 500]]", _answers(_echo)),
    "html": Marker("200 with an HTML page, charged", _page(200, "Venice", charged=True)),
    "empty": Marker("200 without an image or a verdict, charged", _empty),
    "not-an-image": Marker("200 with text where the image should be", _alters(oddities.text)),
    "truncated": Marker("200 with half a picture", _alters(oddities.half)),
    "mislabelled": Marker("200 with a picture of another format", _alters(oddities.other_format)),
    "animated": Marker("200 with an animation", _alters(oddities.animation)),
    "huge": Marker("200 with 81 megapixels in a small file", _alters(oddities.bomb)),
}


def describe_markers() -> str:
    """One line for each marker, for `standin --help` and the documentation."""
    lines = [f"[[{name}]]".ljust(20) + marker.description for name, marker in MARKERS.items()]
    return "\n".join([*lines, "[[once X]]".ljust(20) + "X at the first call with that prompt only"])


def apply_markers(making: Making, *, is_first: bool) -> None:
    """Let every known marker of the prompt act; unknown ones are words like any other."""
    for name, argument, once in found_in(making.prompt):
        if is_first or not once:
            MARKERS[name].act(making, argument)


def found_in(prompt: str) -> Iterator[tuple[str, str, bool]]:
    for once, name, argument in _MARKER.findall(prompt):
        if name.lower() in MARKERS:
            yield name.lower(), argument, bool(once)


def has_once(prompt: str) -> bool:
    return any(once for _, _, once in found_in(prompt))


def without_markers(prompt: str) -> str:
    """The words to paint: a marker must not change the picture."""
    return _MARKER.sub("", prompt).strip()
