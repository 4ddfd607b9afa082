"""Processes killed in the middle of work. A paid call is never sent twice."""

import os
import signal

import httpx
import pytest

from tests.faults.studio import hex_of, wait_for

pytestmark = pytest.mark.processes

_ROW = "select charged, error_code from generations_generation where id = ?"
_A_SECOND_AGO = "strftime('%Y-%m-%d %H:%M:%f', 'now', '-1 second')"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_a_killed_worker_leaves_an_unknown_outcome_and_one_call(shared, upstream, number):
    prompt = f"Regatta that ends with {number.name}"
    job = shared.submit(f"{prompt} [[slow 8]]")
    # For a second already: the request has left, and only its answer is missing.
    calling = f"{_ROW} and state = 'calling' and started_at < {_A_SECOND_AGO}"
    wait_for(lambda: shared.rows(calling, hex_of(job)), "Venice is working")
    dead = shared.processes("celery", " worker ")
    # Whoever says SIGQUIT tells the worker alone, which takes its decoders along.
    (os.killpg if number == signal.SIGKILL else os.kill)(min(dead), number)

    shared.wait_for_successor(dead, "celery", " worker ")
    after = shared.submit("Regatta after the kill")
    shared.wait_for_state(after, "succeeded")

    shared.wait_for_state(job, "unknown", 35)
    found = shared.rows(_ROW, hex_of(job))
    assert found == [{"charged": None, "error_code": "outcome_unknown"}]
    assert "May have been charged" in shared.http.get(f"/generations/{job}/").text
    wait_for(lambda: upstream.calls(prompt), "the stand-in has finished its picture")
    assert len(upstream.calls(prompt)) == 1


def test_a_killed_decoder_costs_no_picture(shared, upstream):
    _make(shared, ["A decoder starts"])
    killed = shared.decoders()[0]
    os.kill(killed, signal.SIGSTOP)  # so that a picture waits for it when it dies
    jobs = [shared.submit(f"Killed decoder {number}") for number in range(3)]
    wait_for(lambda: len(upstream.calls("Killed decoder")) == 3, "the answers have come")

    def states():
        return {shared.state(job) for job in jobs}

    wait_for(lambda: "succeeded" in states(), "the other one goes on")
    assert "calling" in states()
    others = set(shared.decoders()) - {killed}
    os.kill(killed, signal.SIGKILL)

    for job in jobs:
        shared.wait_for_state(job, "succeeded")
    assert len(upstream.calls("Killed decoder")) == 3
    assert others <= set(shared.decoders())
    wait_for(lambda: killed not in shared.decoders(), "it is gone")
    _make(shared, ["After the killed decoder"])


def _make(studio, prompts):
    for job in [studio.submit(prompt) for prompt in prompts]:
        studio.wait_for_state(job, "succeeded")


@pytest.mark.parametrize("words", [("granian",), ("celery", " beat ")], ids=["web", "beat"])
def test_what_dies_is_started_again(shared, words):
    dead = shared.processes(*words)
    os.kill(min(dead), signal.SIGKILL)
    shared.wait_for_successor(dead, *words)
    wait_for(lambda: _answers(shared), "the studio answers")


def test_a_web_process_that_loses_its_worker_is_started_again(shared):
    serving = max(shared.processes("granian"))
    os.kill(serving, signal.SIGKILL)
    shared.wait_for_successor([serving], "granian")
    wait_for(lambda: len(shared.processes("granian")) == 2, "both parts run again")
    wait_for(lambda: _answers(shared), "the studio answers")


def _answers(studio) -> bool:
    try:
        return studio.http.get("/healthz").is_success
    except httpx.TransportError:
        return False
