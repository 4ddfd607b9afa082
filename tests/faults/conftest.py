"""Real processes: one stand-in for all, one studio that survives most faults, and fresh ones.

Migrating takes seconds, so it is done once; every other studio begins on a copy of that folder.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.studio import Studio, Upstream


@pytest.fixture(scope="session")
def upstream(tmp_path_factory) -> Iterator[Upstream]:
    standin = Upstream(tmp_path_factory.mktemp("upstream"), latency=0.2)
    yield standin
    standin.end()


@pytest.fixture(scope="session")
def used(tmp_path_factory, upstream) -> Path:
    """The data folder of a studio that ran once: migrated, first admin, key, catalogue."""
    data = tmp_path_factory.mktemp("used") / "data"
    with Studio(data, upstream):
        pass
    # Ended at once, it leaves a log that the next reader would write into the file: not a change
    # that anybody made.
    with closing(sqlite3.connect(data / "veniceweb.sqlite3")) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    return data


@pytest.fixture(scope="session")
def shared(tmp_path_factory, upstream, used) -> Iterator[Studio]:
    """A running studio for tests that it survives, signed in."""
    data = shutil.copytree(used, tmp_path_factory.mktemp("shared") / "data")
    with Studio(data, upstream) as studio:
        studio.sign_in()
        yield studio


@pytest.fixture
def fresh(tmp_path, upstream, used) -> Iterator[Callable[..., Studio]]:
    """Makes studios, not yet started, on a copy of `used`; ends them after the test."""
    made: list[Studio] = []

    def make(**changes: str) -> Studio:
        data = shutil.copytree(used, tmp_path / f"data-{len(made)}")
        made.append(Studio(data, upstream, **changes))
        return made[-1]

    yield make
    for studio in made:
        studio.end()
