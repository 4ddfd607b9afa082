"""A start that cannot be: one sentence, exit 1, and nothing was changed."""

import base64
import hashlib
import os
import socket
from pathlib import Path

import pytest

from tests.faults.studio import Process, Studio, manage

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PORT": "eight"}, "PORT must be a whole number"),
        ({"PORT": "70000"}, "PORT must be a whole number"),
        ({"DATABASE_URL": "mysql://root@127.0.0.1/studio"}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL must look like"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:9/studio"}, "database"),
        ({"VENICEWEB_DATA": "/dev/null/data"}, "cannot be written"),
        ({"VENICEWEB_ENCRYPTION_KEYS": "no-key"}, "no Fernet key"),
        (
            {"VENICEWEB_ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode()},
            "cannot be read with these VENICEWEB_ENCRYPTION_KEYS",
        ),
        ({"VENICE_BASE_URL": "venice.ai"}, "VENICE_BASE_URL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_setting_that_cannot_be(fresh, tmp_path, changes, said):
    studio = fresh(**changes)
    before = _contents(studio.data)
    # Not through launch(): there --port would hide what PORT says.
    command = manage("up") if "PORT" in changes else manage("up", "--port", str(studio.port))
    _refuses(Process(command, studio.environment, tmp_path / "refused.log"), said)
    assert _contents(studio.data) == before


def test_a_port_that_is_taken(fresh):
    studio = fresh()
    before = _contents(studio.data)
    with socket.create_server(("127.0.0.1", studio.port)):
        _refuses(studio.launch(), f"Cannot listen on 127.0.0.1:{studio.port}")
    assert _contents(studio.data) == before


def test_a_first_admin_that_cannot_be(tmp_path, upstream):
    studio = Studio(tmp_path / "data", upstream, VENICEWEB_ADMIN_PASSWORD="short")
    _refuses(studio.launch(), "The first admin cannot be made: This password is too short")
    studio.end()


def test_a_key_that_is_none_is_found_by_the_system_check(tmp_path, upstream):
    studio = Studio(tmp_path / "data", upstream, VENICE_API_KEY="a key with spaces")
    process = studio.launch()
    assert process.wait() == 1
    assert "VENICE_API_KEY is no Venice key" in process.log
    assert "Traceback" not in process.log
    studio.end()


def _refuses(process: Process, said: str) -> None:
    assert process.wait(40) == 1, process.log
    assert said in process.log
    assert "Traceback" not in process.log
    assert len(process.log.strip().splitlines()) == 1, process.log


def _contents(data: Path) -> dict[str, str]:
    """What is kept: not the lock, not SQLite's log, which even a reader touches."""
    passing = ("up.lock", "-wal", "-shm")
    return {
        str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in data.rglob("*")
        if path.is_file() and not path.name.endswith(passing)
    }
