"""One call: what arrives, what it costs, and what each kind of trouble leaves behind."""

from decimal import Decimal

import pytest
from django.core.files.storage import default_storage

from generations.models import Call, Generation, Image
from generations.models.generation import State
from generations.services import queue
from generations.services.errors import Invalid
from tests.builders import submit

pytestmark = [pytest.mark.services, pytest.mark.django_db]
CENT = Decimal("0.01")


def test_a_picture_arrives(stocked, alice, run_jobs):
    generation = submit(alice, seed=11)

    assert run_jobs() == 1

    generation.refresh_from_db()
    image = generation.images.get()
    assert (generation.state, generation.charged, image.price) == (State.SUCCEEDED, CENT, CENT)
    assert (image.width, image.height, image.format, image.seed) == (64, 64, "webp", 11)
    assert image.state == Image.State.SHOWN
    call = generation.calls.get()
    assert (call.outcome, call.charged) == (Call.Outcome.ARRIVED, CENT)
    assert call.request_id


def test_the_original_is_kept_byte_for_byte(stocked, alice, run_jobs):
    import hashlib

    submit(alice, format="png")
    run_jobs()

    image = Image.objects.get()
    with default_storage.open(image.original) as file:
        data = file.read()
    assert hashlib.sha256(data).hexdigest() == image.sha256
    assert data.startswith(b"\x89PNG")
    assert image.bytes == len(data)


def test_several_variants_are_one_call_and_cost_each(stocked, alice, run_jobs):
    generation = submit(alice, variants=3, seed=5)
    run_jobs()

    generation.refresh_from_db()
    assert [image.seed for image in generation.images.order_by("number")] == [5, 6, 7]
    assert generation.charged == 3 * CENT
    assert len(stocked.calls()) == 1


def test_fewer_images_cost_less(stocked, alice, run_jobs):
    generation = submit(alice, "Beads [[fewer]]", variants=4)
    run_jobs()

    generation.refresh_from_db()
    arrived = generation.images.count()
    assert 0 < arrived < 4
    assert generation.charged == arrived * CENT == stocked.invoice().usd
    assert "withheld" in generation.error_message


@pytest.mark.parametrize(
    ("marker", "field"),
    [
        ("blurred", "is_blurred"),
        ("violation", "is_violation"),
        ("adult", "is_adult"),
        ("minor", "has_minor"),
    ],
)
def test_a_flagged_image_is_held(stocked, alice, run_jobs, marker, field):
    submit(alice, f"Torso study [[{marker}]]")
    run_jobs()

    image = Image.objects.get()
    assert image.state == Image.State.HELD
    assert getattr(image, field) is True


def test_a_violation_without_image_costs_nothing(stocked, alice, run_jobs):
    generation = submit(alice, "[[violation-empty]]")
    run_jobs()

    generation.refresh_from_db()
    assert (generation.state, generation.error_code) == (State.FAILED, "content_policy_violation")
    assert generation.charged == 0


@pytest.mark.parametrize("marker", ["500", "502", "504", "524", "cut-before", "cut-after"])
def test_a_lost_answer_is_unknown_and_never_sent_again(stocked, alice, run_jobs, marker):
    generation = submit(alice, f"Glass [[{marker}]]")
    run_jobs()
    queue.sweep(5)
    run_jobs()

    generation.refresh_from_db()
    assert generation.state == State.UNKNOWN
    assert generation.charged is None
    assert len(stocked.calls("Glass")) == 1
    assert generation.calls.get().outcome == Call.Outcome.UNKNOWN


@pytest.mark.parametrize(
    "marker", ["html", "not-an-image", "truncated", "mislabelled", "animated", "huge"]
)
def test_an_answer_that_is_no_image_fails_charged(stocked, alice, run_jobs, marker):
    generation = submit(alice, f"Boats [[{marker}]]")
    run_jobs()

    generation.refresh_from_db()
    assert (generation.state, generation.error_code) == (State.FAILED, "bad_response")
    assert generation.charged == CENT
    assert "charged" in generation.error_message
    assert not Image.objects.exists()
    assert len(stocked.calls("Boats")) == 1


