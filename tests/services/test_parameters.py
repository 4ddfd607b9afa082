"""The rules against the stand-in: no valid request is refused, no invalid one gets through."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generations.services.parameters import FORMATS, Rules, ratio_of
from generations.venice.client import VeniceClient
from generations.venice.errors import Refused
from generations.venice.standin import StandIn
from generations.venice.types import ApiKey, ImageRequest

MODELS: dict = {}
STYLES: list[str] = []
SERIAL = itertools.count(10**12)


def client(app):
    import httpx

    return VeniceClient(
        # A key of its own each time: many refusals in a row would lock one out.
        ApiKey(f"key-{next(SERIAL)}"),
        base_url="http://venice.test/api/v1",
        transport=httpx.WSGITransport(app=app),
    )


@pytest.fixture(scope="module")
def app():
    app = StandIn(latency=0, requests_per_minute=100_000, sleep=lambda seconds: None)
    with client(app) as venice:
        found = [m for m in venice.models() if m.makes_images_from_text and not m.offline]
        MODELS.update({model.id: model for model in found})
        STYLES.extend(venice.styles())
    return app


@st.composite
def requests(draw):
    model = draw(st.sampled_from(sorted(MODELS)))
    rules = Rules(MODELS[model], frozenset(STYLES))
    wish = {"prompt": draw(st.text(alphabet="abc ", min_size=0, max_size=20))}
    wish |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "width": st.integers(1, 20).map(lambda n: n * 8),
                "height": st.integers(1, 20).map(lambda n: n * 8),
                "steps": st.integers(-1, 60),
                "cfg_scale": st.floats(-1, 25),
                "seed": st.integers(-(10**10), 10**10),
                "variants": st.integers(0, 4),
                "format": st.sampled_from([*FORMATS, "gif"]),
                "aspect_ratio": st.sampled_from(["1:1", "16:9", "21:9", "4:5", "9:21"]),
                "resolution": st.sampled_from(["1K", "2K", "4K", "8K"]),
                "quality": st.sampled_from(["low", "medium", "high", "best"]),
                "style_preset": st.sampled_from([*STYLES[:2], "No Such"]),
                "enable_web_search": st.booleans(),
            },
        )
    )
    return model, rules, wish


@given(data=st.data())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_our_rules_and_venices_agree(app, data):
    model, rules, wish = data.draw(requests())
    problems = rules.check(wish)
    # Painting is not what is asked here: a verdict before the work is enough.
    marked = {**wish, "prompt": wish["prompt"] + " [[410]]" if not problems else wish["prompt"]}
    with client(app) as venice:
        try:
            venice.generate(ImageRequest(model=model, **{"variants": 1, **marked}))
        except Refused as refusal:
            was_taken = refusal.code == "model_gone"
        else:
            was_taken = True
    if not problems:
        assert was_taken, wish
    elif was_taken:
        # Stricter than Venice only where Venice ignores what it does not use.
        assert set(problems) <= {
            "prompt",
            "aspect_ratio",
            "resolution",
            "quality",
            "width",
            "height",
            "enable_web_search",
            "style_preset",
        }, (wish, problems)


@pytest.mark.parametrize(
    ("text", "across"),
    [("1:1", 1.0), ("3:2", 1.5), ("19.5:9", 19.5 / 9), ("auto", 1.0), ("0:0", 1.0), ("", 1.0)],
)
def test_ratios_of_any_spelling(text, across):
    assert ratio_of(text) == pytest.approx(across)


@pytest.mark.parametrize("ratio", ["1:1", "3:2", "16:9", "21:9", "4:5", "2:3", "9:16"])
def test_pixels_for_a_ratio_fit_every_divisor(app, ratio):
    for model in MODELS.values():
        rules = Rules(model)
        if rules.sizing == "pixels":
            width, height = rules.pixels_for(ratio)
            assert rules.check({"prompt": "x", "width": width, "height": height}) == {}
            assert width / height == pytest.approx(ratio_of(ratio), rel=0.04)
