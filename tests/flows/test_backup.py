"""Back up, restore into the other kind of database, compare every row and every byte; and what
goes wrong on the way leaves an empty installation empty."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from generations.services.backup import tar
from generations.services.backup.verify import verify
from tests.faults.studio import ROOT, Studio, Upstream, manage, wait_for
from tests.flows.databases import KEYS, Place, empty_postgres
from tests.services.test_backup import members, sealed

pytestmark = pytest.mark.processes

OTHER_KEYS = "YW5vdGhlci1zZWNyZXQtb25seS1mb3ItdGVzdHMtMDE="
EVERY_WORD = "bridge"


@dataclass
class World:
    place: Place
    archive: Path
    told: dict[str, list[Any]]
    found: list[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """A row in every table, on SQLite, and an archive of it."""
    folder = tmp_path_factory.mktemp("world")
    place = Place(folder / "data")
    assert place.manage("migrate", "-v0").returncode == 0
    place.ask("fill")
    told, found = place.ask("tell"), place.ask("found", EVERY_WORD)
    done = place.manage("backup", str(folder / "studio.tar"))
    assert done.returncode == 0, done.stderr
    assert "keep them, too" in done.stdout
    return World(place, folder / "studio.tar", told, found)


@pytest.fixture
def make_place(tmp_path) -> Iterator[Callable[..., Place]]:
    """Empty installations of the kind that is asked for."""
    with ExitStack() as stack:

        def make(kind: str = "sqlite", **changes: str) -> Place:
            url = stack.enter_context(empty_postgres()) if kind == "postgresql" else ""
            data = tmp_path / os.urandom(4).hex() / "data"
            data.parent.mkdir()
            return Place(data, url, changes)

        yield make


def restored(place: Place, archive: Path) -> str:
    done = place.manage("restore", str(archive))
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(place: Place, *arguments: str, most_bytes: int = 0) -> str:
    """The one sentence that it ends with."""
    done = place.manage(*arguments, most_bytes=most_bytes)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def same(before: dict[str, Any], after: dict[str, Any], *, waiting: int) -> None:
    """Every row and every byte, but for what a restore itself does."""
    before, after = dict(before), dict(after)
    events, more = before.pop("generations_event"), after.pop("generations_event")
    assert more[: len(events)] == events
    assert ["action", '"backup.restored"'] in more[-1][1]
    jobs = zip(
        before.pop("generations_generation"), after.pop("generations_generation"), strict=True
    )
    changed = [(dict(one[1]), dict(two[1])) for one, two in jobs if one != two]
    assert [(one["state"], two["state"]) for one, two in changed] == [
        ('"queued"', '"unknown"')
    ] * waiting
    assert before == after


def test_into_the_other_database_and_back(world, make_place, tmp_path):
    assert all(world.told.values()), "a table without a row"
    server = make_place("postgresql")
    assert "1 jobs were waiting" in restored(server, world.archive)
    there = server.ask("tell")
    same(world.told, there, waiting=1)
    assert server.ask("found", EVERY_WORD) == world.found != []

    done = server.manage("backup", str(tmp_path / "back.tar"))
    assert done.returncode == 0, done.stderr
    # Ids go on where they were, and jobs run.
    server.ask("work", "After the restore")
    assert len(server.ask("tell")["files"]) == len(there["files"]) + 3

    # Into one that was migrated already, as compose does it.
    back = make_place()
    assert back.manage("migrate", "-v0").returncode == 0
    restored(back, tmp_path / "back.tar")
    same(there, back.ask("tell"), waiting=0)
    assert back.ask("found", EVERY_WORD) == world.found
    assert "holds data" in refused(back, "restore", str(tmp_path / "back.tar"))
    # The log is still one that nobody changes.
    assert "stays" in back.manage("shell", "-c", _CHANGE).stderr


_CHANGE = """
from django.db import connection
connection.cursor().execute("UPDATE generations_event SET action = 'x'")
"""


def test_restored_by_somebody_with_other_keys(world, make_place, tmp_path):
    place = make_place(VENICEWEB_ENCRYPTION_KEYS=OTHER_KEYS)
    said = restored(place, world.archive)
    assert "Not readable with these VENICEWEB_ENCRYPTION_KEYS" in said
    assert "2 Venice keys" in said

    full = tmp_path / "full.tar"
    said = world.place.manage("backup", str(full), "--with-secrets").stdout
    assert "It holds SECRET_KEY and the encryption keys" in said
    assert KEYS not in said
    said = refused(make_place(VENICEWEB_ENCRYPTION_KEYS=OTHER_KEYS), "restore", str(full))
    assert "others are set here" in said
    assert KEYS not in said

    # Embedded mode: what was made there by itself gives way.
    fresh = make_place(VENICEWEB_ENCRYPTION_KEYS="", SECRET_KEY="")
    said = restored(fresh, full)
    assert "data folder" in said
    assert "Not readable" not in said
    kept = fresh.data / "secrets" / "veniceweb_encryption_keys"
    assert kept.read_text() == KEYS
    assert kept.stat().st_mode & 0o777 == 0o600


def block(path: Path) -> None:
    """Whoever opens it waits for a writer that never comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def test_killed_in_the_middle_of_a_backup(world, tmp_path):
    stuck = world.place.data / "images" / world.place.files()[-1]
    data = stuck.read_bytes()
    block(stuck)
    try:
        process = world.place.start("backup", str(tmp_path / "studio.tar"))
        partial = tmp_path / "studio.tar.partial"
        wait_for(lambda: partial.exists() and partial.stat().st_size > 10_000, "it writes", 30)
        os.killpg(process.pid, 9)
        process.wait()
    finally:
        stuck.unlink()
        stuck.write_bytes(data)
    assert not (tmp_path / "studio.tar").exists()
    with pytest.raises(tar.Unusable, match="half a backup"):
        verify(partial)
    assert world.place.manage("backup", str(tmp_path / "studio.tar")).returncode == 0
    assert verify(tmp_path / "studio.tar").files == len(world.told["files"])
    assert not partial.exists()