@pytest.mark.parametrize("marker", ["429", "429-absent", "overloaded", "503"])
def test_what_was_not_taken_is_tried_again(
    stocked, alice, run_jobs, bells, marker, django_capture_on_commit_callbacks
):
    generation = submit(alice, f"Dunes [[once {marker}]]")
    with django_capture_on_commit_callbacks(execute=True):
        run_jobs()

    generation.refresh_from_db()
    assert generation.state == State.QUEUED
    assert generation.runs_after is not None
    assert bells[-1] > 0

    Generation.objects.update(runs_after=None)
    run_jobs()
    generation.refresh_from_db()
    assert (generation.state, generation.charged) == (State.SUCCEEDED, CENT)
    outcomes = generation.calls.values_list("outcome", flat=True)
    assert list(outcomes) == [Call.Outcome.NOT_TAKEN, Call.Outcome.ARRIVED]


def test_at_most_three_tries(stocked, alice, run_jobs):
    generation = submit(alice, "Dunes [[503]]")
    for _ in range(6):
        Generation.objects.update(runs_after=None)
        run_jobs()

    generation.refresh_from_db()
    assert (generation.state, generation.error_code) == (State.FAILED, "overloaded")
    assert generation.charged == 0
    assert len(stocked.calls("Dunes")) == queue.MOST_TRIES


@pytest.mark.parametrize(
    ("marker", "code"),
    [
        ("400 steps", "refused"),
        ("400-bare", "refused"),
        ("401-pro", "pro_only"),
        ("404", "model_not_found"),
        ("410", "model_gone"),
        ("422", "content_policy_violation"),
    ],
)
def test_a_refusal_concerns_that_job_alone(stocked, alice, run_jobs, marker, code):
    refused, other = submit(alice, f"Tiles [[{marker}]]"), submit(alice, "A moon")
    run_jobs()

    refused.refresh_from_db()
    other.refresh_from_db()
    assert (refused.state, refused.error_code, refused.charged) == (State.FAILED, code, 0)
    assert "Nothing was charged" in refused.error_message
    assert other.state == State.SUCCEEDED


def test_a_refused_field_is_named(stocked, alice, run_jobs):
    generation = submit(alice, "Tiles [[400 steps]]")
    run_jobs()

    generation.refresh_from_db()
    assert generation.error_field == "steps"
    assert "steps" in generation.error_message


@pytest.mark.parametrize(("marker", "code"), [("401", "bad_key"), ("402", "no_credit")])
def test_a_refused_key_stops_everything_queued_on_it(stocked, alice, bob, run_jobs, marker, code):
    first = submit(alice, f"Peaks [[{marker}]]")
    waiting = [submit(bob, "Peaks at dusk") for _ in range(3)]
    run_jobs()

    for generation in (first, *waiting):
        generation.refresh_from_db()
        assert (generation.state, generation.error_code) == (State.FAILED, code)
        assert generation.charged == 0
    assert len(stocked.calls("Peaks")) == 1
    with pytest.raises(Invalid):
        submit(bob, "One more")


def test_a_removed_key_sends_nothing(stocked, alice, run_jobs):
    generation = submit(alice)
    generation.key.delete()
    run_jobs()

    generation.refresh_from_db()
    assert (generation.state, generation.error_code) == (State.FAILED, "bad_key")
    assert not stocked.calls()


def test_no_key_in_what_is_stored_of_an_error(stocked, alice, run_jobs, caplog):
    caplog.set_level("DEBUG")
    for marker in ("400 steps", "401", "500"):
        submit(alice, f"[[{marker}]]")
    run_jobs()

    stored = str(list(Generation.objects.values())) + str(list(Call.objects.values()))
    from tests.conftest import TEAM_KEY

    assert TEAM_KEY not in stored + caplog.text


# --- found by review ---------------------------------------------------------------------------


