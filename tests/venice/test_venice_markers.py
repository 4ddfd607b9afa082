"""Every marker does what it says, and what it says is what the client makes of it."""

from __future__ import annotations

import io
from decimal import Decimal

import httpx
import pytest
from PIL import Image

from generations.venice import errors
from generations.venice.client import VeniceClient
from generations.venice.standin import StandIn, describe_markers
from generations.venice.standin.markers import FAR_FUTURE, MARKERS
from generations.venice.types import ApiKey

from .builders import BASE_URL, KEY

NATIVE = {"model": "z-image-turbo", "prompt": "a boat", "width": 64, "height": 64}


def opened(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def client_with(app, key=KEY):
    return VeniceClient(ApiKey(key), base_url=BASE_URL, transport=httpx.WSGITransport(app=app))


# marker, what the client makes of it, images charged of one asked for
OUTCOMES = {
    "400 width": (errors.Refused, 0),
    "400-bare": (errors.Refused, 0),
    "401": (errors.BadKey, 0),
    "401-pro": (errors.Refused, 0),
    "402": (errors.NoCredit, 0),
    "402-limit": (errors.NoCredit, 0),
    "402-x402": (errors.NoCredit, 0),
    "403": (errors.BadKey, 0),
    "404": (errors.Refused, 0),
    "410": (errors.Refused, 0),
    "413": (errors.Refused, 0),
    "415": (errors.Refused, 0),
    "422": (errors.Refused, 0),
    "429": (errors.RateLimited, 0),
    "429-seconds": (errors.RateLimited, 0),
    "429-date": (errors.RateLimited, 0),
    "429-absent": (errors.RateLimited, 0),
    "429-2099": (errors.RateLimited, 0),
    "429-past": (errors.RateLimited, 0),
    "overloaded": (errors.Overloaded, 0),
    "lockout": (errors.LockedOut, 0),
    "500": (errors.OutcomeUnknown, 0),
    "502": (errors.OutcomeUnknown, 0),
    "503": (errors.Overloaded, 0),
    "504": (errors.OutcomeUnknown, 1),
    "524": (errors.OutcomeUnknown, 1),
    "cut-before": (errors.OutcomeUnknown, 0),
    "cut-inside": (errors.OutcomeUnknown, 1),
    "cut-after": (errors.OutcomeUnknown, 1),
    "hang": (errors.OutcomeUnknown, 1),
    "echo 400": (errors.Refused, 0),
    "html": (errors.BadResponse, 1),
    "empty": (errors.BadResponse, 1),
    "not-an-image": (errors.BadResponse, 1),
}
DELIVERED = {
    "blurred": ("blurred", 1),
    "violation": ("violation", 1),
    "violation-empty": ("violation", 0),
    "adult": ("adult", 1),
    "minor": ("minor", 1),
    "fewer": (None, 1),
    "deprecated": (None, 1),
    "enhanced": (None, 1),
    "slow 20": (None, 1),
    "truncated": (None, 1),
    "mislabelled": (None, 1),
    "animated": (None, 1),
    "huge": (None, 1),
}


def test_every_marker_is_tried_here_and_described():
    tried = {name.split()[0] for name in (*OUTCOMES, *DELIVERED)}
    assert tried == set(MARKERS)
    described = describe_markers()
    assert all(f"[[{name}]]" in described for name in MARKERS)
    assert "[[once X]]" in described


@pytest.mark.parametrize(("marker", "kind", "charged"), [(m, *o) for m, o in OUTCOMES.items()])
def test_a_fault_is_what_its_marker_says(venice, standin, request_for, marker, kind, charged):
    with pytest.raises(errors.VeniceError) as caught:
        venice.generate(request_for(f"a boat [[{marker}]]"))
    assert type(caught.value) is kind
    assert standin.paid_calls(marker) == charged
    assert standin.invoice().usd == Decimal("0.01") * charged
    assert len(standin.calls(marker)) == 1


@pytest.mark.parametrize(("marker", "verdict", "images"), [(m, *o) for m, o in DELIVERED.items()])
@pytest.mark.parametrize("variants", [1, 2])
def test_a_delivery_is_what_its_marker_says(
    venice, standin, request_for, marker, verdict, images, variants
):
    answer = venice.generate(request_for(f"a boat [[{marker}]]", variants=variants))
    expected = 1 if marker == "fewer" else images * variants
    assert len(answer.images) == expected == standin.invoice().images
    said = {
        name for name in ("blurred", "violation", "adult", "minor") if getattr(answer.verdict, name)
    }
    assert said == ({verdict} if verdict else set())


def test_faulty_fields_and_prompts_carry_their_details(venice, request_for):
    with pytest.raises(errors.Refused) as caught:
        venice.generate(request_for("x [[400 cfg_scale]]"))
    assert caught.value.field == "cfg_scale"
    with pytest.raises(errors.Refused) as caught:
        venice.generate(request_for("x [[422]]"))
    assert caught.value.code == "content_policy_violation"
    assert caught.value.suggested_prompt
    better = venice.generate(request_for("a boat [[enhanced]]")).enhanced_prompt
    assert better is not None
    assert better.startswith("a boat, ")
    ending = venice.generate(request_for("x [[deprecated]]")).deprecation
    assert ending is not None
    assert ending.replacement == "z-image-turbo"


def test_an_odd_reset_is_really_odd(standin, post, clock):
    far = post(json=NATIVE | {"prompt": "x [[429-2099]]"})
    assert far.headers["x-ratelimit-reset-requests"] == str(FAR_FUTURE * 1000)
    past = post(json=NATIVE | {"prompt": "x [[429-past]]"})
    assert int(past.headers["x-ratelimit-reset-requests"]) < clock.now * 1000
    assert "GMT" in post(json=NATIVE | {"prompt": "x [[429-date]]"}).headers["retry-after"]
    absent = post(json=NATIVE | {"prompt": "x [[429-absent]]"}).headers
    assert not {"retry-after", "x-ratelimit-reset-requests"} & set(absent)


def test_damaged_pictures_are_damaged_in_the_way_named(venice, request_for):
    def made(marker):
        request = request_for(f"x [[{marker}]]", format="png", width=128, height=64)
        return venice.generate(request).images[0]

    assert opened(made("mislabelled")).format == "JPEG"
    assert opened(made("animated")).n_frames == 3
    assert opened(made("violation")).getextrema() == ((0, 0), (0, 0), (0, 0))
    with pytest.raises(OSError, match="truncated"):
        opened(made("truncated"))
    huge = made("huge")
    assert len(huge) < 100_000
    with Image.open(io.BytesIO(huge)) as image:
        assert image.width * image.height > 50_000_000


def test_adult_pictures_are_blurred_in_safe_mode_only(venice, request_for):
    clear = venice.generate(request_for("x [[blurred]]", seed=1, safe_mode=False))
    veiled = venice.generate(request_for("x [[blurred]]", seed=1))
    assert not clear.verdict.is_flagged
    assert veiled.verdict.blurred
    assert clear.images != veiled.images


def test_a_fault_may_happen_once(venice, standin, request_for):
    with pytest.raises(errors.Overloaded):
        venice.generate(request_for("x [[once 503]]"))
    assert venice.generate(request_for("x [[once 503]]")).images
    with pytest.raises(errors.Overloaded):
        venice.generate(request_for("another x [[once 503]]"))
    assert [entry.outcome for entry in standin.calls()] == ["503", "200", "503"]


def test_a_marked_lockout_holds_for_the_key(venice, clock, request_for):
    with pytest.raises(errors.LockedOut):
        venice.generate(request_for("x [[lockout]]"))
    with pytest.raises(errors.LockedOut):
        venice.generate(request_for())
    clock.now += 31
    assert venice.generate(request_for()).images


def test_time_is_taken_where_it_is_asked_for(clock, request_for):
    app = StandIn(latency=2, clock=clock, sleep=clock.sleep)
    with client_with(app) as venice:
        answer = venice.generate(request_for("x [[slow 20]]", variants=2))
    assert clock.slept == [22.0]
    assert answer.timing_ms["inferenceDuration"] == 22_000


def test_unknown_markers_are_words(venice, request_for):
    assert venice.generate(request_for("[[banana]] x")).images


def test_odd_letters_harm_nobody(venice, request_for):
    prompt = "lone \ud800 and Größe 船 [[enhanced]]"
    answer = venice.generate(request_for(prompt, embed_exif_metadata=True, enhance_prompt=True))
    assert answer.images
    assert "Größe 船" in str(answer.enhanced_prompt)
