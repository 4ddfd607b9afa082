"""Once: what is sent again must not cost twice, and what is a new wish must not be swallowed."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from generations.models import Generation, Image, Submission
from tests.api.conftest import SMALL

pytestmark = pytest.mark.django_db
PATH = "/v1/images/generations"
BODY = {**SMALL, "prompt": "A stone bridge", "response_format": "b64_json"}


def ids(*responses) -> set[str]:
    return {response["X-Generation-Id"] for response in responses}


def let_pass(**length: int) -> None:
    """As if everything so far had been that much earlier."""
    ago = timedelta(**length)
    Submission.objects.update(created_at=F("created_at") - ago, answered_at=F("answered_at") - ago)
    Generation.objects.update(created_at=F("created_at") - ago, finished_at=F("finished_at") - ago)


def test_the_same_key_and_body_is_one_job_for_a_day(alices):
    first = alices.post(PATH, BODY, Idempotency_Key="one")
    again = alices.post(PATH, BODY, Idempotency_Key="one")
    assert again.status_code == 200
    assert ids(first) == ids(again)
    assert first.json() == again.json()
    let_pass(hours=23, minutes=59)
    assert ids(first) == ids(alices.post(PATH, BODY, Idempotency_Key="one"))
    let_pass(hours=24)
    assert ids(first) != ids(alices.post(PATH, BODY, Idempotency_Key="one"))
    assert Submission.objects.count() == 1


@pytest.mark.parametrize("path", [PATH, "/api/v1/image/generate"])
def test_what_was_deleted_meanwhile_is_not_said_to_be_held(alices, path):
    body = {"model": "z-image-turbo", "prompt": "A stone bridge"}
    alices.post(path, body, Idempotency_Key="one")
    Image.objects.update(deleted_at=timezone.now())
    again = alices.post(path, body, Idempotency_Key="one")
    assert (again.status_code, again["x-should-retry"]) == (404, "false")
    assert "deleted" in again.content.decode()
    assert Generation.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(alices):
    first = alices.post(PATH, BODY, Idempotency_Key="one")
    other = alices.post(PATH, {**BODY, "prompt": "Another"}, Idempotency_Key="one")
    assert (other.status_code, other["x-should-retry"]) == (409, "false")
    # What the key led to, so that the program may look at it.
    assert ids(first) == ids(other)
    assert Generation.objects.count() == 1


def test_another_key_is_another_wish(alices):
    keys = [alices.send(PATH, BODY, Idempotency_Key=key) for key in ("one", "two")]
    assert len(ids(*keys)) == 2


def test_keys_are_each_tokens_own(alices, program, alice):
    other = program(alice)
    found = [one.send(PATH, BODY, Idempotency_Key="one") for one in (alices, other)]
    assert len(ids(*found)) == 2


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
def test_a_key_that_is_none_is_refused(alices, key):
    assert alices.post(PATH, BODY, Idempotency_Key=key).status_code == 400


def test_how_the_json_is_written_does_not_matter(alices):
    first = alices.send(PATH, BODY, Idempotency_Key="one")
    turned = dict(reversed(list(BODY.items())))
    assert ids(first) == ids(alices.send(PATH, turned, Idempotency_Key="one"))


def test_without_a_key_it_joins_its_twin_that_runs(alices):
    first, again = alices.send(PATH, BODY), alices.send(PATH, BODY)
    assert ids(first) == ids(again)
    assert alices.finished(first).content == alices.finished(again).content
    assert Generation.objects.count() == 1


def test_without_a_key_it_is_a_new_wish_after_an_answer(alices):
    first = alices.post(PATH, BODY)
    assert ids(first) != ids(alices.post(PATH, BODY))


def test_an_answer_that_got_lost_on_the_way_is_given_again(alices):
    first = alices.post(PATH, BODY)
    again = alices.post(PATH, BODY, x_stainless_retry_count="1")
    assert (again.status_code, ids(again)) == (200, ids(first))
    let_pass(seconds=61)
    assert ids(alices.post(PATH, BODY, x_stainless_retry_count="2")) != ids(first)


def test_who_went_away_finds_it_within_a_minute(alices, run_jobs):
    first = alices.send(PATH, BODY)  # and nobody waits for the answer
    run_jobs()
    let_pass(seconds=59)
    assert ids(alices.post(PATH, BODY)) == ids(first)


def test_who_comes_later_has_a_new_wish(alices, run_jobs):
    first = alices.send(PATH, BODY)
    run_jobs()
    let_pass(seconds=61)
    assert ids(alices.post(PATH, BODY)) != ids(first)


def test_a_lost_answer_is_not_sent_again_within_a_minute(alices, stocked):
    body = {**BODY, "prompt": "[[504]]"}
    first, again = alices.post(PATH, body), alices.post(PATH, body)
    assert [r.status_code for r in (first, again)] == [502, 502]
    assert ids(first) == ids(again)
    let_pass(seconds=61)
    assert ids(alices.post(PATH, body)) != ids(first)


def test_what_cost_nothing_is_tried_anew(alices):
    body = {**BODY, "prompt": "[[422]]"}
    first, again = alices.post(PATH, body), alices.post(PATH, body)
    assert [r.status_code for r in (first, again)] == [422, 422]
    assert ids(first) != ids(again)


def test_what_was_refused_before_it_was_taken_leaves_nothing(alices):
    assert alices.post(PATH, {**BODY, "seed": 10**12}, Idempotency_Key="one").status_code == 400
    assert alices.post(PATH, BODY, Idempotency_Key="one").status_code == 200
    assert Submission.objects.get().created_at <= timezone.now()


def test_still_running_is_no_answer(alices):
    alices.is_patient = False
    first = alices.post(PATH, BODY)
    assert first.status_code == 504
    assert ids(first) == ids(alices.send(PATH, BODY))
