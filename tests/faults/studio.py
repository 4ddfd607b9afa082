"""A studio of real processes: started, used over HTTP as a browser would, and looked into.

The benchmarks start theirs here too.
"""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = "z-image-turbo"
KEY = "key-of-the-fault-tests-0123456789"
ADMIN, PASSWORD = "ada@example.com", "a-long-enough-password"
SMALL = {"model": MODEL, "width": "64", "height": "64", "format": "webp"}
# Of the outer environment only this reaches a studio.
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTEST_VERSION", "VIRTUAL_ENV")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 15.0) -> Any:
    """The condition's first true value. Raises AssertionError when it stays false so long."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
    return found


def hex_of(job: str) -> str:
    """A job's id as SQLite holds it."""
    return uuid.UUID(job).hex


def environment(data: Path, **changes: str) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {
        **passed_on,
        "VENICEWEB_DATA": str(data),
        "VENICEWEB_ADMIN_EMAIL": ADMIN,
        "VENICEWEB_ADMIN_PASSWORD": PASSWORD,
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *arguments]


class Process:
    """A process in a group of its own, its output in a file."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                command,
                env=env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._popen.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def is_running(self) -> bool:
        return self._popen.poll() is None

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, seconds: float = 20.0) -> int:
        """The exit status. Raises subprocess.TimeoutExpired."""
        return self._popen.wait(seconds)

    def end(self) -> None:
        """Have it stop at once: `up` waits for running calls only until the second signal."""

        def has_ended() -> bool:
            self._popen.terminate()
            return not self.is_running

        try:
            wait_for(has_ended, f"it ends\n{self.log}", 20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()


class Upstream:
    """The stand-in for Venice as a process."""

    def __init__(self, folder: Path, *, latency: float) -> None:
        port = free_port()
        options = ("--port", str(port), "--latency", str(latency), "--rpm", "100000")
        env = environment(folder / "standin")
        self.process = Process(manage("standin", *options), env, folder / "standin.log")
        self.url = f"http://127.0.0.1:{port}/api/v1"
        self._http = httpx.Client(base_url=self.url, trust_env=False)
        wait_for(self._answers, f"the stand-in answers\n{self.process.log}")

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return self._http.get("/_standin/ledger").is_success
        return False

    def calls(self, marker: str = "") -> list[dict[str, Any]]:
        """Its ledger: every image POST whose prompt contains the marker."""
        entries = self._http.get("/_standin/ledger").json()["entries"]
        return [entry for entry in entries if marker in entry["prompt"]]

    def end(self) -> None:
        self._http.close()
        self.process.end()


class Studio:
    """`manage.py up` on one data folder."""

    def __init__(self, data: Path, upstream: Upstream | None, **changes: str) -> None:
        self.data, self.port = data, free_port()
        venice = {"VENICE_BASE_URL": upstream.url, "VENICE_API_KEY": KEY} if upstream else {}
        self.environment = environment(data, **{**venice, **changes})
        self.address = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.address, trust_env=False, timeout=20)
        self.process: Process | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    def start(self) -> Self:
        self.process = self.launch()
        wait_for(self._is_up, "the studio is up", 90)
        return self

    def launch(self) -> Process:
        """Start it and do not wait."""
        log = self.data.with_name(f"{self.data.name}-{uuid.uuid4().hex[:6]}.log")
        return Process(manage("up", "--port", str(self.port)), self.environment, log)

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.is_running, self.process.log
        return f"is running at {self.address}" in self.process.log

    @property
    def log(self) -> str:
        return self.process.log if self.process else ""

    def end(self) -> None:
        self.http.close()
        if self.process:
            self.process.end()

    # --- as a person --------------------------------------------------------------------

    def sign_in(self, email: str = ADMIN, password: str = PASSWORD) -> None:
        self.http.get("/accounts/login/").raise_for_status()
        answer = self.post("/accounts/login/", login=email, password=password)
        assert answer.status_code == 302, answer.text

    def post(self, path: str, htmx: bool = False, **fields: str) -> httpx.Response:
        token = self.http.cookies.get("csrftoken", "")
        headers = {"HX-Request": "true"} if htmx else {}
        return self.http.post(path, data={"csrfmiddlewaretoken": token, **fields}, headers=headers)

    def submit(self, prompt: str, **fields: str) -> str:
        """Post the composer's form; returns the job's id."""
        answer = self.post("/generations/", **{**SMALL, "prompt": prompt, **fields})
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["location"].rstrip("/").rpartition("/")[2]

    # --- what is stored -----------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        address = f"file:{self.data / 'veniceweb.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=10)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]

    def state(self, job: str) -> str:
        table = "generations_generation"
        found = self.rows(f"select state from {table} where id = ?", hex_of(job))
        return found[0]["state"] if found else ""

    def wait_for_state(self, job: str, state: str, seconds: float = 15.0) -> None:
        wait_for(lambda: self.state(job) == state, f"{job} is {state}\n{self.log}", seconds)

    def image_of(self, job: str) -> str:
        found = self.rows("select id from generations_image where generation_id = ?", hex_of(job))
        return str(uuid.UUID(found[0]["id"]))

    # --- its processes ------------------------------------------------------------------

    def processes(self, *words: str) -> list[int]:
        """Ids of the living processes of this data folder whose command line has all words."""
        return [pid for pid, line in _living(self.data) if all(word in line for word in words)]

    def wait_for_successor(self, dead: list[int], *words: str) -> None:
        def is_there() -> bool:
            living = self.processes(*words)
            return bool(living) and not set(living) & set(dead)

        wait_for(is_there, f"a new {words} in the place of {dead}\n{self.log}")

    def decoders(self) -> list[int]:
        return self.processes("multiprocessing", "spawn_main")


def _living(data: Path) -> Iterator[tuple[int, str]]:
    mark = f"VENICEWEB_DATA={data}".encode()
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(folder.name)
            is_ours = mark in (folder / "environ").read_bytes().split(b"\0")
            if is_ours and _state(folder) != "Z":
                yield pid, (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def _state(folder: Path) -> str:
    found = re.match(r".*\) (\w)", (folder / "stat").read_text())
    return found[1] if found else "Z"