def test_a_full_disk_keeps_what_it_can_and_says_what_it_cost(
    stocked, alice, run_jobs, monkeypatch, settings
):
    from generations.services import image as images

    written, real = [], images._write

    def write(name, data):
        if len(written) >= 6:
            raise OSError(28, "No space left on device")
        written.append(name)
        return real(name, data)

    monkeypatch.setattr(images, "_write", write)
    generation = submit(alice, variants=4)
    run_jobs()

    generation.refresh_from_db()
    assert generation.state == State.SUCCEEDED
    assert generation.images.count() == 2
    assert generation.charged == 4 * CENT == stocked.invoice().usd
    assert "all were charged" in generation.error_message
    on_disk = [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()]
    assert len(on_disk) == 6


def test_when_nothing_can_be_kept_it_is_failed_and_charged(stocked, alice, run_jobs, monkeypatch):
    from generations.services import image as images

    def write(name, data):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(images, "_write", write)
    generation = submit(alice)
    run_jobs()
    generation.refresh_from_db()
    assert (generation.state, generation.charged) == (State.FAILED, CENT)
    assert "could not store it" in generation.error_message


def test_pictures_beside_those_withheld_are_shown(stocked, alice, run_jobs):
    submit(alice, "Beads [[fewer]]", variants=4)
    run_jobs()
    assert set(Image.objects.values_list("state", flat=True)) == {Image.State.SHOWN}


def test_a_late_refusal_of_an_old_key_leaves_the_new_one_alone(stocked, alice, run_jobs):
    from generations.services import call as calls
    from generations.services import key as keys

    keys.save(alice, "alices-first-key-0123456789")
    submit(alice, "Peaks [[401]]")
    call = queue.claim()
    keys.save(alice, "alices-second-key-0123456789")
    waiting = submit(alice, "A moon")

    calls.settle(call, calls.ask(call))

    assert keys.key_for(alice).problem == ""
    waiting.refresh_from_db()
    assert waiting.state == State.QUEUED


def test_what_was_asked_for_in_demo_mode_is_never_sent_after_it(stocked, alice, settings, run_jobs):
    settings.IS_DEMO = True
    generation = submit(alice, "Only played")
    settings.IS_DEMO = False
    run_jobs()
    queue.sweep(5)

    generation.refresh_from_db()
    assert (generation.state, generation.error_code) == (State.FAILED, "mode_changed")
    assert stocked.calls("Only played") == []


def test_a_picture_as_tall_as_webp_cannot_be_is_kept_all_the_same():
    from generations.services import pixels
    from tests.builders import picture

    found = pixels.examine(picture(100, 20_000, "PNG"), "png")
    assert (found.width, found.height) == (100, 20_000)


def test_a_let_go_job_that_comes_after_all_is_seen_again(stocked, alice):
    from datetime import timedelta

    from django.utils import timezone

    from generations.services import call as calls
    from generations.services import generation as generations

    generation = submit(alice)
    call = queue.claim()
    Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    queue.end_lost()
    generations.dismiss(generation)
    calls.settle(call, calls.ask(call))
    generation.refresh_from_db()
    assert (generation.state, generation.is_dismissed) == (State.SUCCEEDED, False)


def test_a_database_that_is_away_for_a_while_loses_no_picture(
    stocked, alice, run_jobs, monkeypatch
):
    from django.db import OperationalError

    from generations.services import call as calls
    from generations.services import worker

    real, failures = calls.settle, iter([True, True, False])

    def settle(call, came):
        if next(failures):
            raise OperationalError("the database is away")
        real(call, came)

    waited = []
    monkeypatch.setattr(calls, "settle", settle)
    monkeypatch.setattr(worker.time, "sleep", waited.append)
    generation = submit(alice, "Kept")
    run_jobs()
    generation.refresh_from_db()
    assert generation.state == State.SUCCEEDED
    assert waited == list(worker.PAUSES[:2])
    assert len(stocked.calls("Kept")) == 1
