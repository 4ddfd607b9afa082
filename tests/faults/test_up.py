"""`manage.py up`: from nothing to a picture, stopped and started again."""

import re
import signal
import time
from pathlib import Path

import pytest

from tests.faults.studio import Studio, wait_for

pytestmark = pytest.mark.processes


def test_from_an_empty_folder_to_a_picture_and_again(tmp_path, upstream):
    studio = Studio(tmp_path / "data", upstream)
    with studio:
        assert "Demo mode" not in studio.log
        studio.sign_in()
        job = studio.submit("Bridge of the whole path")
        studio.wait_for_state(job, "succeeded")
        picture = f"/images/{studio.image_of(job)}"
        for name, kind in (("original", "image/webp"), ("w512", "image/webp")):
            file = studio.http.get(f"{picture}/{name}")
            assert (file.status_code, file.headers["content-type"]) == (200, kind)
            assert file.content.startswith(b"RIFF")
        _stops_on(studio, signal.SIGINT)

        began = time.monotonic()
        studio.start()
        assert time.monotonic() - began < 8
        assert studio.http.get(f"{picture}/original").content.startswith(b"RIFF")
        assert "First admin" not in studio.log
    assert len(upstream.calls("whole path")) == 1


def _stops_on(studio: Studio, number: int) -> None:
    assert studio.process is not None
    studio.process.signal(number)
    assert studio.process.wait() == 0, studio.log
    assert not studio.processes()


def test_without_any_key_it_is_a_demo(tmp_path):
    studio = Studio(tmp_path / "data", None, VENICEWEB_ADMIN_EMAIL="", VENICEWEB_ADMIN_PASSWORD="")
    with studio:
        assert "Demo mode" in studio.log
        assert studio.log.count("(shown only now)") == 1
        email, password = re.findall(r"(?:First admin|Password): +(\S+)", studio.log)
        studio.sign_in(email, password)
        assert "Demo mode" in studio.http.get("/").text
        job = studio.submit("Lighthouse of the demo")
        studio.wait_for_state(job, "succeeded")
        _stops_on(studio, signal.SIGTERM)

        studio.start()
        assert "Password" not in studio.log
        assert password not in _everything_in(studio.data)
        assert "Demo mode" in studio.http.get("/").text


def _everything_in(folder: Path) -> str:
    return "".join(
        path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file()
    )


def test_a_second_one_on_the_same_folder_says_so(shared, upstream):
    second = Studio(shared.data, upstream).launch()
    assert second.wait() == 1
    assert "already running" in second.log
    assert "Traceback" not in second.log
    assert shared.http.get("/healthz").is_success


def test_ctrl_c_lets_a_running_call_finish_and_starts_no_other(fresh, upstream):
    studio = fresh(VENICEWEB_WORKERS="1")
    with studio:
        studio.sign_in()
        running = studio.submit("Slow ferry [[slow 3]]")
        waiting = studio.submit("Waiting ferry")
        studio.wait_for_state(running, "calling")
        _stops_on(studio, signal.SIGTERM)

        assert studio.state(running) == "succeeded"
        assert studio.state(waiting) == "queued"
        assert len(upstream.calls("Slow ferry")) == 1
        assert not upstream.calls("Waiting ferry")


def test_a_second_ctrl_c_does_not_wait(fresh):
    studio = fresh()
    with studio:
        studio.sign_in()
        job = studio.submit("Abandoned ferry [[slow 60]]")
        studio.wait_for_state(job, "calling")
        studio.process.signal(signal.SIGINT)
        wait_for(lambda: "stopping" in studio.log, "it says that it stops")
        studio.process.signal(signal.SIGINT)
        assert studio.process.wait(5) == 0
        assert not studio.processes()


def test_up_killed_outright_leaves_nothing_behind(fresh):
    studio = fresh()
    with studio:
        studio.sign_in()
        studio.wait_for_state(studio.submit("Last ferry"), "succeeded")
        assert len(studio.processes()) > 4
        studio.process.signal(signal.SIGKILL)
        studio.process.wait()
        wait_for(lambda: not studio.processes(), "the children have ended", 10)

        studio.start()
        assert studio.http.get("/").is_success  # and still signed in
