"""What the client makes of every kind of answer and of every broken line."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from generations.venice import errors
from generations.venice.types import ImageRequest

from .builders import BASE_URL, KEY, PNG

REQUEST = ImageRequest(model="m", prompt="p")
SET = ImageRequest(model="m", prompt="p", variants=4)
BASE64 = base64.b64encode(PNG).decode()
PAGE = "<!DOCTYPE html><html><title>Bad gateway</title></html>"


def binary(content=PNG, **headers):
    named = {"content-type": "image/png"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return httpx.Response(200, content=content, headers=named)


def refused(field=None, code="refused"):
    return {"kind": errors.Refused, "field": field, "code": code}


def issue(path, message, **rest):
    return {"path": path, "message": message, "code": "custom", **rest}


# status, body, what it must become
REFUSALS = {
    "only error": (400, {"error": "Bad size"}, refused()),
    "error as an object": (400, {"error": {"message": "Bad size"}}, refused()),
    "error, details, issues": (
        400,
        {"error": "Bad", "details": {}, "issues": [issue(["steps"], "At most 8")]},
        refused("steps"),
    ),
    "issues without error": (
        400,
        {"issues": [issue(["aspect_ratio"], "Required")]},
        refused("aspect_ratio"),
    ),
    "nested path": (
        400,
        {"issues": [issue(["style_references", 0, "image"], "Required")]},
        refused("style_references.0.image"),
    ),
    "unknown key": (
        400,
        {"error": "Bad", "issues": [issue([], "Unknown", code="unrecognized_keys", keys=["hd"])]},
        refused("hd"),
    ),
    "unknown key in words": (
        400,
        {"details": {"_errors": ["Unrecognized key(s) in object: 'hd'"]}},
        refused("hd"),
    ),
    "only details": (
        400,
        {"details": {"_errors": [], "seed": {"_errors": ["No"]}}},
        refused("seed"),
    ),
    "odd shapes": (400, {"details": ["x"], "issues": [None, {"path": 3}]}, refused()),
    "400 as a page": (400, PAGE, refused()),
    "pro only": (401, {"error": "Only available to Pro users"}, refused("model", "pro_only")),
    "unknown model": (404, {"error": "No such model"}, refused("model", "model_not_found")),
    "wrong address": (404, PAGE, refused()),
    "retired": (410, {"error": "Gone"}, refused("model", "model_gone")),
    "too large": (413, {"error": "Too large"}, refused()),
    "wrong type": (415, {"error": "Send JSON"}, refused()),
    "against policy": (
        422,
        {"error": "No", "code": "CONTENT_POLICY_VIOLATION"},
        refused("prompt", "content_policy_violation"),
    ),
    "invalid as 422": (422, {"issues": [issue(["steps"], "At most 8")]}, refused("steps")),
    "redirect": (307, "", refused(None, "redirected")),
}


@pytest.mark.parametrize(("status", "content", "expected"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_the_field_at_fault(answered, status, content, expected):
    with pytest.raises(errors.Refused) as caught:
        answered(reply(status, content)).generate(REQUEST)
    found = {"kind": type(caught.value), "field": caught.value.field, "code": caught.value.code}
    assert found == expected
    assert "Nothing was charged" in caught.value.public_message


def reply(status, content, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(content, str):
        return httpx.Response(status, text=content, headers=named)
    return httpx.Response(status, json=content, headers=named)


OTHERS = {
    "bad key": (401, {"error": "Authentication failed"}, errors.BadKey),
    "bad key, no body": (401, "", errors.BadKey),
    "not let in": (403, {"error": "Forbidden"}, errors.BadKey),
    "no balance": (402, {"error": "Insufficient balance"}, errors.NoCredit),
    "key limit": (402, {"error": "API key USD spend limit exceeded."}, errors.NoCredit),
    "x402 offer": (402, {"x402Version": 2, "accepts": []}, errors.NoCredit),
    "rate limit": (429, {"error": "Rate limit exceeded"}, errors.RateLimited),
    "rate limit, page": (429, PAGE, errors.RateLimited),
    "overloaded": (429, {"error": "The model is currently overloaded."}, errors.Overloaded),
    "lockout": (429, {"error": "Too many failed attempts (> 20)"}, errors.LockedOut),
    "lockout, other text": (429, {"error": "Too many failed attempts (> 50)"}, errors.LockedOut),
    "capacity": (503, {"error": "At capacity"}, errors.Overloaded),
    "inference failed": (500, {"error": "Inference failed"}, errors.OutcomeUnknown),
    "gateway page": (502, PAGE, errors.OutcomeUnknown),
    "timed out": (504, {"error": "Took too long"}, errors.OutcomeUnknown),
    "timed out at the edge": (524, PAGE, errors.OutcomeUnknown),
    "request timeout": (408, {"error": "Timeout"}, errors.OutcomeUnknown),
    "unheard of": (599, "", errors.OutcomeUnknown),
    "200 as a page": (200, PAGE, errors.BadResponse),
    "200 with an error": (200, {"error": "hm"}, errors.BadResponse),
    "200 without images": (200, {"id": "1", "images": []}, errors.BadResponse),
    "200 with broken base64": (200, {"images": ["@@@"]}, errors.BadResponse),
    "200 with base64 of text": (200, {"images": ["aGVsbG8gd29ybGQ="]}, errors.BadResponse),
    "200 with odd images": (200, {"images": [None, 3, {}]}, errors.BadResponse),
    "200 with a list": (200, [1, 2], errors.BadResponse),
    "200 empty": (200, "", errors.BadResponse),
    "204": (204, "", errors.BadResponse),
}


@pytest.mark.parametrize(("status", "content", "kind"), OTHERS.values(), ids=OTHERS)
def test_every_other_status_becomes_its_consequence(answered, status, content, kind):
    with pytest.raises(errors.VeniceError) as caught:
        answered(reply(status, content)).generate(REQUEST)
    assert type(caught.value) is kind


def test_a_spent_key_and_a_spent_account_are_told_apart(answered):
    shown = []
    for text in ("Insufficient USD balance", "API key USD spend limit exceeded"):
        with pytest.raises(errors.NoCredit) as caught:
            answered(reply(402, {"error": text})).generate(REQUEST)
        shown.append(caught.value.public_message)
    assert "Add credit" in shown[0]
    assert "own spending limit" in shown[1]


def test_a_refused_prompt_may_come_with_a_better_one(answered):
    content = {"error": "No", "suggested_prompt": "a calm harbour\x00 at dawn"}
    with pytest.raises(errors.Refused) as caught:
        answered(reply(422, content)).generate(REQUEST)
    assert caught.value.suggested_prompt == "a calm harbour at dawn"


def _seconds(soon):
    return str(int(soon.timestamp()))


WAITS = {
    "milliseconds": lambda soon: {"x-ratelimit-reset-requests": f"{_seconds(soon)}000"},
    "seconds": lambda soon: {"x-ratelimit-reset-requests": _seconds(soon)},
    "HTTP date": lambda soon: {"retry-after": soon.strftime("%a, %d %b %Y %H:%M:%S GMT")},
    "the later of two": lambda soon: {
        "retry-after": "1",
        "x-ratelimit-reset-requests": _seconds(soon),
    },
}


@pytest.mark.parametrize("headers", WAITS.values(), ids=WAITS)
def test_a_rate_limit_names_its_end_in_many_ways(answered, headers):
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=60)
    limited = httpx.Response(429, json={"error": "Slow"}, headers=headers(soon))
    with pytest.raises(errors.RateLimited) as caught:
        answered(limited).generate(REQUEST)
    assert caught.value.retry_at == soon


@pytest.mark.parametrize(
    "headers", [{}, {"x-ratelimit-reset-requests": "1600000000000", "retry-after": "0"}]
)
def test_a_rate_limit_without_a_usable_time_names_none(answered, headers):
    with pytest.raises(errors.RateLimited) as caught:
        answered(httpx.Response(429, json={"error": "Slow"}, headers=headers)).generate(REQUEST)
    assert caught.value.retry_at is None


@pytest.mark.parametrize(
    "headers", [{"retry-after": "86400"}, {"x-ratelimit-resets": "4070908800"}]
)
def test_no_wait_is_longer_than_two_minutes(answered, headers):
    content = {"error": "Too many failed attempts"}
    with pytest.raises(errors.LockedOut) as caught:
        answered(httpx.Response(429, json=content, headers=headers)).generate(REQUEST)
    left = (caught.value.until - datetime.now(UTC)).total_seconds()
    assert 110 < left <= 120


def test_a_lockout_without_a_time_lasts_thirty_seconds(answered):
    with pytest.raises(errors.LockedOut) as caught:
        answered(reply(429, {"error": "Too many failed attempts"})).generate(REQUEST)
    assert 25 < (caught.value.until - datetime.now(UTC)).total_seconds() <= 30


def test_a_binary_answer_carries_its_verdict_in_headers(answered):
    answer = answered(
        binary(
            x_venice_is_blurred="true",
            x_venice_model_id="m-2",
            x_venice_enhanced_prompt="a%20boat%2C%20gold%0Aleaf",
            x_venice_balance_usd="9.5",
            cf_ray="8f0a-VCE",
        )
    ).generate(REQUEST)
    assert answer.images == (PNG,)
    assert answer.verdict.blurred
    assert not answer.verdict.violation
    assert (answer.model_id, answer.request_id) == ("m-2", "8f0a-VCE")
    assert answer.enhanced_prompt == "a boat, gold leaf"
    assert str(answer.account.balance_usd) == "9.5"
    assert answer.deprecation is None
    assert set(answer.timing_ms) == {"client"}


def test_a_json_answer_carries_a_set(answered):
    content = {
        "id": "generate-image-9",
        "images": [BASE64, f"data:image/png;base64,{BASE64}", "broken"],
        "content_policy_violation_count": 1,
        "request": {"model": "m-3"},
        "timing": {"total": 1893, "inferenceDuration": "1840", "odd": None},
    }
    answer = answered(reply(200, content)).generate(SET)
    assert answer.images == (PNG, PNG)
    assert answer.verdict.violation_count == 1
    assert (answer.request_id, answer.model_id) == ("generate-image-9", "m-3")
    assert answer.timing_ms["total"] == 1893
    assert answer.timing_ms["inferenceDuration"] == 1840


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        ({"images": []}, {"x_venice_is_content_violation": "true"}),
        ("", {"x_venice_is_content_violation": "true"}),
        ({"images": []}, {"x_venice_contains_minor": "true"}),
        ({"images": [], "content_policy_violation_count": 1}, {}),
    ],
)
def test_a_violation_without_images_is_an_answer(answered, content, headers):
    answer = answered(reply(200, content, **headers)).generate(REQUEST)
    assert answer.images == ()
    assert answer.verdict.withholds


def test_json_instead_of_bytes_is_read_all_the_same(answered):
    assert answered(reply(200, {"images": [BASE64]})).generate(REQUEST).images == (PNG,)


def test_bytes_with_a_wrong_label_are_read_all_the_same(answered):
    named = {"content-type": "application/json"}
    response = httpx.Response(200, content=PNG, headers=named)
    assert answered(response).generate(REQUEST).images == (PNG,)


def test_a_notice_of_the_models_end_is_passed_on(answered):
    answer = answered(
        binary(
            x_venice_deprecated="true",
            x_venice_model_deprecation_date="2026-12-01T00:00:00.000Z",
            x_venice_deprecated_replacement="m-9",
            x_venice_model_deprecation_warning="Ends soon",
        )
    ).generate(REQUEST)
    assert answer.deprecation is not None
    assert answer.deprecation.date == datetime(2026, 12, 1, tzinfo=UTC)
    assert (answer.deprecation.replacement, answer.deprecation.warning) == ("m-9", "Ends soon")


@pytest.mark.parametrize(
    "entry", [{"b64_json": BASE64}, {"url": f"data:image/png;base64,{BASE64}"}]
)
def test_the_openai_endpoint_of_venice_is_read_too(answered, entry):
    seen = []

    def handle(request):
        seen.append((request.url.path, json.loads(request.content)))
        return reply(200, {"created": 1, "data": [entry]})

    answer = answered(handle).generate_openai(prompt="p", size="512x512", moderation="low")
    assert answer.images == (PNG,)
    body_sent = {"prompt": "p", "size": "512x512", "moderation": "low"}
    assert seen == [("/api/v1/images/generations", body_sent)]


def test_the_request_is_what_venice_expects(answered):
    seen = []

    def handle(request):
        seen.append(request)
        return binary()

    answered(handle).generate(ImageRequest(model="m", prompt="p", steps=8, format="png"))
    (request,) = seen
    assert str(request.url) == f"{BASE_URL}/image/generate"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept-encoding"] == "gzip, br"
    assert json.loads(request.content) == {
        "model": "m",
        "prompt": "p",
        "steps": 8,
        "format": "png",
        "return_binary": True,
    }


def test_the_free_calls_ask_for_images_and_read_the_answers(answered):
    answers = {
        "/api/v1/models?type=image": {"data": [{"id": "a"}, None]},
        "/api/v1/models/traits?type=image": {"data": {"default": "a"}},
        "/api/v1/image/styles": ["Anime"],
        "/api/v1/api_keys/rate_limits": {
            "data": {
                "rateLimits": [{"apiModelId": "a", "rateLimits": [{"amount": 60, "type": "RPM"}]}]
            }
        },
        "/api/v1/billing/balance": {"canConsume": True, "balances": {"usd": 2.5}},
    }
    client = answered(lambda request: reply(200, answers[request.url.raw_path.decode()]))
    assert [model.id for model in client.models()] == ["a"]
    assert client.traits() == {"default": "a"}
    assert client.styles() == ["Anime"]
    assert client.rate_limits(["a"]).requests_per_minute == 60
    assert client.rate_limits().requests_per_minute == 20
    assert str(client.balance().usd) == "2.5"


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (reply(401, {"error": "no"}), errors.BadKey),
        (reply(429, {"error": "slow"}), errors.RateLimited),
        (reply(500, {"error": "hm"}), errors.Overloaded),
        (reply(502, PAGE), errors.Overloaded),
        (reply(302, ""), errors.Refused),
        (reply(200, PAGE), errors.BadResponse),
        (reply(200, {"odd": 1}), errors.BadResponse),
        (reply(200, "3"), errors.BadResponse),
        (httpx.ReadTimeout("slow"), errors.NotSent),
    ],
)
@pytest.mark.parametrize("method", ["models", "styles"])
def test_a_free_call_never_claims_that_something_was_charged(answered, method, response, kind):
    def handle(request):
        if isinstance(response, Exception):
            raise response
        return response

    with pytest.raises(errors.VeniceError) as caught:
        getattr(answered(handle), method)()
    assert type(caught.value) is kind
    assert "Nothing was charged" in caught.value.public_message
