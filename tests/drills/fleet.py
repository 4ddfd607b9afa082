"""Web, workers and beat as they run on several hosts, and somebody who starts them again."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from generations.management.web import command as web_command
from tests.drills.servers import Postgres, Redis
from tests.faults.studio import (
    ADMIN,
    KEY,
    MODEL,
    PASSWORD,
    SMALL,
    Process,
    Upstream,
    environment,
    free_port,
    manage,
    wait_for,
)

LIMITED = "limited@example.com"
RESTART_AFTER = 0.5
CALL_TIMEOUT = 40


@dataclass
class Member:
    """One process of the fleet, which is started again when it ends."""

    name: str
    command: list[str]
    environment: dict[str, str]
    process: Process | None = None


class Fleet:
    def __init__(self, folder: Path, *, webs: int = 2, workers: int = 4) -> None:
        self.folder, self.data = folder, folder / "data"
        self.postgres, self.redis = Postgres(folder), Redis()
        self.upstream = Upstream(folder, latency=1.0)
        self.environment = self._environment()
        for arguments in (("migrate", "-v", "0"), ("collectstatic", "--noinput", "-v", "0")):
            self._manage(*arguments)
        self._manage("catalogue")
        for email, role in ((ADMIN, "admin"), (LIMITED, "member")):
            self._manage("adduser", email, "--role", role, VENICEWEB_PASSWORD=PASSWORD)
        ports = [free_port() for _ in range(webs)]
        self.members = [self._web(number, port) for number, port in enumerate(ports)]
        self.members += [self._celery(f"worker{n}", "worker", n) for n in range(workers)]
        self.members.append(self._celery("beat", "beat", -1))
        self._ending = threading.Event()
        for member in self.members:
            self._start(member)
        threading.Thread(target=self._restart_for_ever, daemon=True).start()
        self.webs = [Browser(f"http://127.0.0.1:{port}") for port in ports]
        for web in self.webs:
            web.sign_in(ADMIN)
        # Somebody with a key of their own, whose account has a limit.
        self.limited = Browser(f"http://127.0.0.1:{ports[0]}")
        self.limited.sign_in(LIMITED)

    def _environment(self) -> dict[str, str]:
        return environment(
            self.data,
            VENICE_BASE_URL=self.upstream.url,
            VENICE_API_KEY=KEY,
            DATABASE_URL=self.postgres.url,
            REDIS_URL=self.redis.url,
            SECRET_KEY=secrets.token_urlsafe(50),
            VENICEWEB_ENCRYPTION_KEYS=urlsafe_b64encode(os.urandom(32)).decode(),
            VENICEWEB_CALL_TIMEOUT=str(CALL_TIMEOUT),
            DJANGO_SETTINGS_MODULE="veniceweb.settings",
            MALLOC_ARENA_MAX="2",
        )

    def _manage(self, *arguments: str, **changes: str) -> None:
        env = {**self.environment, **changes}
        subprocess.run(manage(*arguments), env=env, check=True, stdout=subprocess.DEVNULL)

    def _web(self, number: int, port: int) -> Member:
        return Member(f"web{number}", web_command("127.0.0.1", port), self.environment)

    def _celery(self, name: str, kind: str, number: int) -> Member:
        command = [sys.executable, "-m", "celery", "--quiet", "-A", "veniceweb", kind]
        if kind == "worker":
            command += ["--loglevel", "INFO", "--without-gossip", "--without-mingle"]
            command += ["--hostname", f"{name}@drill"]
        else:
            command += ["--pidfile", "", "--schedule", str(self.folder / "schedule")]
        return Member(name, command, {**self.environment, **_clock_of(number)})

    # --- processes ----------------------------------------------------------------------

    def _start(self, member: Member) -> None:
        log = self.folder / f"{member.name}-{time.monotonic_ns()}.log"
        member.process = Process(member.command, member.environment, log)

    def _restart_for_ever(self) -> None:
        while not self._ending.wait(0.1):
            for member in self.members:
                if member.process and not member.process.is_running:
                    kill(member, signal.SIGKILL)  # what it left behind
                    self._ending.wait(RESTART_AFTER)
                    self._start(member)

    def tell_true_time(self) -> None:
        """For the faults of PostgreSQL: libfaketime breaks the timed waits (EINVAL) of whatever
        connects again, which no false clock does by itself."""
        changed = [member for member in self.members if "FAKETIME" in member.environment]
        for member in changed:
            old = member.process
            member.environment = self.environment
            assert old
            old.signal(signal.SIGTERM)
            wait_for(lambda: not old.is_running, f"{member.name} ends", 60)  # noqa: B023

    def of(self, kind: str) -> list[Member]:
        return [member for member in self.members if member.name.startswith(kind)]

    def end(self) -> None:
        self._ending.set()
        time.sleep(RESTART_AFTER + 0.2)
        for member in self.members:
            kill(member, signal.SIGKILL)
            if member.process:
                member.process.wait()
        for browser in (*self.webs, self.limited):
            browser.http.close()
        self.upstream.end()
        self.redis.stop()
        self.postgres.stop("immediate")

    # --- looking ------------------------------------------------------------------------

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.postgres.url, row_factory=dict_row, autocommit=True) as database:
            return database.execute(sql, values).fetchall()  # type: ignore[arg-type]

    def states(self, marker: str) -> dict[str, str]:
        """Job -> state, of the jobs whose prompt has the marker."""
        sql = "select id, state from generations_generation where prompt like %s"
        return {str(row["id"]): row["state"] for row in self.rows(sql, f"{marker} %")}

    def wait_until(self, condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
        return wait_for(condition, what, seconds)

    def wait_for_states(self, marker: str, *wanted: str, seconds: float = 60.0) -> None:
        self.wait_until(
            lambda: set(self.states(marker).values()) <= set(wanted),
            f"{marker} is {' or '.join(wanted)}",
            seconds,
        )

    def give_key(self, text: str) -> None:
        """To LIMITED."""
        command = manage("venicekey", "--user", LIMITED)
        subprocess.run(command, env=self.environment, input=text.encode(), check=True)

    def shell(self, code: str) -> None:
        self._manage("shell", "--no-imports", "-v", "0", "-c", code)


def _clock_of(number: int) -> dict[str, str]:
    """One worker's clock is two days ahead, another's an hour behind."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    offset = {2: "+2d", 3: "-1h"}.get(number)
    if library is None or offset is None:
        return {}
    return {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def has_faketime() -> bool:
    return bool(_clock_of(2))


def kill(member: Member, number: int) -> None:
    """The whole group: the process and its children."""
    if member.process:
        with suppress(ProcessLookupError):
            os.killpg(member.process.pid, number)


def children(member: Member) -> list[int]:
    """The processes that a member has started: a worker's decoders."""
    assert member.process
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{member.process.pid}/task").iterdir():
            found += map(int, (task / "children").read_text().split())
    return found


class Browser:
    """Somebody at a web process, who posts again when the line drops."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, trust_env=False, timeout=30)

    def sign_in(self, email: str) -> None:
        wait_for(self._is_up, "the web process answers", 30)
        self.http.get("/accounts/login/").raise_for_status()
        answer = self.post("/accounts/login/", login=email, password=PASSWORD)
        assert answer.status_code == 302, answer.text

    def _is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return self.http.get("/healthz").is_success
        return False

    def post(self, path: str, **fields: str) -> httpx.Response:
        token = self.http.cookies.get("csrftoken", "")
        return self.http.post(path, data={"csrfmiddlewaretoken": token, **fields})

    def submit(self, prompt: str, *, form_token: str = "", **fields: str) -> str:
        """The job's id. Posts the same form until it is answered."""
        token = form_token or secrets.token_hex(16)
        form = {**SMALL, "model": MODEL, "prompt": prompt, "form_token": token, **fields}
        for _ in range(100):
            with suppress(httpx.TransportError):
                answer = self.post("/generations/", **form)
                if answer.status_code in (302, 303):
                    return answer.headers["location"].rstrip("/").rpartition("/")[2]
                assert answer.status_code >= 500, answer.text
            time.sleep(0.3)
        raise AssertionError(f"{prompt}: no answer")


def make_folder(base: str | None) -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="veniceweb-drills-", dir=base))


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
