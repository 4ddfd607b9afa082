"""A database of the first release, with data, becomes one of today; so does its archive."""

from typing import Any

import pytest

from tests.flows.databases import Place
from tests.flows.first_release import FINGERPRINT
from tests.flows.test_backup import make_place, restored  # noqa: F401  (a fixture)

pytestmark = pytest.mark.processes

# What shows a minor is locked away since 0012.
_CHANGED = {("generations_image", "state")}


@pytest.mark.parametrize(("kind", "other"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_what_was_there_is_there(make_place, tmp_path, kind, other):  # noqa: F811
    place, target = make_place(kind), make_place(other)
    assert place.manage("migrate", "generations", "0001", "-v0").returncode == 0
    before = place.ask("fill", module="first_release")
    archive = tmp_path / "first.tar"
    place.ask("archive", str(archive), module="first_release")

    done = place.manage("migrate", "-v0")
    assert done.returncode == 0, done.stderr
    upgraded = place.ask("tell")
    _survived(before, upgraded)
    _was_completed(place, upgraded)

    # An archive of that version: restored as it was, then migrated.
    assert "1 jobs were waiting" in restored(target, archive)
    there = target.ask("tell")
    _survived(before, there, may_differ={"state", "version", "changed_at", "started_at"})
    _was_completed(target, there)
    assert there["files"] == upgraded["files"] != []


def _rows(told: dict[str, list[Any]], table: str) -> dict[str, dict[str, str]]:
    return {row[0]: dict(row[1]) for row in told[table] if isinstance(row[1], list)}


def _survived(
    before: dict[str, list[Any]],
    after: dict[str, list[Any]],
    may_differ: frozenset | set = frozenset(),
) -> None:
    """Every row, with every column that there still is."""
    for table in before.keys() - {"generations_worker"}:
        now = _rows(after, table)
        for pk, old in _rows(before, table).items():
            waited = may_differ and old.get("state") == '"queued"'
            for name in old.keys() & now[pk].keys():
                if (table, name) in _CHANGED or waited:
                    continue
                assert now[pk][name] == old[name], (table, name)


def _was_completed(place: Place, after: dict[str, list[Any]]) -> None:
    """What later releases keep elsewhere, or work out."""
    account = _rows(after, "generations_account")[FINGERPRINT]
    assert account["tier"] == '"paid"'
    assert account["requests_per_minute"] == "40"
    assert account["balance_usd"] == '"9.500000000000000000"'
    (key,) = _rows(after, "generations_venicekey").values()
    assert key["account"] == f'"{FINGERPRINT}"'
    images = _rows(after, "generations_image").values()
    assert sorted(image["state"] for image in images) == ['"held"', '"locked"', '"shown"']
    assert {(image["model"], image["style"]) for image in images} == {
        ('"z-image-turbo"', '"Anime"')
    }
    assert ["landscape", "16:9"] in after["generations_image"]
    assert len(after["generations_case"]) == 2
    assert len(place.ask("found", "bridge")) == 3
