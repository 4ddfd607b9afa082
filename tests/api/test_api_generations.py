"""GET and DELETE /v1/generations: pages, filters, cancelling, and whose jobs they are."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from generations.models import Generation, Image
from generations.models.generation import State
from tests.api.conftest import SMALL
from tests.builders import make_generation, make_image, submit

pytestmark = [pytest.mark.django_db, pytest.mark.services]
URL = "/v1/generations"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def ids(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [job["id"] for job in response.json()["data"]]


def test_a_job_is_told_whole(alices, alice):
    response = alices.generate(prompt="A stone bridge", seed=7)
    job = Generation.objects.get()
    (told,) = alices.get(URL).json()["data"]
    assert told == alices.get(f"{URL}/{job.pk}").json() | {"images": told["images"]}
    assert (told["id"], told["object"], told["state"]) == (str(job.pk), "generation", "succeeded")
    assert (told["prompt"], told["seed"], told["price"], told["charged"]) == (
        "A stone bridge",
        7,
        "0.01",
        "0.01",
    )
    assert told["created_at"].endswith("Z")
    (image,) = told["images"]
    assert (image["width"], image["height"], image["format"], image["state"]) == (
        64,
        64,
        "png",
        "shown",
    )
    assert alices.get(image["url"]).status_code == 200
    assert response["X-Generation-Id"] == told["id"]


def test_a_held_image_has_no_address(alices, alice):
    make_image(alice, generation=make_generation(alice), state=Image.State.HELD)
    (image,) = alices.get(URL).json()["data"][0]["images"]
    assert image["state"] == "held"
    assert "url" not in image


def test_pages_follow_each_other_without_gap_or_repetition(alices, alice):
    # Some at the same moment: there the ids decide.
    made = [
        make_generation(alice, created_at=NOON + timedelta(seconds=number // 3))
        for number in range(11)
    ]
    wanted = [str(job.pk) for job in sorted(made, key=lambda j: (j.created_at, j.pk), reverse=True)]
    seen, address, pages = [], f"{URL}?limit=4&model=z-image-turbo", 0
    while address:
        response = alices.get(address)
        seen += ids(response)
        address, pages = response.json()["next"], pages + 1
    assert seen == wanted
    assert pages == 3


def test_what_is_new_meanwhile_moves_nothing(alices, alice):
    for number in range(4):
        make_generation(alice, created_at=NOON + timedelta(minutes=number))
    first = alices.get(f"{URL}?limit=2").json()
    make_generation(alice, created_at=NOON + timedelta(hours=1))
    rest = ids(alices.get(first["next"]))
    assert len(rest) == 2
    assert not set(rest) & {job["id"] for job in first["data"]}


def test_filters(alices, alice):
    old = make_generation(alice, created_at=NOON - timedelta(days=2), state=State.FAILED)
    new = make_generation(alice, created_at=NOON, model="hidream")
    assert ids(alices.get(f"{URL}?state=failed")) == [str(old.pk)]
    assert ids(alices.get(f"{URL}?state=failed,succeeded")) == [str(new.pk), str(old.pk)]
    assert ids(alices.get(f"{URL}?state=failed&state=succeeded")) == [str(new.pk), str(old.pk)]
    assert ids(alices.get(f"{URL}?model=hidream")) == [str(new.pk)]
    assert ids(alices.get(f"{URL}?since=2026-11-01")) == [str(new.pk)]
    assert ids(alices.get(f"{URL}?until=2026-11-01T12:00:00Z")) == [str(old.pk)]
    assert ids(alices.get(f"{URL}?until=2026-11-01")) == [str(new.pk), str(old.pk)]
    assert ids(alices.get(f"{URL}?since=2026-11-01T13:30:00+02:00")) == [str(new.pk)]
    assert ids(alices.get(f"{URL}?since=2026-11-01T12:00:01Z")) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("state=done", "state"),
        ("state=", "state"),
        ("since=yesterday", "since"),
        ("until=2026-13-01", "until"),
        ("until=9999-12-31", "until"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=000000001999999", "limit"),
        pytest.param("limit=" + "0" * 8 + "1" + "0" * 5000, "limit", id="limit of 5,009 digits"),
        ("limit=ten", "limit"),
        ("limit=%D9%A3", "limit"),
        ("after=1-2", "after"),
        ("after=99999999999999999999-" + "0" * 32, "after"),
        ("model=a%00b", "model"),
        ("sate=failed", "sate"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(alices, query, param):
    response = alices.get(f"{URL}?{query}")
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_everybody_has_their_own(alices, alice, bob, ada):
    make_generation(bob)
    job = make_generation(ada)
    assert ids(alices.get(URL)) == []
    for pk in (job.pk, uuid.uuid4()):
        response = alices.get(f"{URL}/{pk}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_scopes(program, alice, stocked):
    reader, maker = (program(alice, scopes=[scope]) for scope in ("read", "generate"))
    job = submit(alice)
    assert ids(reader.get(URL)) == [str(job.pk)]
    assert maker.get(URL).status_code == 403
    assert reader.get(f"{URL}/{job.pk}").status_code == 200
    refused = reader._http.delete(f"{URL}/{job.pk}", headers=reader.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "missing_scope")
    assert program(None).get(URL).status_code == 401


def test_without_the_scope_to_read_a_token_sees_its_own_jobs_alone(program, alice, stocked):
    maker, other = (program(alice, scopes=["generate"]) for _ in range(2))
    made, studio = (
        maker.send("/v1/images/generations", {**SMALL, "prompt": "x"})["X-Generation-Id"],
        submit(alice),
    )
    assert maker.get(f"{URL}/{made}").status_code == 200
    none = maker.get(f"{URL}/{uuid.uuid4()}").content
    for one, pk in ((other, made), (maker, studio.pk)):
        for answer in (one.get(f"{URL}/{pk}"), delete(one, Generation(pk=pk))):
            assert (answer.status_code, answer.content) == (404, none)
    assert not Generation.objects.exclude(state=State.QUEUED).exists()


def delete(program, job):
    return program._http.delete(f"{URL}/{job.pk}", headers=program.headers)


def test_a_waiting_job_is_taken_back_and_costs_nothing(alices, alice):
    job = submit(alice)
    response = delete(alices, job)
    assert (response.status_code, response.json()["state"]) == (200, "cancelled")
    assert response.json()["charged"] == "0"
    again = delete(alices, job)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_cancellable")
    assert again["X-Generation-Id"] == str(job.pk)
    assert again.json()["error"]["message"]


def test_a_running_job_goes_on_and_is_not_listed(alices, alice):
    job = make_generation(alice, state=State.CALLING)
    response = delete(alices, job)
    assert (response.status_code, response.json()["state"]) == (202, "calling")
    assert ids(alices.get(URL)) == []
    job.refresh_from_db()
    assert (job.state, job.is_hidden) == (State.CALLING, True)


def test_nobody_cancels_anothers(alices, bob, stocked):
    job = submit(bob)
    assert delete(alices, job).status_code == 404
    job.refresh_from_db()
    assert job.state == State.QUEUED


def test_a_page_costs_the_same_for_one_and_for_sixty(alices, alice):
    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert alices.get(f"{URL}?limit=100").status_code == 200
        return len(found)

    make_image(alice)
    alices.get(URL)
    one = count()
    for _ in range(60):
        make_image(alice)
    assert count() == one <= 4
