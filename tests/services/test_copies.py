"""The smaller copies of an image: made after its row, once, whoever is first; never lost."""

import threading
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.utils import timezone

from generations.models import Image
from generations.services import decoders, pixels, trash
from generations.services import generation as generations
from generations.services import image as images
from generations.venice.types import Verdict
from tests.builders import make_generation, picture

pytestmark = [pytest.mark.django_db, pytest.mark.services]


def store(user, data=None, *, age=timedelta(0)):
    """An image as it stands when its answer is settled: without copies."""
    generation = make_generation(user, parameters={"format": "png"})
    data = data or picture(1400, 700, "PNG")
    stored = images.store(generation, 0, data, verdict=Verdict(), price=None)
    stored.image.created_at = timezone.now() - age
    stored.image.save()
    return stored


def files(image):
    return sorted(default_storage.listdir(f"{image.pk.hex[:2]}/{image.pk}")[1])


ALL = ["original.png", "w1024.webp", "w512.webp"]


def test_an_answer_needs_the_original_alone(alice):
    image = store(alice).image
    assert files(image) == ["original.png"]
    assert (image.w512, image.w1024) == ("", "")


def test_they_are_made_and_noted(alice):
    stored = store(alice)
    images.make_copies(stored)
    image = Image.objects.get(pk=stored.image.pk)
    assert files(image) == ALL
    assert image.w512.endswith("w512.webp")
    assert len(images.read_file(image, "w512")) < len(images.read_file(image, "w1024"))


@pytest.mark.parametrize("kind", ["w512", "w1024"])
def test_who_asks_before_gets_them_and_the_worker_changes_nothing(alice, bob, sign_in, kind):
    stored = store(alice)
    response = sign_in(bob).get(f"/images/{stored.image.pk}/{kind}")
    assert (response.status_code, response["Content-Type"]) == (200, "image/webp")
    first = Image.objects.get(pk=stored.image.pk)
    images.make_copies(stored)
    assert files(first) == ALL
    assert Image.objects.get(pk=first.pk).w512 == first.w512
    assert sign_in(bob).get(f"/images/{first.pk}/{kind}").content == response.content


def test_a_row_that_is_older_than_its_copies_is_read_again(alice):
    stored = store(alice)
    stale = Image.objects.get(pk=stored.image.pk)
    images.make_copies(stored)
    assert images.read_file(stale, "w512") == images.read_file(stored.image, "w512")
    assert files(stale) == ALL


def test_while_the_disk_is_full_they_are_shown_and_made_later(alice, monkeypatch):
    stored = store(alice, age=timedelta(minutes=1))

    def full(name, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(images, "_write", full)
        images.make_copies(stored)
        assert images.make_missing_copies() == 1
        assert images.read_file(stored.image, "w512")
    assert files(stored.image) == ["original.png"]

    assert images.make_missing_copies() == 1
    assert images.make_missing_copies() == 0
    assert files(stored.image) == ALL


def test_half_of_them_is_none(alice, monkeypatch):
    stored, write = store(alice), images._write

    def once(name, data):
        if "w1024" in name:
            raise OSError(28, "No space left on device")
        return write(name, data)

    with monkeypatch.context() as patched:
        patched.setattr(images, "_write", once)
        images.make_copies(stored)
    assert files(stored.image) == ["original.png"]


def test_what_is_under_way_is_left_alone_and_what_is_old_given_up(alice):
    store(alice)
    store(alice, age=timedelta(days=2))
    assert images.make_missing_copies() == 0


def test_a_lost_original_stops_nobody(alice):
    lost, other = store(alice, age=timedelta(minutes=2)), store(alice, age=timedelta(minutes=1))
    default_storage.delete(lost.image.original)
    assert images.make_missing_copies() == 2
    assert files(other.image) == ALL
    assert images.make_missing_copies() == 0  # once is enough
    with pytest.raises(FileNotFoundError):
        images.read_file(lost.image, "w512")


def test_of_an_image_erased_meanwhile_nothing_stays(alice):
    stored = store(alice)
    pk = stored.image.pk
    Image.objects.filter(pk=pk).update(deleted_at=timezone.now() - timedelta(days=99))
    trash.purge()
    images.make_copies(stored)
    assert not Image.objects.filter(pk=pk).exists()
    for name in ALL:
        assert not default_storage.exists(f"{pk.hex[:2]}/{pk}/{name}")


def test_a_killed_worker_leaves_none_without_them(stocked, alice, run_jobs, monkeypatch):
    monkeypatch.setattr(images, "make_copies", lambda stored: None)  # it dies before
    generations.submit(
        alice, model="z-image-turbo", parameters={"prompt": "A bay", "width": 64, "height": 64}
    )
    run_jobs()
    monkeypatch.undo()
    assert Image.objects.get().w512 == ""
    Image.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert images.make_missing_copies() == 1
    assert Image.objects.get().w512


# --- the processes ------------------------------------------------------------------------------


@pytest.fixture
def processes():
    yield 2
    decoders.close()


def test_the_process_that_examined_makes_the_copies_once(processes):
    data = picture(1400, 700, "PNG")
    examined = decoders.examine(data, "png", key="a", processes=processes)
    made = decoders.copies(examined, data, key="a")
    assert made == pixels.copies(pixels.examine(data, "png")[1])
    # Not at hand any more: from the bytes, with the same outcome.
    assert decoders.copies(examined, data, key="a") == made


def test_what_was_pushed_out_is_decoded_again(processes):
    data = picture(300, 200, "PNG")
    examined = [
        decoders.examine(data, "png", key=str(number), processes=1)
        for number in range(decoders.KEPT + 2)
    ]
    assert decoders.copies(examined[0], data, key="0") == decoders.copies(
        examined[-1], data, key=str(decoders.KEPT + 1)
    )


def test_two_at_once_go_to_two_processes(processes):
    data, ready = picture(2000, 2000, "PNG"), threading.Barrier(2)
    homes = []

    def one(key):
        ready.wait()
        homes.append(decoders.examine(data, "png", key=key, processes=processes).at_hand)
        connections.close_all()

    threads = [threading.Thread(target=one, args=(key,)) for key in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(home) for home in homes}) == 2


def test_a_process_that_died_is_replaced(processes):
    data = picture(300, 200, "PNG")
    examined = decoders.examine(data, "png", key="a", processes=1)
    (pid,) = examined.at_hand._pool._processes
    examined.at_hand._pool._processes[pid].kill()
    assert decoders.copies(examined, data, key="a").w512
    again = decoders.examine(data, "png", key="b", processes=1)
    assert again.at_hand is not examined.at_hand


def test_what_kills_every_process_is_no_picture(processes, monkeypatch):
    monkeypatch.setattr(decoders, "_examine", _die)
    with pytest.raises(pixels.UnusablePicture):
        decoders.examine(b"hostile", "png", key="a", processes=1)


def _die(*arguments):
    import os

    os._exit(1)
