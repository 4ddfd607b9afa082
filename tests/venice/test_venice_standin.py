"""The stand-in must refuse, limit, charge and fail as Venice does, or our tests prove nothing."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import httpx
import pytest
from PIL import Image

from generations.venice import errors
from generations.venice.client import VeniceClient
from generations.venice.standin import StandIn
from generations.venice.standin.catalogue import STYLES, UNLISTED_PRICE, text_models
from generations.venice.types import ApiKey

from .builders import BASE_URL, KEY

NATIVE = {"model": "z-image-turbo", "prompt": "a boat", "width": 64, "height": 64}
RATIO = {"model": "flux-2-pro", "prompt": "a boat", "aspect_ratio": "1:1"}
TIER = {"model": "nano-banana-pro", "prompt": "a boat"}


def opened(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def client_with(app, key=KEY):
    return VeniceClient(ApiKey(key), base_url=BASE_URL, transport=httpx.WSGITransport(app=app))


# body, the field that the 400 must name
FAULTS = {
    "unknown key": (NATIVE | {"size": "1x1"}, "size"),
    "no prompt": ({"model": "z-image-turbo"}, "prompt"),
    "no model": ({"prompt": "a boat"}, "model"),
    "empty prompt": (NATIVE | {"prompt": ""}, "prompt"),
    "long prompt": (NATIVE | {"prompt": "x" * 7501}, "prompt"),
    "long prompt of another model": (
        NATIVE | {"model": "qwen-image", "prompt": "x" * 1501},
        "prompt",
    ),
    "long negative prompt": (
        NATIVE | {"model": "hidream", "negative_prompt": "x" * 1501},
        "negative_prompt",
    ),
    "number as text": (NATIVE | {"steps": "8"}, "steps"),
    "truth as number": (NATIVE | {"steps": True}, "steps"),
    "number as truth": (NATIVE | {"safe_mode": 1}, "safe_mode"),
    "null": (NATIVE | {"seed": None}, "seed"),
    "no steps": (NATIVE | {"steps": 0}, "steps"),
    "steps of the model": (NATIVE | {"steps": 9}, "steps"),
    "steps of anyone": (NATIVE | {"model": "hidream", "steps": 51}, "steps"),
    "guidance": (NATIVE | {"cfg_scale": 0}, "cfg_scale"),
    "much guidance": (NATIVE | {"cfg_scale": 20.5}, "cfg_scale"),
    "seed": (NATIVE | {"seed": 1_000_000_000}, "seed"),
    "lora": (NATIVE | {"lora_strength": 101}, "lora_strength"),
    "format": (NATIVE | {"format": "gif"}, "format"),
    "style": (NATIVE | {"style_preset": "Baroque"}, "style_preset"),
    "five variants": (NATIVE | {"variants": 5}, "variants"),
    "variants as bytes": (NATIVE | {"variants": 2, "return_binary": True}, "variants"),
    "too wide": (NATIVE | {"width": 1288}, "width"),
    "off the grid": (NATIVE | {"height": 65}, "height"),
    "off the wider grid": (NATIVE | {"model": "wai-Illustrious", "width": 72}, "width"),
    "ratio for a pixel model": (NATIVE | {"aspect_ratio": "1:1"}, "aspect_ratio"),
    "pixels for a ratio model": (RATIO | {"width": 64}, "width"),
    "unknown ratio": (RATIO | {"aspect_ratio": "7:3"}, "aspect_ratio"),
    "tier for a ratio model": (RATIO | {"resolution": "1K"}, "resolution"),
    "unknown tier": (TIER | {"resolution": "8K"}, "resolution"),
    "quality without choice": (TIER | {"quality": "high"}, "quality"),
    "unknown quality": (TIER | {"model": "gpt-image-2", "quality": "ultra"}, "quality"),
    "web search": (NATIVE | {"enable_web_search": True}, "enable_web_search"),
    "style references": (NATIVE | {"style_references": [{"image": "x"}]}, "style_references"),
    "no text-to-image": (NATIVE | {"model": "bria-bg-remover"}, "model"),
}


@pytest.mark.parametrize(("body", "field"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_request_is_refused_by_name_and_not_charged(post, standin, body, field):
    answer = post(json=body)
    assert answer.status_code == 400
    (issue,) = answer.json()["issues"]
    assert issue["path"] == [field] or issue["keys"] == [field]
    assert standin.invoice().calls == 0


ACCEPTED = {
    "everything a pixel model takes": NATIVE
    | {
        "negative_prompt": "rain",
        "steps": 8,
        "cfg_scale": 7.5,
        "seed": -999999999,
        "style_preset": STYLES[0],
        "lora_strength": 0,
        "safe_mode": False,
        "hide_watermark": True,
        "embed_exif_metadata": True,
        "format": "png",
        "variants": 1,
        "return_binary": False,
        "enable_web_search": False,
        "enhance_prompt": False,
        "disable_prompt_optimization_thinking": True,
        "inpaint": None,
    },
    "a tier in lower case": TIER | {"aspect_ratio": "auto", "resolution": "1k"},
    "web search where it is": TIER | {"enable_web_search": True},
    "a model without constraints": NATIVE | {"model": "recraft-v4", "width": 65},
    "a beta model": RATIO | {"model": "hunyuan-image-v3"},
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_a_sound_request_is_served(post, standin, body):
    answer = post(json=body)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["images"]) == standin.invoice().images == 1


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": NATIVE | {"model": "Z-Image-Turbo"}}, 404),
        ({"json": RATIO | {"model": "grok-imagine"}}, 503),
        ({"content": b"prompt=x"}, 415),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"[]", "headers": {"content-type": "application/json"}}, 400),
        ({"json": {"prompt": "x" * 9_000_000}}, 413),
        ({"json": NATIVE, "headers": {"authorization": ""}}, 402),
        ({"json": NATIVE, "headers": {"authorization": "Bearer some-bad-key"}}, 401),
        ({"json": NATIVE, "headers": {"authorization": "Bearer a-poor-key"}}, 402),
        ({"json": NATIVE, "headers": {"authorization": "Bearer a-limit-key"}}, 402),
    ],
)
def test_what_is_wrong_besides_the_fields(post, standin, options, status):
    answer = post(**options)
    assert answer.status_code == status
    assert standin.invoice().usd == 0


def test_a_request_without_a_key_gets_an_offer_without_an_error(post):
    answer = post(json=NATIVE, headers={"authorization": ""})
    assert answer.json()["x402Version"]
    assert "error" not in answer.json()


def test_the_weak_endpoint_swaps_an_unknown_model_and_bills_it(post, standin):
    answer = post(
        "/images/generations", json={"model": "dall-e-3", "prompt": "x", "size": "256x256"}
    )
    (entry,) = standin.calls()
    assert (entry.model, entry.usd) == ("z-image-turbo", Decimal("0.01"))
    assert answer.json()["data"][0]["b64_json"]


@pytest.mark.parametrize(
    "extra", [{"n": 2}, {"safe_mode": True}, {"prompt": "x" * 1501}, {"size": "64x64"}, {"seed": 1}]
)
def test_the_weak_endpoint_takes_little(post, extra):
    assert post("/images/generations", json={"prompt": "x"} | extra).status_code == 400


def test_a_url_of_the_weak_endpoint_is_a_data_url(post):
    body = {"prompt": "x", "response_format": "url", "size": "256x256", "output_format": "webp"}
    (entry,) = post("/images/generations", json=body).json()["data"]
    assert entry["url"].startswith("data:image/webp;base64,")


@pytest.mark.parametrize(
    ("fields", "size", "usd"),
    [
        ({"width": 1280, "height": 720}, (1280, 720), "0.01"),
        (RATIO | {"aspect_ratio": "16:9"}, (1360, 768), "0.04"),
        (TIER | {"resolution": "2K", "aspect_ratio": "3:4"}, (1776, 2368), "0.23"),
        ({"model": "gpt-image-2", "quality": "high", "aspect_ratio": "1:1"}, (1024, 1024), "0.27"),
        ({"model": "gpt-image-2", "aspect_ratio": "19.5:9"}, (1504, 688), "0.07"),
        ({"model": "seedream-v5-lite", "aspect_ratio": "4:5"}, (912, 1152), str(UNLISTED_PRICE)),
    ],
)
def test_pictures_have_the_size_and_the_price_asked_for(
    venice, standin, request_for, fields, size, usd
):
    given = {"aspect_ratio": "1:1"} | fields if "width" not in fields else fields
    answer = venice.generate(request_for(**given))
    assert opened(answer.images[0]).size == size
    assert standin.invoice().usd == Decimal(usd)


def test_variants_differ_and_are_charged_each(venice, standin, request_for):
    answer = venice.generate(request_for(variants=4, seed=7))
    assert len(set(answer.images)) == 4
    assert answer.timing_ms["total"] > 0
    assert answer.request_id
    single = venice.generate(request_for(seed=9))
    assert single.images[0] == answer.images[2]
    assert standin.invoice().usd == Decimal("0.05")
    assert standin.invoice().images == 5


def test_answers_name_balance_limit_and_model(venice, clock, request_for):
    answer = venice.generate(request_for())
    assert answer.account.balance_usd == Decimal("9999.99")
    assert (answer.account.limit_requests, answer.account.remaining_requests) == (500, 499)
    assert answer.model_id == "z-image-turbo"


def test_exactly_the_catalogue_of_images_is_listed(venice, post):
    models = {model.id: model for model in venice.models()}
    assert {model.constraints.sizing for model in models.values()} == {
        "pixels",
        "ratio",
        "ratio_tier",
    }
    assert models["venice-sd35"].deprecation_replacement == "z-image-turbo"
    assert models["grok-imagine"].offline
    assert models["hunyuan-image-v3"].beta
    assert not models["recraft-v4"].has_constraints
    assert models["seedream-v5-lite"].price() is None
    assert [m.id for m in models.values() if not m.makes_images_from_text] == ["bria-bg-remover"]
    assert venice.traits()["default"] == "z-image-turbo"
    assert venice.styles() == STYLES
    assert len(STYLES) >= 20
    assert venice.rate_limits(models).requests_per_minute == 500
    assert venice.balance().can_consume


def test_without_a_type_the_list_is_of_text_models(standin):
    with httpx.Client(transport=httpx.WSGITransport(app=standin), base_url="http://s") as http:
        assert http.get("/api/v1/models").json()["data"] == text_models()
        assert http.get("/models?type=image").json()["type"] == "image"
        assert http.get("/nothing").status_code == 404
        assert http.get("/image/generate").status_code == 405
        assert http.get("/api_keys/rate_limits").status_code == 402


def test_the_minute_rolls(clock, request_for):
    app = StandIn(latency=0, requests_per_minute=3, clock=clock, sleep=clock.sleep)
    with client_with(app) as venice, client_with(app, "another-key-123456") as other:
        for _ in range(3):
            venice.generate(request_for())
            clock.now += 10
        with pytest.raises(errors.RateLimited):
            venice.generate(request_for())
        other.generate(request_for())
        clock.now += 29.9
        with pytest.raises(errors.RateLimited):
            venice.generate(request_for())
        clock.now += 0.2
        venice.generate(request_for())
    assert app.paid_calls() == 5


def test_the_reset_is_told_in_milliseconds(clock, request_for):
    app = StandIn(latency=0, requests_per_minute=1, clock=clock)
    http = httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://s")
    for _ in range(2):
        answer = http.post("/image/generate", json=NATIVE, headers={"authorization": "Bearer k"})
    assert answer.status_code == 429
    assert answer.headers["x-ratelimit-reset-requests"] == str(int((clock.now + 60) * 1000))


def test_twenty_one_failures_in_thirty_seconds_lock_a_key_out(standin, clock, request_for):
    with client_with(standin, "some-bad-key-0000") as bad, client_with(standin) as good:
        for _ in range(21):
            with pytest.raises(errors.BadKey):
                bad.generate(request_for())
        with pytest.raises(errors.LockedOut):
            bad.rate_limits()
        good.generate(request_for())
        clock.now += 30.1
        with pytest.raises(errors.BadKey):
            bad.generate(request_for())


def test_failures_spread_over_time_lock_nobody_out(standin, clock, request_for):
    with client_with(standin, "some-bad-key-0000") as bad:
        for _ in range(60):
            clock.now += 1.5
            with pytest.raises(errors.BadKey):
                bad.generate(request_for())


def test_only_the_keys_given_are_let_in(request_for):
    app = StandIn(latency=0, keys=["the-right-key"])
    with client_with(app, "the-right-key") as right, client_with(app, "another-key") as wrong:
        right.generate(request_for())
        with pytest.raises(errors.BadKey):
            wrong.models()


def test_credit_runs_out(request_for):
    app = StandIn(latency=0, credit=Decimal("0.03"))
    with client_with(app) as venice:
        venice.generate(request_for(variants=2))
        with pytest.raises(errors.NoCredit):
            venice.generate(request_for(variants=2))
        assert venice.balance().usd == Decimal("0.01")


def test_the_ledger_holds_no_keys_and_is_served(venice, standin, request_for):
    venice.generate(request_for("first of two"))
    with pytest.raises(errors.Refused):
        venice.generate(request_for("second of two", steps=50))
    with httpx.Client(transport=httpx.WSGITransport(app=standin), base_url="http://s") as http:
        found = http.get("/_standin/ledger")
    assert KEY not in found.text
    assert found.json()["invoice"] == {"calls": 1, "images": 1, "usd": "0.01"}
    outcomes = [(e["prompt"], e["outcome"], e["usd"]) for e in found.json()["entries"]]
    assert outcomes == [("first of two", "200", "0.01"), ("second of two", "400", "0")]


def test_large_json_is_sent_compressed(standin):
    with httpx.Client(transport=httpx.WSGITransport(app=standin), base_url="http://s") as http:
        answer = http.get("/models?type=image", headers={"accept-encoding": "gzip"})
        assert answer.headers["content-encoding"] == "gzip"
        plain = http.get("/models?type=image", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert json.loads(plain.text) == answer.json()


def test_a_key_may_name_its_own_limit(standin):
    with client_with(standin, "a-key-rpm3-0000") as slow, client_with(standin) as other:
        assert slow.rate_limits(["z-image-turbo"]).requests_per_minute == 3
        assert other.rate_limits(["z-image-turbo"]).requests_per_minute != 3
