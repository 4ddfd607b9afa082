"""One call: what arrives, what it costs, and what each kind of trouble leaves behind."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.utils import timezone

from generations.models import Call, Generation, Image
from generations.models.generation import State
from generations.services import call as calls
from generations.services import key as keys
from generations.services import queue, worker
from generations.services.errors import Invalid
from tests.builders import let_minutes_pass, submit

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
    ("marker", "field", "state"),
    [
        ("blurred", "is_blurred", Image.State.HELD),
        ("violation", "is_violation", Image.State.HELD),
        ("adult", "is_adult", Image.State.HELD),
        ("minor", "has_minor", Image.State.LOCKED),
    ],
)
def test_a_flagged_image_is_held(stocked, alice, run_jobs, marker, field, state):
    submit(alice, f"Torso study [[{marker}]]")
    run_jobs()

    image = Image.objects.get()
    assert image.state == state
    assert getattr(image, field) is True
    assert image.cases.get().reasons[0] == marker


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

    let_minutes_pass()
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
    queue.sweep(1)

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


class Storage:
    """The storage as `services.image` writes to it, for as many files as it has room."""

    def __init__(self, monkeypatch, room):
        from generations.services import image as images

        self.room, self._real = room, images._write
        monkeypatch.setattr(images, "_write", self.write)

    def write(self, name, data):
        if self.room <= 0:
            raise OSError(28, "No space left on device")
        self.room -= 1
        return self._real(name, data)


@pytest.mark.parametrize("room", [0, 3])
def test_a_full_disk_loses_nothing_that_is_paid_for(
    stocked, alice, run_jobs, monkeypatch, settings, room
):
    storage = Storage(monkeypatch, room)
    generation, other = submit(alice, "Full", variants=4), submit(alice, "Not sent")
    run_jobs()

    generation.refresh_from_db()
    assert (generation.state, generation.error_message) == (State.CALLING, calls.WAITS)
    assert not _files(settings.MEDIA_ROOT)
    assert len(_files(settings.SPOOL)) == 1
    worker.settle_waiting()
    assert not stocked.calls("Not sent")  # nothing more is paid for that cannot be kept

    storage.room = 100
    worker.settle_waiting()
    run_jobs()
    generation.refresh_from_db()
    other.refresh_from_db()
    assert (generation.state, other.state) == (State.SUCCEEDED, State.SUCCEEDED)
    assert generation.error_message == ""
    assert generation.images.count() == 4
    assert len(_files(settings.MEDIA_ROOT)) == 3 * 5
    assert not _files(settings.SPOOL)
    assert len(stocked.calls("Full")) == 1


def test_an_answer_outlives_the_worker_that_received_it(stocked, alice, run_jobs, monkeypatch):
    Storage(monkeypatch, 0)
    generation = submit(alice, "Outlives")
    run_jobs()
    for due in worker._waiting.values():
        due.kept._unlock()  # as the end of its process does
    worker._waiting.clear()
    Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    queue.end_lost()
    generation.refresh_from_db()
    assert generation.state == State.UNKNOWN

    monkeypatch.undo()
    worker.settle_waiting()
    generation.refresh_from_db()
    assert (generation.state, generation.charged) == (State.SUCCEEDED, CENT)
    assert generation.calls.get().outcome == Call.Outcome.ARRIVED
    assert len(stocked.calls("Outlives")) == 1


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_pictures_beside_those_withheld_are_shown(stocked, alice, run_jobs):
    submit(alice, "Beads [[fewer]]", variants=4)
    run_jobs()
    assert set(Image.objects.values_list("state", flat=True)) == {Image.State.SHOWN}


def test_a_late_refusal_of_an_old_key_leaves_the_new_one_alone(stocked, alice, run_jobs):

    keys.save(alice, "alices-first-key-0123456789")
    submit(alice, "Peaks [[401]]")
    call = queue.claim()
    keys.save(alice, "alices-second-key-0123456789")
    waiting = submit(alice, "A moon")

    calls.settle(call, calls.ask(call))

    assert keys.key_for(alice).account.problem == ""
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

    found, small = pixels.examine(picture(100, 20_000, "PNG"), "png")
    assert (found.width, found.height) == (100, 20_000)
    assert pixels.copies(small).w1024


def test_a_let_go_job_that_comes_after_all_is_seen_again(stocked, alice):
    from generations.services import generation as generations

    generation = submit(alice)
    call = queue.claim()
    Generation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    queue.end_lost()
    generations.dismiss(generation)
    calls.settle(call, calls.ask(call))
    generation.refresh_from_db()
    assert (generation.state, generation.is_dismissed) == (State.SUCCEEDED, False)


@pytest.mark.parametrize("prompt", ["Kept", "Kept [[422]]"])
def test_a_database_that_is_away_for_a_while_loses_nothing(
    stocked, alice, run_jobs, monkeypatch, settings, prompt
):
    real, failures = calls.settle, iter([True, True, False])

    def settle(call, came):
        if next(failures):
            raise OperationalError("the database is away")
        real(call, came)

    monkeypatch.setattr(calls, "settle", settle)
    generation = submit(alice, prompt)
    run_jobs()
    for _ in range(2):
        generation.refresh_from_db()
        assert generation.state == State.CALLING
        assert generation.pk in worker.slots().running  # its lease is renewed meanwhile
        worker.settle_waiting()
    generation.refresh_from_db()
    assert generation.state == (State.FAILED if "422" in prompt else State.SUCCEEDED)
    assert not worker.slots().running
    assert not _files(settings.SPOOL)
    assert len(stocked.calls("Kept")) == 1


def test_what_nobody_foresaw_is_tried_again_and_then_set_aside(
    stocked, alice, run_jobs, monkeypatch, settings
):
    def settle(call, came):
        raise LookupError("nobody foresaw it")

    monkeypatch.setattr(calls, "settle", settle)
    generation = submit(alice, "Odd")
    run_jobs()
    for _ in range(worker.MOST_FAILURES - 1):
        assert generation.pk in worker.slots().running
        worker.settle_waiting()
    assert not worker.slots().running
    assert [path.suffix for path in _files(settings.SPOOL)] == [".stuck"]
