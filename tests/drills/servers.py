"""A PostgreSQL cluster and a Redis of the drills' own: they are stopped, emptied and restarted."""

import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import redis

from tests.faults.studio import free_port, wait_for

POSTGRES = "postgres"


def missing() -> list[str]:
    """What this machine lacks for drills."""
    names = {"PostgreSQL’s server programs": _program("initdb"), "redis-server": _redis()}
    return [name for name, found in names.items() if not found]


def _program(name: str) -> str | None:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(versions[-1]) if versions else None)


def _redis() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


class Postgres:
    def __init__(self, folder: Path) -> None:
        self.port, self._data = free_port(), folder / "postgres"
        self._log = folder / "postgres.log"
        self._data.mkdir()
        self._log.touch()
        # PostgreSQL does not run as root.
        self._as: list[str] = []
        if os.getuid() == 0:
            self._as = ["setpriv", "--reuid", POSTGRES, "--regid", POSTGRES, "--init-groups"]
            for path in (self._data, self._log):
                os.chown(path, pwd.getpwnam(POSTGRES).pw_uid, -1)
            for path in (folder, *folder.parents[:1]):
                path.chmod(path.stat().st_mode | 0o011)
        self._run("initdb", "-D", str(self._data), "-U", POSTGRES, "-A", "trust", "-N")
        self.start()

    @property
    def url(self) -> str:
        return f"postgres://{POSTGRES}@127.0.0.1:{self.port}/{POSTGRES}"

    def start(self) -> None:
        options = f"-p {self.port} -k {self._data} -c max_connections=300 -c fsync=off"
        self._control("start", "-w", "-l", str(self._log), "-o", options)

    def stop(self, how: str = "fast") -> None:
        """`fast` breaks connections off in order, `immediate` is a crash."""
        self._control("stop", "-w", "-m", how)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._data), *arguments)

    def _run(self, name: str, *arguments: str) -> None:
        program = _program(name)
        assert program, name
        subprocess.run(
            [*self._as, program, *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            timeout=60,
        )


class Redis:
    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        program = _redis()
        assert program
        options = ["--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            [program, *options], stdout=subprocess.DEVNULL, start_new_session=True
        )
        wait_for(self._answers, "Redis answers")

    def _answers(self) -> bool:
        return self._say("PING") == "PONG"

    def flush(self) -> None:
        assert self._say("FLUSHALL") == "OK"

    def copy(self, source: str, target: str, times: int) -> None:
        """Push the message of one list so many times to another."""
        client = redis.Redis(port=self.port)
        message = client.rpop(source)
        assert message
        client.lpush(target, *[message] * times)

    def length(self, name: str) -> int:
        return int(redis.Redis(port=self.port).llen(name))

    def stop(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def _say(self, word: str) -> object:
        with suppress(redis.RedisError):
            said = redis.Redis(port=self.port).execute_command(word)
            return "PONG" if said in (True, b"PONG") and word == "PING" else "OK"
        return None


def away_for(server: Postgres | Redis, seconds: float) -> None:
    server.stop()
    time.sleep(seconds)
    server.start()