def test_an_image_that_is_erased_meanwhile(world, make_place, tmp_path):
    """Its row is in the archive and its files are gone: after the restore it is gone as well."""
    place = Place(shutil.copytree(world.place.data, tmp_path / "copy"))
    first, last = (image[0] for image in (_images(world.told)[0], _images(world.told)[-1]))
    (name,) = [name for name in place.files() if first in name and "original" in name]
    stuck = place.data / "images" / name
    data = stuck.read_bytes()
    block(stuck)
    process = place.start("backup", str(tmp_path / "studio.tar"))
    writer = wait_for(lambda: _reader_of(stuck), f"it reads\n{process.log}", 60)
    erased = place.manage("shell", "--no-imports", "-c", _ERASE.format(last))
    os.write(writer, data)
    os.close(writer)
    assert process.wait(60) == 0, process.log
    assert "3 files were deleted meanwhile" in process.log, erased.stderr

    target = make_place()
    restored(target, tmp_path / "studio.tar")
    there = target.ask("tell")
    assert {image[0] for image in _images(there)} == {image[0] for image in _images(world.told)} - {
        last
    }
    assert len(there["files"]) == len(world.told["files"]) - 3


_ERASE = """
from generations.services import trash
assert trash.finish(["{}"]) == 1
"""


def _images(told: dict[str, list[Any]]) -> list[Any]:
    return [row for row in told["generations_image"] if isinstance(row[1], list)]


