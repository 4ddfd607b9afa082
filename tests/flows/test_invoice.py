"""The ledger against the stand-in's own invoice, after a mixed run of 200 jobs."""

import random
from decimal import Decimal

import pytest

from generations.models import Generation
from generations.models.generation import ACTIVE, State
from generations.services import catalogue, queue, spend
from generations.services import generation as generations
from generations.services import key as keys
from tests.builders import SMALL, let_minutes_pass

pytestmark = [pytest.mark.django_db, pytest.mark.services]

# What may happen to a job, and how often; "" is a picture that simply arrives.
FATES = {
    "": 90,
    "[[fewer]]": 15,
    "[[blurred]]": 10,
    "[[adult]]": 5,
    "[[violation]]": 8,
    "[[violation-empty]]": 6,
    "[[400 cfg_scale]]": 6,
    "[[404]]": 6,
    "[[422]]": 6,
    "[[once 503]]": 8,
    "[[once 429]]": 6,
    "[[503]]": 4,
    "[[html]]": 4,
    "[[truncated]]": 4,
    "[[not-an-image]]": 2,
    "[[500]]": 5,
    "[[504]]": 8,
    "[[cut-before]]": 3,
    "[[cut-after]]": 4,
}
MODELS = {
    "z-image-turbo": SMALL,
    "chroma": SMALL,
    "flux-2-pro": {"aspect_ratio": "1:1"},
    "nano-banana-pro": {"aspect_ratio": "16:9", "resolution": "2K"},
    "gpt-image-2": {"aspect_ratio": "1:1", "resolution": "1K", "quality": "low"},
}


@pytest.fixture
def patient(settings, db):
    """A stand-in whose clock runs so fast that no failures come close enough to lock a key out."""
    import itertools
    import time

    import httpx

    from generations.venice.standin import StandIn

    ticks = itertools.count(step=3)
    app = StandIn(
        latency=0,
        requests_per_minute=10_000,
        clock=lambda: time.time() + next(ticks),
        sleep=lambda seconds: None,
    )
    settings.VENICE_TRANSPORT = lambda: httpx.WSGITransport(app=app)
    keys.save(None, "team-key-of-the-test-0123456789")
    catalogue.refresh()
    return app


@pytest.fixture
def pictures_are_painted_small(monkeypatch):
    """What is painted does not matter here, and a megapixel takes a tenth of a second."""
    from generations.venice.standin import painter
    from tests.builders import picture

    kinds = {"webp": "WEBP", "png": "PNG", "jpeg": "JPEG"}
    monkeypatch.setattr(painter, "paint", lambda asked: picture(16, 16, kinds[asked.format]))


def test_every_cent_is_accounted_for(patient, alice, run_jobs, pictures_are_painted_small):
    dice = random.Random(7)
    fates = [fate for fate, times in FATES.items() for _ in range(times)]
    assert len(fates) == 200
    dice.shuffle(fates)
    for number, fate in enumerate(fates):
        model = dice.choice(list(MODELS))
        parameters = {"prompt": f"Job {number} {fate}", **MODELS[model]}
        generations.submit(
            alice, model=model, parameters={**parameters, "variants": dice.randint(1, 4)}
        )
    while Generation.objects.filter(state__in=ACTIVE).exists():
        let_minutes_pass()
        run_jobs()
        queue.end_lost()

    lost = Generation.objects.filter(state=State.UNKNOWN)
    known = Generation.objects.exclude(state=State.UNKNOWN)
    charged = sum(known.values_list("charged", flat=True))
    billed_for_lost = sum(
        (entry.usd for job in lost for entry in patient.calls(f"{job.prompt}")), Decimal(0)
    )
    invoice = patient.invoice()
    assert charged + billed_for_lost == invoice.usd
    assert lost.count() == sum(
        FATES[f] for f in ("[[500]]", "[[504]]", "[[cut-before]]", "[[cut-after]]")
    )

    # Until somebody looks at the bill, what was lost counts in full: never less than was billed.
    assert spend.spent(alice) >= invoice.usd
    for job in lost:
        billed = any(entry.usd for entry in patient.calls(job.prompt))
        spend.resolve_unknown(job, was_charged=billed, by=alice)
    assert spend.spent(alice) == invoice.usd
