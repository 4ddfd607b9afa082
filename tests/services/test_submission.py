"""The same request at once, from many connections: one job, whatever the database."""

import threading

import pytest
from django.db import connection

from generations.models import Generation, Submission
from generations.services import generation as generations
from generations.services import token as tokens
from generations.services.submission import Conflict, Once, fingerprint
from tests.builders import MODEL, SMALL

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


def at_once(count: int, work) -> list:
    """What each of so many threads came to, started together."""
    start, came = threading.Barrier(count), []

    def run(number: int) -> None:
        start.wait()
        try:
            came.append(work(number))
        except Exception as error:
            came.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def submit(token, key: str, prompt: str = "A stone bridge"):
    body = fingerprint("images", {"prompt": prompt})
    parameters = {"prompt": prompt, **SMALL}
    rows = generations.submit(
        token.user, model=MODEL, parameters=parameters, token=token, once=Once(token, body, key)
    )
    return [row.pk for row in rows]


@pytest.mark.parametrize("key", ["", "the same key"])
def test_of_eight_at_once_one_is_made(stocked, alice, key):
    token, _ = tokens.create(alice, name="Script", scopes=["generate"])
    came = at_once(8, lambda number: submit(token, key))
    assert [type(one) for one in came] == [list] * 8
    assert len({pk for one in came for pk in one}) == 1
    assert (Generation.objects.count(), Submission.objects.count()) == (1, 1)


def test_of_two_bodies_with_one_key_one_is_a_conflict(stocked, alice):
    token, _ = tokens.create(alice, name="Script", scopes=["generate"])
    came = at_once(2, lambda number: submit(token, "the same key", f"Prompt {number}"))
    assert sorted(type(one).__name__ for one in came) == [Conflict.__name__, "list"]
    assert Generation.objects.count() == 1