def _reader_of(fifo: Path) -> int:
    """What to write into for who waits there; 0 while nobody does."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return 0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_killed_in_the_middle_of_a_restore(world, make_place, kind):
    place = make_place(kind)
    name = [name for name in members(world.archive) if name.startswith("files/")][-1][6:]
    block(place.data / "images" / name)
    process = place.start("restore", str(world.archive))
    wait_for(lambda: len(place.files()) > 5, f"it writes files\n{process.log}", 90)
    os.killpg(process.pid, 9)
    process.wait()
    assert _tables(place) == []
    (place.data / "images" / name).unlink()
    # Half of a file, as a full stop leaves it.
    first = place.data / "images" / place.files()[0]
    first.write_bytes(first.read_bytes()[:20])

    restored(place, world.archive)
    same(world.told, place.ask("tell"), waiting=1)


def _tables(place: Place) -> list[str]:
    code = "from django.db import connection as c; print(*c.introspection.table_names())"
    return place.manage("shell", "--no-imports", "-c", code).stdout.split()


def test_a_full_disk(world, make_place, tmp_path):
    said = refused(world.place, "backup", str(tmp_path / "studio.tar"), most_bytes=40_000)
    assert "No backup was made: File too large" in said
    assert list(tmp_path.glob("studio*")) == []
    place = make_place()
    assert "Nothing" in refused(place, "restore", str(world.archive), most_bytes=60_000)
    assert _tables(place) == []
    assert place.files() == []
    restored(place, world.archive)


def test_a_folder_that_is_not_there(world, make_place):
    assert "No such file" in refused(world.place, "backup", "/nowhere/studio.tar")
    assert "No such file" in refused(make_place(), "restore", "/nowhere/studio.tar")


def test_stdout(world, tmp_path):
    path = tmp_path / "piped.tar"
    with path.open("wb") as out:
        command = manage("backup", "-")
        subprocess.run(command, env=world.place.environment, cwd=ROOT, stdout=out, check=True)
    assert verify(path).files == len(world.told["files"])
    assert "Whole:" in world.place.manage("restore", "--check", str(path)).stdout


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_does_not_fit_leaves_nothing(world, make_place, tmp_path, kind):
    place, content = make_place(kind), members(world.archive)
    row = "tables/generations_tag/00001.jsonl.gz"
    for number, (changes, said) in enumerate(_FORGED.items()):
        forged = {**content, row: tar_lines(changes)}
        path = sealed(tmp_path / f"{number}.tar", forged)
        assert said in refused(place, "restore", str(path))
    path = tmp_path / "half.tar"
    path.write_bytes(world.archive.read_bytes()[:40_000])
    assert "half a backup" in refused(place, "restore", str(path))
    assert _tables(place) == []
    assert place.files() == []


# Lines of a table -> what is said.
_FORGED = {
    ("[1, 2, 3]",): "does not fit",
    ("{}",): "does not fit",
    ('["x", "y"]', "[[[]]]"): "does not fit",
    ("[" * 100_000,): "does not fit",
    ('[1, "one"]', '[1, "two"]'): "does not fit",
    ('[1, "one"]',): "not as many rows",
    (): "not as many rows",
}


def tar_lines(lines: tuple[str, ...]) -> bytes:
    part = tar.Lines()
    for line in lines:
        part.add(line)
    return part.close()


# --- while people work ------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_while_people_work(make_place, tmp_path, source, target):
    """Backups of a running studio whose worker and pages go on; the last of them is restored."""
    place, other = make_place(source), make_place(target)
    assert place.manage("migrate", "-v0").returncode == 0
    upstream = Upstream(tmp_path, latency=0.05)
    environment = {**place.environment, "VENICEWEB_BACKUPS": str(tmp_path / "daily")}
    environment.pop("VENICE_BASE_URL")
    studio = Studio(place.data, upstream, **environment)
    done, failures = threading.Event(), []

    def go_on() -> None:
        try:
            while not done.wait(0.1):
                studio.submit("Going on")
        except Exception as error:
            failures.append(error)

    try:
        studio.start().sign_in()
        people = threading.Thread(target=go_on)
        people.start()
        for number in range(2):
            wanted = 6 * (number + 1)
            wait_for(lambda wanted=wanted: len(upstream.calls()) > wanted, "calls are made", 60)
            made = place.manage("backup", str(tmp_path / f"{number}.tar"))
            assert made.returncode == 0, made.stderr
        done.set()
        people.join()
        assert failures == []
    finally:
        done.set()
        studio.end()
        upstream.end()
    said = restored(other, tmp_path / "1.tar")
    _is_part_of(other.ask("tell"), place.ask("tell"), said)


def _is_part_of(part: dict[str, list[Any]], whole: dict[str, list[Any]], said: str) -> None:
    """What was made before the backup, as it stands in the studio that went on."""
    assert len(part["generations_image"]) > 5, said
    for table in ("generations_image", "generations_imagetext", "files"):
        there = {str(row) for row in whole[table]}
        assert {str(row) for row in part[table]} <= there
    states = {row[0]: dict(row[1])["state"] for row in part["generations_generation"]}
    final = {row[0]: dict(row[1])["state"] for row in whole["generations_generation"]}
    assert states.keys() <= final.keys()
    assert '"queued"' not in states.values()
    ended = {job for job, state in states.items() if state == '"succeeded"'}
    assert all(final[job] == '"succeeded"' for job in ended)
    pictures = {dict(row[1])["generation"] for row in _images(part)}
    assert len(pictures) >= len(ended)
    assert len(part["files"]) == 3 * len(part["generations_imagetext"])
