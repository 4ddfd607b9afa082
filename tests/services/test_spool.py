"""Answers on disk: written before anything else, read back as they were, settled by one."""

import json
import os
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations.models import Call
from generations.services import spool
from generations.venice.types import AccountState, Deprecation, ImageAnswer, Verdict

CALL = Call(pk=uuid.UUID(int=1))


def answer(*images: bytes, **fields) -> ImageAnswer:
    values = {
        "images": images,
        "request_id": "r-1",
        "verdict": Verdict(blurred=True, violation_count=2),
        "timing_ms": {"client": 12.5},
        "model_id": None,
        "account": AccountState(
            balance_usd=Decimal("1.000000000000000001"), reset_at=datetime(2026, 1, 2, tzinfo=UTC)
        ),
        "deprecation": Deprecation(date=datetime(2030, 1, 1, tzinfo=UTC), warning="ends"),
    }
    return ImageAnswer(**{**values, **fields})


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=4), st.text(max_size=50))
def test_an_answer_is_read_back_as_it_came(images, prompt):
    came = answer(*images, enhanced_prompt=prompt, unreadable=1)
    assert spool._unpacked(spool._packed(CALL, came)) == came


@given(st.binary(max_size=300))
def test_what_is_no_answer_is_a_value_error(content):
    with pytest.raises(ValueError):
        spool._unpacked(content)


@pytest.mark.parametrize("change", [b"", b"x"])
def test_half_a_file_is_no_answer(change):
    content = spool._packed(CALL, answer(b"abc", b"defg"))
    with pytest.raises(ValueError):
        spool._unpacked((content[:-1] if not change else content) + change)


def test_nobody_else_takes_what_is_being_settled(settings):
    kept = spool.keep(CALL, answer(b"abc"))
    assert kept.path.parent == settings.SPOOL
    assert list(spool.left_behind()) == []

    os.close(kept.lock)  # its process has ended
    (found,) = spool.left_behind()
    assert found.call == CALL.pk
    assert found.read() == answer(b"abc")
    assert list(spool.left_behind()) == []
    found.remove()
    assert not list(settings.SPOOL.iterdir())


def test_it_is_readable_by_us_alone(settings):
    kept = spool.keep(CALL, answer(b"abc"))
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert settings.SPOOL.stat().st_mode & 0o777 == 0o700
    kept.remove()


def test_no_key_stands_in_it():
    head = spool._packed(CALL, answer(b"abc")).partition(b"\n")[0]
    assert set(json.loads(head)) == {"call", "answer"}


def test_a_full_disk_of_our_own_leaves_the_systems_folder(settings, tmp_path, monkeypatch):
    settings.SPOOL.parent.mkdir(exist_ok=True)
    settings.SPOOL.write_text("a file where the folder should be")
    monkeypatch.setattr(spool.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    kept = spool.keep(CALL, answer(b"abc"))
    assert kept.path.is_relative_to(tmp_path / "tmp")
    os.close(kept.lock)
    (found,) = spool.left_behind()
    found.remove()


def test_when_nothing_takes_it_it_stays_in_memory(settings, tmp_path, monkeypatch):
    settings.SPOOL.write_text("a file where the folder should be")
    monkeypatch.setattr(spool.tempfile, "gettempdir", lambda: str(settings.SPOOL))
    kept = spool.keep(CALL, answer(b"abc"))
    assert (kept.path, kept.read()) == (None, answer(b"abc"))
    kept.remove()


def test_somebody_elses_folder_in_the_systems_is_not_used(settings, tmp_path, monkeypatch):
    settings.SPOOL.write_text("a file where the folder should be")
    monkeypatch.setattr(spool.tempfile, "gettempdir", lambda: str(tmp_path))
    spool._folders()[1].mkdir(mode=0o777)
    spool._folders()[1].chmod(0o777)
    assert spool.keep(CALL, answer(b"abc")).path is None


def test_what_cannot_be_settled_is_set_aside(settings):
    kept = spool.keep(CALL, answer(b"abc"))
    kept.set_aside()
    assert [path.suffix for path in settings.SPOOL.iterdir()] == [spool.STUCK]
    assert list(spool.left_behind()) == []
