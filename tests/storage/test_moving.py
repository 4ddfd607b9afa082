"""From a folder to a bucket and back: verified, interrupted, run again; nothing is lost."""

import hashlib
import os
import signal
from io import StringIO

import pytest
from django.conf import settings as ours
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection

from generations.models import Image
from tests.builders import make_image, picture
from tests.faults.studio import Process, environment, free_port, manage, wait_for
from tests.storage.conftest import use

KINDS = ("original", "w512", "w1024")
pytestmark = [pytest.mark.django_db, pytest.mark.services]


@pytest.fixture
def folder(settings):
    """`data` is this test's own folder, as it is the configured storage."""
    config = settings.STORAGES["default"]
    real = ours.STORAGE_AT
    settings.STORAGE_AT = lambda url: config if url in ("", "data") else real(url)
    return storages.create_storage(config)


def made(user, **fields):
    return make_image(user, **{"sha256": hashlib.sha256(picture()).hexdigest(), **fields})


def move(*options):
    out, err = StringIO(), StringIO()
    try:
        call_command("movestorage", *options, stdout=out, stderr=err)
    except CommandError as error:
        return out.getvalue() + err.getvalue(), str(error)
    return out.getvalue(), ""


def moved(*options):
    """The last line, for there may be others that say how far it is."""
    said, problem = move(*options)
    assert not problem
    return said.splitlines()[-1]


def names():
    return {getattr(image, kind) for image in Image.objects.all() for kind in KINDS}


def held_by(storage):
    if hasattr(storage, "entries"):
        return {entry[0] for entry in storage.entries()}
    root = storage.path("")
    found = (os.path.join(at, name) for at, _, files in os.walk(root) for name in files)
    return {os.path.relpath(path, root) for path in found}


def test_there_and_back(alice, folder, bucket, prefix, settings):
    for _ in range(5):
        made(alice)
    url = bucket.url(prefix)
    assert moved("--to", url) == "15 files copied (1.3\xa0KB), 0 were there already."
    remote = use(settings, url)
    assert held_by(remote) == held_by(folder) == names()

    made(alice)
    said, problem = move("--from", "data", "--to", url, "--delete")
    assert not problem
    assert "15 deleted in the old storage" in said
    assert held_by(folder) == set()
    assert not [
        name for shelf in os.listdir(folder.path("")) for name in os.listdir(folder.path(shelf))
    ]
    assert held_by(remote) == names()

    assert move("--to", "data")[1] == ""
    assert held_by(folder) == names()
    for name in names():
        with folder.open(name) as here, remote.open(name) as there:
            assert here.read() == there.read()


def test_what_is_there_is_not_copied_again(alice, folder, bucket, prefix):
    made(alice)
    url = bucket.url(prefix)
    move("--to", url)
    before = len(bucket.requests())
    assert moved("--to", url) == "0 files copied (0\xa0bytes), 3 were there already."
    assert not [line for line in bucket.requests()[before:] if "PUT" in line]


def test_half_a_file_is_copied_again(alice, folder, bucket, prefix, settings):
    image = made(alice)
    move("--to", bucket.url(prefix))
    use(settings, bucket.url(prefix))
    folder.delete(image.original)
    folder.save(image.original, ContentFile(picture()[:10]))
    assert "1 files copied" in move("--to", "data")[0]
    with folder.open(image.original) as file:
        assert file.read() == picture()


def test_a_copy_of_the_same_length_is_read_before_the_original_goes(
    alice, folder, bucket, prefix, settings
):
    image = made(alice)
    url = bucket.url(prefix)
    remote = use(settings, url)
    remote.save(image.original, ContentFile(bytes(len(picture()))))
    assert "1 files copied" not in move("--from", "data", "--to", url)[0]
    moved("--from", "data", "--to", url, "--delete")
    with remote.open(image.original) as file:
        assert file.read() == picture()
    assert held_by(folder) == set()


