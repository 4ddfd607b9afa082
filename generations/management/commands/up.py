"""manage.py up: the whole studio on one machine, from an empty folder, with one command."""

import hashlib
import http.client
import os
import socket
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection

from generations.management import command
from generations.management import web as webs
from generations.management.supervisor import Child, GaveUp, Supervisor
from generations.services import catalogue, installation
from generations.services import key as keys
from generations.services import user as users
from generations.services.errors import Invalid
from generations.venice.errors import VeniceError

DEMO_KEY = "demo-key-for-the-local-stand-in"


class Command(command.Command):
    help = "Run web, worker and beat on this machine; without a Venice key also the stand-in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=settings.LISTEN_HOST)
        parser.add_argument("--port", type=int, default=settings.LISTEN_PORT)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        _require_free(host, port)
        lock = command.lock_data_folder()
        _require_database()
        installation.require_readable_secrets()
        call_command("migrate", verbosity=0)
        _collect_static()
        admin = _first_admin()
        connection.close()
        _clear_messages()
        webs.allow_many_files()
        supervisor = Supervisor(self._log)
        supervisor.handle_signals()
        try:
            self._run(supervisor, host, port, admin)
        except GaveUp as reason:
            raise CommandError(f"{reason} The log above says why.") from None
        finally:
            supervisor.stop()
            lock.close()

    def _run(
        self, supervisor: Supervisor, host: str, port: int, admin: users.NewAdmin | None
    ) -> None:
        environment = {"VENICEWEB_HOST": host, "PORT": str(port), "VENICEWEB_EMBEDDED": "1"}
        is_demo = _is_demo()
        if is_demo:
            environment |= self._start_standin(supervisor)
        self._first_catalogue()
        for child in _children(host, port, settings.CHILD_ENVIRONMENT(**_MEMORY, **environment)):
            supervisor.start(child)
        address = f"http://{_reachable(host)}:{port}"
        if _wait_for_web(supervisor, host, port):
            self._greet(address, admin, is_demo=is_demo)
        supervisor.watch()
        self._log("up", "stopping; running calls may finish (Ctrl-C again ends at once)")

    def _start_standin(self, supervisor: Supervisor) -> dict[str, str]:
        port = _free_port()
        command = _manage("standin", "--port", str(port), "--latency", "2", "--rpm", "120")
        # It paints and keeps no secret, so it is told none.
        environment = settings.CHILD_ENVIRONMENT(VENICEWEB_EMBEDDED="1", VENICE_API_KEY="")
        supervisor.start(Child("standin", command, environment))
        _wait_for_port("127.0.0.1", port)
        settings.VENICE_BASE_URL = f"http://127.0.0.1:{port}/api/v1"
        settings.VENICE_API_KEY = settings.VENICE_API_KEY or DEMO_KEY
        return {
            "VENICE_BASE_URL": settings.VENICE_BASE_URL,
            "VENICE_API_KEY": settings.VENICE_API_KEY,
            "VENICEWEB_STANDIN": "1",
        }

    def _first_catalogue(self) -> None:
        """Only when there is none yet: the worker refreshes an old one while the studio runs."""
        try:
            if catalogue.is_foreign():
                catalogue.refresh()
        except VeniceError as error:
            self._log("up", f"no models yet: {error.public_message} We keep trying.")
        finally:
            connection.close()

    def _greet(self, address: str, admin: users.NewAdmin | None, *, is_demo: bool) -> None:
        lines = ["", f"  {settings.SITE_NAME} is running at {address}"]
        if is_demo:
            lines.append("  Demo mode: pictures are painted locally, nothing is charged.")
        if admin:
            lines += ["", f"  First admin: {admin.email}"]
            lines.append(
                f"  Password:    {admin.password}   (shown only now)"
                if admin.is_made_up
                else "  Password:    the one from VENICEWEB_ADMIN_PASSWORD"
            )
        self.stdout.write("\n".join([*lines, ""]))
        self.stdout.flush()

    def _log(self, name: str, line: str) -> None:
        self.stdout.write(f"{name:<8}| {line}")
        self.stdout.flush()


# Without it 64 parallel answers of 2 MB leave 1.9 GB behind (measured 2026-11).
_MEMORY = {"MALLOC_ARENA_MAX": "2"}


def _children(host: str, port: int, environment: dict[str, str]) -> list[Child]:
    celery = [sys.executable, "-m", "celery", "--quiet", "-A", "veniceweb"]
    worker = [*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""]
    return [
        Child("web", webs.command(host, port), environment),
        Child("worker", worker, environment, grace=settings.CALL_TIMEOUT + 10),
        Child("beat", beat, environment),
    ]


def _manage(*arguments: str) -> list[str]:
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def _is_demo() -> bool:
    """Demo mode: asked for, or there is no Venice key at all and nobody set an address."""
    if settings.DEMO is not None:
        return bool(settings.DEMO)
    has_key = bool(settings.VENICE_API_KEY) and settings.VENICE_API_KEY != DEMO_KEY
    return not (has_key or keys.has_any_saved() or settings.VENICE_BASE_URL != settings.VENICE)


def _reachable(host: str) -> str:
    """The address by which this machine reaches what listens on `host`."""
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host  # noqa: S104


def _require_free(host: str, port: int) -> None:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(
            f"Cannot listen on {host}:{port} ({reason}). Stop what uses it, or choose another "
            "with --port or PORT."
        ) from None


def _clear_messages() -> None:
    """Doorbells of an earlier run say nothing: the sweep rings for whatever still waits."""
    for path in Path(settings.BROKER_FOLDER).glob("*"):
        if path.is_file():
            path.unlink(missing_ok=True)


def _require_database() -> None:
    # Not through the pool: that would try for 20 s and log each time.
    probe = connection.copy()
    probe.settings_dict["OPTIONS"].pop("pool", None)
    try:
        probe.ensure_connection()
    except DatabaseError as error:
        reason = str(error).strip().partition("\n")[0]
        raise CommandError(f"The database cannot be used ({reason}). See DATABASE_URL.") from None
    finally:
        probe.close()


def _first_admin() -> users.NewAdmin | None:
    try:
        return users.first_admin(settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD)
    except Invalid as problem:
        reasons = " ".join(problem.fields.values())
        raise CommandError(
            f"The first admin cannot be made: {reasons} "
            "See VENICEWEB_ADMIN_EMAIL and VENICEWEB_ADMIN_PASSWORD."
        ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(host: str, port: int, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)


def _wait_for_web(supervisor: Supervisor, host: str, port: int, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not supervisor.is_stopping:
        try:
            web = http.client.HTTPConnection(_reachable(host), port, timeout=2)
            web.request("GET", "/healthz", headers={"Host": "localhost"})
            if web.getresponse().status == 200:
                return True
        except OSError:
            pass
        time.sleep(0.1)
    return False


def _collect_static() -> None:
    """Collect and compress the static files, unless they stand there already from this tree."""
    root = Path(settings.STATIC_ROOT)
    stamp, newest = root / ".stamp", _newest_static()
    if stamp.is_file() and stamp.read_text() == newest:
        return
    call_command("collectstatic", interactive=False, verbosity=0, clear=root.is_dir())
    stamp.write_text(newest)


def _newest_static() -> str:

    times = [
        f"{path}:{os.stat(storage.path(path)).st_mtime_ns}"
        for finder in get_finders()
        for path, storage in finder.list([])
    ]
    return hashlib.sha256("\n".join(sorted(times)).encode()).hexdigest()
