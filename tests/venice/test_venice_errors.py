"""The error tree: consequences, safe texts, pickling."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime

import pytest

from generations.venice import errors

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EACH = [
    errors.NotSent("refused"),
    errors.RateLimited("minute used up", retry_at=AT),
    errors.Overloaded("full"),
    errors.LockedOut("paused", until=AT),
    errors.BadKey("unknown"),
    errors.NoCredit("empty"),
    errors.Refused("no", field="steps", code="model_gone", suggested_prompt="a boat"),
    errors.OutcomeUnknown("lost"),
    errors.BadResponse("html", public_message="Own words."),
]


def kinds(base: type[errors.VeniceError]) -> set[type[errors.VeniceError]]:
    return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))


def test_the_table_names_every_kind_of_error():
    assert set(errors.CONSEQUENCES) == kinds(errors.VeniceError)
    assert {type(error) for error in EACH} == set(errors.CONSEQUENCES) - {errors.VeniceError}


@pytest.mark.parametrize("error", EACH, ids=lambda error: error.code)
def test_errors_survive_pickling_with_all_they_know(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (copy.args, vars(copy), copy.code) == (error.args, vars(error), error.code)


def test_only_what_surely_cost_nothing_is_sent_again():
    retried = {kind for kind, row in errors.CONSEQUENCES.items() if row.retry}
    assert retried == {errors.NotSent, errors.RateLimited, errors.Overloaded, errors.LockedOut}


def test_only_errors_of_the_key_stop_the_key():
    stopping = {kind for kind, row in errors.CONSEQUENCES.items() if row.breaker}
    assert stopping == {errors.BadKey, errors.NoCredit, errors.LockedOut}


@pytest.mark.parametrize(
    "row",
    [*errors.CONSEQUENCES.values(), *errors.REFUSALS.values()],
    ids=lambda row: row.error_code,
)
def test_sentences_say_what_it_cost_without_shouting(row):
    assert "charged" in row.sentence
    assert row.sentence.endswith(".")
    assert "!" not in row.sentence
    assert row.http_status in (400, 402, 403, 404, 422, 429, 502, 503)


def test_a_refusal_speaks_as_its_kind():
    assert errors.Refused("x", code="content_policy_violation").consequence.http_status == 422
    assert errors.Refused("x", code="something new").consequence.http_status == 400
    assert "retired" in errors.Refused("x", code="model_gone").public_message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("two\r\nlines\x00and\x1b[31m red\u202e", "two lines and [31m red"),
        ("got Bearer sk-live-123456 from you", "got [key] from you"),
        ("key sk-abc123def refused", "key [key] refused"),
        ("token 9f8e7d6c5b4a39281706f5e4d3c2b1a0 unknown", "token [key] unknown"),
        ("Model nano-banana-pro is full", "Model nano-banana-pro is full"),
    ],
)
def test_upstream_text_is_cleaned_before_it_is_kept(text, shown):
    assert errors.safe_text(text) == shown
    assert str(errors.BadKey(text)) == shown


def test_upstream_text_is_clipped_and_known_secrets_masked():
    assert len(str(errors.BadKey("many words " * 100))) == errors.MESSAGE_LIMIT
    assert errors.safe_text("it was abc", secrets=["abc", ""]) == "it was [key]"