def test_what_is_lost_or_damaged_is_named_and_stays(alice, folder, bucket, prefix, settings):
    lost, damaged = made(alice), made(alice, sha256="0" * 64)
    folder.delete(lost.w512)
    url = bucket.url(prefix)
    use(settings, url)
    said, problem = move("--from", "data", "--to", url, "--delete")
    assert f"missing: {lost.w512}" in said
    assert f"damaged: {damaged.original}" in said
    assert problem.startswith("1 files are in neither storage, 1 are not what they were")
    assert held_by(folder) == {damaged.original}


def test_what_was_erased_between_two_runs_is_left_nowhere(
    alice, folder, bucket, prefix, settings, monkeypatch
):
    from generations.services import moving

    gone, _ = made(alice), made(alice)
    url = bucket.url(prefix)
    move("--to", url)
    remote = use(settings, url)
    Image.objects.filter(pk=gone.pk).delete()
    monkeypatch.setattr(moving, "_LEFT", moving.timedelta(0))
    assert move("--from", "data", "--to", url, "--delete")[1] == ""
    assert held_by(remote) == names()
    assert held_by(folder) == set()


def test_nonsense_is_refused(alice, folder, bucket, prefix, settings):
    made(alice)
    url = bucket.url(prefix)
    for options, word in [
        (("--to", "data"), "the same"),
        (("--to", url, "--delete"), "still reads from the old storage"),
        (("--to", "ftp://x"), "must look like s3://"),
        (("--to", url.replace(str(bucket.port), str(free_port()))), "Stopped: the object storage"),
        (("--to", url.replace(bucket.name, "another-bucket")), "404 NoSuchBucket"),
    ]:
        said, problem = move(*options)
        assert word in problem
        assert "secret" not in said + problem
    use(settings, url)
    assert "the same" in move("--to", url)[1]
    assert held_by(folder) == names()


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_killed_half_way_it_is_run_again(alice, bucket, prefix, tmp_path, settings):
    """A real process, killed with SIGKILL in the middle of its copies, in both directions."""
    data = tmp_path / "data"
    config = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(data / "images"), "base_url": None},
    }
    settings.STORAGES = {**settings.STORAGES, "default": config}
    folder, url = storages.create_storage(config), bucket.url(prefix)
    for _ in range(100):
        made(alice)

    _kill_in_the_middle(_mover(data, "--to", url), lambda: len(bucket.puts(prefix)), 300)
    remote = storages.create_storage(ours.STORAGE_AT(url))
    assert len(held_by(remote)) < 300
    _, problem = _ended(_mover(data, "--to", url))
    assert not problem
    assert held_by(remote) == held_by(folder) == names()

    copied = lambda: 300 - len(held_by(folder))  # noqa: E731
    switched = {"VENICEWEB_STORAGE_URL": url}
    remove = ("--from", "data", "--to", url, "--delete")
    _kill_in_the_middle(_mover(data, *remove, **switched), copied, 300)
    assert held_by(remote) == names()
    _, problem = _ended(_mover(data, *remove, **switched))
    assert not problem
    assert held_by(folder) == set()
    assert held_by(remote) == names()

    _kill_in_the_middle(_mover(data, "--to", "data", **switched), lambda: len(held_by(folder)), 300)
    said, problem = _ended(_mover(data, "--to", "data", **switched))
    assert not problem
    assert " 0 were there" not in said
    for name in names():
        with folder.open(name) as here, remote.open(name) as there:
            assert here.read() == there.read()


def _mover(data, *options, **changes):
    database = connection.settings_dict
    url = f"sqlite:///{database['NAME']}"
    if connection.vendor == "postgresql":
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
    keys = {
        "SECRET_KEY": ours.SECRET_KEY,
        "VENICEWEB_ENCRYPTION_KEYS": ",".join(ours.ENCRYPTION_KEYS),
        "DATABASE_URL": url,
    }
    env = environment(data, **{**keys, **changes})
    return Process(manage("movestorage", *options), env, data.with_suffix(".log"))


def _kill_in_the_middle(mover, count, total):
    try:
        wait_for(lambda: count() or not mover.is_running, f"it copies\n{mover.log}", 60)
    finally:
        mover.signal(signal.SIGKILL)
        mover.wait()
    assert 0 < count() < total, mover.log


def _ended(mover):
    """(what it said, its problem)"""
    status = mover.wait(120)
    return mover.log, mover.log if status else ""
