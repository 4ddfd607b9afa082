"""The cache while Redis is away, and after it has come back."""

import pytest
from redis.exceptions import ConnectionError

from veniceweb import cache as patient


class Server:
    """What RedisCacheClient asks, with a switch."""

    def __init__(self, monkeypatch):
        self.is_away, self.held, self.asked = False, {}, 0
        for name in ("get", "set", "add", "incr", "delete_many", "delete", "has_key"):
            monkeypatch.setattr(patient.RedisCacheClient, name, self._answer(getattr(self, name)))

    def _answer(self, method):
        def answer(client, *args):
            self.asked += 1
            if self.is_away:
                raise ConnectionError("away")
            return method(*args)

        return answer

    def get(self, key, default):
        return self.held.get(key, default)

    def has_key(self, key):
        return key in self.held

    def set(self, key, value, timeout):
        self.held[key] = value

    def add(self, key, value, timeout):
        return self.held.setdefault(key, value) is value

    def incr(self, key, delta):
        self.held[key] += delta
        return self.held[key]

    def delete(self, key):
        return self.held.pop(key, None) is not None

    def delete_many(self, keys):
        for key in keys:
            self.held.pop(key, None)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(patient, "ASK_AGAIN", 0.0)
    return Server(monkeypatch)


@pytest.fixture
def cache(server):
    made = patient.PatientRedisCache("redis://nowhere.invalid", {})
    made._cache._memory.clear()
    return made


def test_redis_answers_while_it_is_there(cache, server):
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert server.held == {":1:a": 1}


def test_memory_answers_while_redis_is_away(cache, server):
    server.is_away = True
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert cache.add("a", 2) is False
    assert cache.incr("a") == 2
    cache.delete("a")
    assert cache.get("a") is None


def test_what_ended_meanwhile_is_not_found_afterwards(cache, server):
    """A session that somebody ended, or changed, while Redis could not be told."""
    cache.set("ended", "signed in")
    cache.set("changed", "old")
    server.is_away = True
    cache.delete("ended")
    cache.set("changed", "new")
    server.is_away = False
    assert cache.get("ended") is None
    assert cache.get("changed") is None  # the database knows


def test_a_server_that_is_away_is_not_asked_each_time(cache, server, monkeypatch):
    monkeypatch.setattr(patient, "ASK_AGAIN", 60.0)
    server.is_away = True
    for _ in range(5):
        cache.get("a")
    assert server.asked == 1
