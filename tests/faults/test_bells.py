"""Doorbells get lost and ring for nothing; what is in the database is what counts."""

import subprocess
import sys

import pytest

from tests.faults.studio import ROOT, hex_of, wait_for

pytestmark = pytest.mark.processes

QUEUE_WITHOUT_BELL = """
from generations.models import User
from generations.services import bell, generation
bell.ring = lambda **kwargs: None
for number in range(3):
    generation.submit(
        User.objects.get(),
        model="z-image-turbo",
        parameters={"prompt": f"No bell {number}", "width": 64, "height": 64, "format": "webp"},
    )
"""
RING = """
from generations.services import bell
for _ in range(500):
    bell.ring()
"""


def _shell(studio, code: str) -> None:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-v", "0", "-c", code]
    subprocess.run(command, cwd=ROOT, env=studio.environment, check=True, timeout=30)


def test_a_lost_bell_is_made_good_by_the_sweep(shared, upstream):
    _shell(shared, QUEUE_WITHOUT_BELL)
    wait_for(lambda: len(upstream.calls("No bell")) == 3, "the sweep found the jobs", 8)
    active = "select id from generations_generation where state in ('queued', 'calling')"
    wait_for(lambda: not shared.rows(active), "all are done")


def test_five_hundred_bells_for_one_job_are_one_call(shared, upstream):
    _shell(shared, RING)
    job = shared.submit("Much ringing")
    shared.wait_for_state(job, "succeeded", 30)
    wait_for(lambda: not list((shared.data / "broker").glob("*.msg")), "all bells are heard", 30)
    assert len(upstream.calls("Much ringing")) == 1
    calls = shared.rows("select id from generations_call where generation_id = ?", hex_of(job))
    assert len(calls) == 1
