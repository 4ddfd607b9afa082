"""What an operator breaks: named by doctor, survived by the service. Real processes, real disks."""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.drills import servers
from tests.faults.studio import ROOT, Process, Studio, manage, wait_for

pytestmark = pytest.mark.processes

MOUNTS = os.geteuid() == 0


def doctor(studio, *arguments, **changes):
    """Exit status, and what is said of each part that is not well."""
    ran = subprocess.run(
        manage("doctor", "--json", *arguments),
        env={**studio.environment, **changes},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in ran.stderr
    found = json.loads(ran.stdout)
    assert ran.returncode == any(one["level"] == "bad" for one in found)
    return {one["about"]: one for one in found if one["level"] != "ok"}


def wait_for_finding(studio, about, word):
    def is_told():
        found = doctor(studio).get(about)
        return found and word in found["what"]

    wait_for(is_told, f"doctor says {word} of {about}\n{studio.log}", 60)


def test_a_studio_that_is_well(shared):
    wait_for(lambda: "Beat" not in doctor(shared), "beat has rung", 60)
    # No mail is set there, and how full this disk is says nothing of us.
    assert set(doctor(shared)) <= {"Mail", "Disk"}


def test_two_beats_are_named_and_cost_nothing(shared, upstream, tmp_path):
    beat = [sys.executable, "-m", "celery", "--quiet", "-A", "veniceweb", "beat", "--pidfile", ""]
    beat += ["--schedule", str(tmp_path / "schedule"), "--loglevel", "WARNING"]
    env = {**shared.environment, "VENICEWEB_EMBEDDED": "1"}
    second = Process(beat, env, tmp_path / "beat.log")
    try:
        wait_for_finding(shared, "Beat", "There are 2")
        job = shared.submit("Ferry under two beats [[slow 1]]")
        shared.wait_for_state(job, "succeeded", 30)
    finally:
        second.end()
    assert len(upstream.calls("Ferry under two beats")) == 1


def test_no_beat_and_no_worker(fresh):
    studio = fresh()

    def told():
        found = doctor(studio)
        return found if {"Beat", "Workers"} <= set(found) else None

    # It ran before, perhaps a moment ago: a worker is missed when it was silent for 30 s.
    found = wait_for(told, "doctor misses beat and worker", 60)
    assert "celery -A veniceweb beat" in found["Beat"]["remedy"]


def test_the_wrong_encryption_key(fresh):
    wrong = base64.urlsafe_b64encode(os.urandom(32)).decode()
    studio = fresh()
    found = doctor(studio, VENICEWEB_ENCRYPTION_KEYS=wrong)
    assert "cannot be read with these keys" in found["Encryption keys"]["what"]
    assert "Encryption keys" not in doctor(studio)


def test_a_database_that_is_not_there(fresh):
    changes = {"DATABASE_URL": "postgres://nobody:a-password@127.0.0.1:9/studio"}
    changes |= {"SECRET_KEY": "x" * 60}
    found = doctor(fresh(), **changes)
    assert "Database" in found
    assert "a-password" not in f"{found}"


def test_a_database_that_is_a_version_behind(fresh):
    studio = fresh()
    back = manage("migrate", "generations", "0016", "-v", "0")
    subprocess.run(back, env=studio.environment, cwd=ROOT, check=True)
    found = doctor(studio)
    assert "Run manage.py migrate" in found["Database"]["remedy"]
    assert "Encryption keys" not in found


@pytest.mark.skipif(not MOUNTS, reason="only root may mount a disk that is full")
def test_a_full_disk_is_named_and_survived(fresh, upstream):
    studio = fresh()
    images = studio.data / "images"
    images.mkdir(exist_ok=True)
    with full_disk(images) as make_room, studio:
        studio.sign_in()
        job = studio.submit("Ferry onto a full disk")
        wait_for(lambda: upstream.calls("onto a full disk"), "Venice was asked")
        found = wait_for(lambda: doctor(studio).get("Storage"), "doctor names it", 60)
        assert "No space left" in found["what"]
        assert "Make room" in found["remedy"]
        assert "Only 0 MB" in doctor(studio)["Disk"]["what"]
        assert studio.state(job) == "calling"
        make_room()
        studio.wait_for_state(job, "succeeded", 60)
        assert "Storage" not in doctor(studio)
    assert len(upstream.calls("onto a full disk")) == 1


@contextmanager
def full_disk(folder):
    """A disk of a megabyte with no room at that folder; yields what makes room on it."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder)],
        check=True,
    )
    filling = folder / "filling"
    try:
        with filling.open("wb", buffering=0) as file, suppress_full():
            while True:
                file.write(bytes(4096))
        yield filling.unlink
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def suppress_full():
    try:
        yield
    except OSError:
        return


def test_a_beat_that_hangs_is_named(fresh):
    studio = fresh()
    with studio:
        wait_for(lambda: "Beat" not in doctor(studio), "beat has rung", 60)
        (beat,) = studio.processes("celery", " beat ")
        os.kill(beat, signal.SIGSTOP)
        try:
            wait_for_finding(studio, "Beat", "ago the last time")
        finally:
            os.kill(beat, signal.SIGCONT)


HAS_POSTGRES = not servers.missing() and find_spec("psycopg")


@pytest.fixture
def folder():
    """One that PostgreSQL's own account may enter."""
    with tempfile.TemporaryDirectory(prefix="veniceweb-doctor-") as name:
        yield Path(name)


@pytest.mark.skipif(not HAS_POSTGRES, reason="no PostgreSQL here")
def test_a_database_that_goes_and_comes_back(tmp_path, folder, upstream):
    postgres = servers.Postgres(folder)
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    secrets = {"SECRET_KEY": "x" * 60, "VENICEWEB_ENCRYPTION_KEYS": key}
    studio = Studio(tmp_path / "data", upstream, DATABASE_URL=postgres.url, **secrets)
    try:
        found = doctor(studio)["Database"]
        assert "Run manage.py migrate." in found["remedy"]
        migrate = manage("migrate", "-v", "0")
        subprocess.run(migrate, env=studio.environment, cwd=ROOT, check=True)
        assert {"Beat", "Workers"} <= set(doctor(studio))
        postgres.stop("immediate")
        assert "Beat" not in doctor(studio)
        assert "DATABASE_URL" in doctor(studio)["Database"]["remedy"]
        postgres.start()
        assert "Database" not in doctor(studio)
    finally:
        studio.end()
        postgres.stop("immediate")
