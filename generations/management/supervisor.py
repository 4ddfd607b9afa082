"""Starts the processes of embedded mode, keeps them running, and stops them in order."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

# A child that dies this often in this many seconds has a reason that a restart does not cure.
MOST_DEATHS, DEATH_WINDOW = 5, 60.0
PR_SET_PDEATHSIG = 1


class GaveUp(Exception):
    """A child kept dying; the message says which."""


@dataclass
class Child:
    """One process. `grace`: seconds it may take to end after SIGTERM."""

    name: str
    command: list[str]
    environment: dict[str, str]
    grace: float = 10.0
    process: subprocess.Popen[bytes] | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_DEATHS))

    def start(self, log: Callable[[str, str], None]) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A session of its own: Ctrl-C reaches us alone, and we stop the children in order.
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        threading.Thread(target=self._pass_on, args=(self.process, log), daemon=True).start()

    def _pass_on(self, process: subprocess.Popen[bytes], log: Callable[[str, str], None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            log(self.name, line.decode(errors="replace").rstrip())

    def kill_group(self) -> None:
        """SIGKILL for the process and everything that it started and left behind."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


def _end_with_parent() -> None:
    # Runs between fork and exec. If we are killed outright, nothing of ours stays behind.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Children in the order of their start; they stop in the opposite order."""

    def __init__(self, log: Callable[[str, str], None]) -> None:
        self._log = log
        self._children: list[Child] = []
        self._stop = threading.Event()
        self._at_once = threading.Event()

    def start(self, child: Child) -> None:
        child.start(self._log)
        self._children.append(child)

    def handle_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        if self._stop.is_set():
            self._at_once.set()
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def watch(self) -> None:
        """Return after a signal. Dead children are started again. Raises GaveUp."""
        while not self._stop.wait(0.5):
            for child in self._children:
                if not child.is_running:
                    self._restart(child)

    def _restart(self, child: Child) -> None:
        code = child.process.returncode if child.process else "?"
        now = time.monotonic()
        child.deaths.append(now)
        if len(child.deaths) == MOST_DEATHS and now - child.deaths[0] < DEATH_WINDOW:
            raise GaveUp(f"{child.name} ended {MOST_DEATHS} times in a minute (exit {code}).")
        self._log("up", f"{child.name} ended (exit {code}); starting it again")
        child.kill_group()
        child.start(self._log)

    def stop(self) -> None:
        """SIGTERM in the opposite order of the start; a second signal to us kills at once."""
        for child in reversed(self._children):
            if not child.is_running:
                continue
            assert child.process is not None
            child.process.terminate()
            if not self._ended(child):
                self._log("up", f"{child.name} is killed")
            child.kill_group()

    def _ended(self, child: Child) -> bool:
        end = time.monotonic() + child.grace
        while child.is_running and time.monotonic() < end and not self._at_once.is_set():
            time.sleep(0.05)
        return not child.is_running
