"""Reading what Venice publishes, and what we send."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from generations.venice.catalogue import models_from_json, styles_from_json, traits_from_json
from generations.venice.types import (
    AccountState,
    ApiKey,
    Balance,
    Constraints,
    ImageRequest,
    ModelInfo,
    RateLimits,
    Verdict,
)
from generations.venice.values import moment, upcoming

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def model(**spec):
    return ModelInfo.from_json({"id": "some-model", "type": "image", "model_spec": spec})


def test_a_key_shows_itself_only_when_asked():
    key = ApiKey("  vn-secret-part-9876 \n")
    assert key.reveal() == "vn-secret-part-9876"
    assert key.last_four == "9876"
    for shown in (repr(key), str(key), f"{key}", f"{[key]}"):
        assert "secret" not in shown
        assert "9876" in shown
    assert ApiKey("short-one").last_four == ""
    assert key == ApiKey("vn-secret-part-9876")
    assert hash(key) == hash(ApiKey(key.reveal()))


@pytest.mark.parametrize("secret", ["", "   ", "two words", "line\nbreak", "clé-d'accès"])
def test_a_key_that_fits_no_header_is_turned_down(secret):
    with pytest.raises(ValueError, match="one word"):
        ApiKey(secret)


def test_one_image_is_asked_for_as_bytes():
    body = ImageRequest(model="m", prompt="p", seed=0, safe_mode=False).payload()
    expected = {"model": "m", "prompt": "p", "seed": 0, "safe_mode": False, "return_binary": True}
    assert body == expected


def test_several_images_are_asked_for_as_json():
    body = ImageRequest(model="m", prompt="p", variants=3).payload()
    assert body == {"model": "m", "prompt": "p", "variants": 3}


@pytest.mark.parametrize(
    ("part", "sizing"),
    [
        ({}, "pixels"),
        ({"widthHeightDivisor": 16}, "pixels"),
        ({"aspectRatios": ["1:1", "19.5:9", "auto"]}, "ratio"),
        ({"aspectRatios": ["1:1"], "resolutions": ["1K"]}, "ratio_tier"),
    ],
)
def test_sizing_follows_from_what_a_model_publishes(part, sizing):
    assert Constraints.from_json(part).sizing == sizing


def test_constraints_are_read_from_numbers_and_strings():
    found = Constraints.from_json(
        {
            "promptCharacterLimit": "7500",
            "steps": {"default": 8, "max": "8"},
            "widthHeightDivisor": 8.0,
            "qualities": ["low", None, 3],
            "future": {"x": 1},
        }
    )
    assert (found.prompt_character_limit, found.steps_default, found.steps_max) == (7500, 8, 8)
    assert (found.width_height_divisor, found.qualities) == (8, ("low",))
    assert Constraints.from_json("nonsense") == Constraints()


TIERS = {"resolutions": {"1K": {"usd": 0.18}, "2K": {"usd": "0.23"}, "4K": {"diem": 1}}}
GRADES = {"quality": {"1K": {"low": {"usd": 0.02}, "high": {"usd": 0.27}}, "4K": {}}}


@pytest.mark.parametrize(
    ("pricing", "choice", "usd"),
    [
        ({"generation": {"usd": 0.1}}, {}, "0.1"),
        ({"generation": {"usd": 0.29}}, {"resolution": "4K"}, "0.29"),
        ({"generation": {"usd": "0.010"}}, {}, "0.010"),
        ({"generation": {"usd": 0}}, {}, "0"),
        (TIERS, {"resolution": "1k"}, "0.18"),
        (TIERS, {"resolution": "2K"}, "0.23"),
        (TIERS, {}, "0.18"),
        (TIERS, {"resolution": "4K"}, None),
        (TIERS, {"resolution": "8K"}, None),
        (GRADES, {"quality": "HIGH"}, "0.27"),
        (GRADES, {"resolution": "1k", "quality": "low"}, "0.02"),
        (GRADES, {}, "0.02"),
        (GRADES, {"resolution": "4K", "quality": "low"}, None),
        ({"upscale": {"2x": {"usd": 0.02}}}, {}, None),
        ({"generation": {"usd": None}}, {}, None),
        ({"generation": {"usd": "free"}}, {}, None),
        ({"generation": {"usd": float("nan")}}, {}, None),
        ({"generation": {"usd": -1}}, {}, None),
        ({"generation": {"usd": True}}, {}, None),
        ({}, {}, None),
        (None, {}, None),
    ],
)
def test_prices_are_exact_or_unknown(pricing, choice, usd):
    limits = {"defaultResolution": "1K", "defaultQuality": "low"}
    price = model(pricing=pricing, constraints=limits).price(**choice)
    assert price == (None if usd is None else Decimal(usd))
    assert str(price) == str(usd)


@pytest.mark.parametrize(
    ("entry", "makes"),
    [
        ({"id": "z-image-turbo", "model_spec": {"pricing": {"generation": {"usd": 0.01}}}}, True),
        ({"id": "credit-edition", "model_spec": {"name": "Reality Editions"}}, True),
        ({"id": "no-price", "model_spec": {}}, True),
        ({"id": "bria-bg-remover", "model_spec": {"pricing": {"generation": {"usd": 1}}}}, False),
        ({"id": "x", "model_spec": {"name": "Background Remover"}}, False),
        ({"id": "qwen-image-edit", "model_spec": {}}, False),
        ({"id": "flux_2_edit", "model_spec": {}}, False),
        ({"id": "crystal-upscaler", "model_spec": {}}, False),
        ({"id": "x", "model_spec": {"pricing": {"inpaint": {"usd": 0.04}}}}, False),
        ({"id": "x", "model_spec": {"pricing": {"upscale": {}}}}, False),
        ({"id": "x", "type": "inpaint"}, False),
        ({"id": "x", "type": "text"}, False),
    ],
)
def test_models_that_need_a_picture_are_told_apart(entry, makes):
    assert ModelInfo.from_json(entry).makes_images_from_text is makes


def test_a_model_keeps_what_it_was_told():
    found = model(
        name="Some Model",
        privacy="private",
        traits=["default", 7],
        offline="true",
        betaModel=True,
        supportsWebSearch=True,
        deprecation={"date": "2026-12-01T00:00:00.000Z", "replacementModelId": "other"},
        news={"a": [1]},
    )
    assert (found.name, found.privacy, found.traits) == ("Some Model", "private", ("default",))
    assert found.offline
    assert found.beta
    assert found.supports_web_search
    assert not found.has_constraints
    assert model(constraints={"steps": {}}).has_constraints
    assert found.deprecation_date == datetime(2026, 12, 1, tzinfo=UTC)
    assert found.deprecation_replacement == "other"
    assert found.raw["news"] == {"a": [1]}


def test_broken_entries_of_a_model_list_are_skipped():
    entries = [None, 3, {}, {"id": 5}, {"id": ""}, {"id": "a"}, {"id": "b", "model_spec": "?"}]
    assert [m.id for m in models_from_json({"data": entries})] == ["a", "b"]
    with pytest.raises(ValueError):
        models_from_json({"error": "no"})


@pytest.mark.parametrize(
    "data", [["Anime", "", None, "Noir"], {"data": ["Anime", "Noir"], "object": "list"}]
)
def test_styles_come_in_two_shapes(data):
    assert styles_from_json(data) == ["Anime", "Noir"]


def test_traits_map_to_models():
    assert traits_from_json({"data": {"default": "a", "odd": 3}}) == {"default": "a"}
    with pytest.raises(ValueError):
        traits_from_json(["default"])


def rows(*amounts):
    return [
        {"apiModelId": name, "rateLimits": [{"amount": amount, "type": kind}]}
        for name, amount, kind in amounts
    ]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (rows(("a", 60, "RPM"), ("b", "45", "RPM"), ("text", 5, "RPM")), 45),
        (rows(("a", 3, "RPD"), ("text", 5, "RPM")), 20),
        (rows(("a", 0, "RPM")), 20),
        (rows(("a", "many", "RPM")), 20),
        ([None, {"apiModelId": "a"}, {"apiModelId": "a", "rateLimits": [None]}], 20),
        (None, 20),
    ],
)
def test_the_smallest_minute_of_an_image_model_counts(limits, expected):
    found = RateLimits.from_json({"data": {"rateLimits": limits}}, ["a", "b"])
    assert found.requests_per_minute == expected


def test_rate_limits_carry_balances_and_expiry():
    found = RateLimits.from_json(
        {
            "data": {
                "accessPermitted": True,
                "apiTier": {"id": "paid", "isCharged": True},
                "balances": {"USD": "12.345678901234567891", "DIEM": 0},
                "keyExpiration": "2027-01-01T00:00:00Z",
            }
        }
    )
    assert found.balance_usd == Decimal("12.345678901234567891")
    assert found.balance_diem == 0
    assert (found.tier, found.is_charged, found.access_permitted) == ("paid", True, True)
    assert found.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert not RateLimits.from_json({"data": {"accessPermitted": False}}).access_permitted


def test_a_balance_may_be_missing():
    found = Balance.from_json({"canConsume": False, "balances": {"usd": None, "diem": "90.5"}})
    assert (found.can_consume, found.usd, found.diem) == (False, None, Decimal("90.5"))


def test_verdicts_are_text_in_headers():
    quiet = Verdict.from_reply({"x-venice-is-blurred": "false"}, None)
    assert not quiet.is_flagged
    for name, attribute in {
        "x-venice-is-blurred": "blurred",
        "x-venice-is-content-violation": "violation",
        "x-venice-is-adult-model-content-violation": "adult",
        "x-venice-contains-minor": "minor",
    }.items():
        verdict = Verdict.from_reply({name: "True"}, {})
        assert getattr(verdict, attribute)
        assert verdict.is_flagged
        assert verdict.withholds is (attribute != "blurred")
    assert Verdict.from_reply({}, {"content_policy_violation_count": "2"}).violation_count == 2


def test_account_headers_are_strings_of_many_digits():
    state = AccountState.from_headers(
        {
            "x-venice-balance-usd": "0.000000000000000001",
            "x-ratelimit-limit-requests": "20",
            "x-ratelimit-remaining-requests": "",
            "x-ratelimit-reset-requests": str(int((NOW.timestamp() + 30) * 1000)),
        },
        NOW,
    )
    assert state.balance_usd == Decimal("1E-18")
    assert state.balance_diem is None
    assert (state.limit_requests, state.remaining_requests) == (20, None)
    assert state.reset_at is not None
    assert (state.reset_at - NOW).total_seconds() == 30


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        (30, 30),
        ("0.5", 0.5),
        (str(int(NOW.timestamp()) + 45), 45),
        (str((int(NOW.timestamp()) + 45) * 1000), 45),
        ("Fri, 20 Nov 2026 12:00:20 GMT", 20),
        ("2026-11-20T12:00:25.000Z", 25),
        ("2026-11-20T14:00:25+02:00", 25),
        ("600", 120),
        ("4070908800000", 120),
        ("1e30", None),
        ("0", None),
        ("-5", None),
        (str(int(NOW.timestamp()) - 1), None),
        ("Fri, 20 Nov 2026 11:00:00 GMT", None),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
    ],
)
def test_times_to_wait_come_in_every_form_and_are_bounded(value, seconds):
    found = upcoming(value, NOW)
    assert (None if found is None else (found - NOW).total_seconds()) == seconds


def test_a_date_without_a_zone_is_utc():
    assert moment("2026-11-20T12:00:00") == NOW
