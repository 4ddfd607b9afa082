# mypy: disable-error-code="override"
"""Redis as a cache that may be away: what is asked of it meanwhile, the process's memory answers.

Sessions are read through the cache, so a Redis that restarts must not take the pages with it.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# While it is away it is asked once in so many seconds: a host that does not answer takes one
# each time.
ASK_AGAIN = 2.0
# Memory is each process's own: what is written in one is not known in the others for so long.
REMEMBER = 30


class PatientClient(RedisCacheClient):
    def __init__(self, servers: Any, **options: Any) -> None:
        super().__init__(servers, **options)
        self._memory = LocMemCache(f"beside {servers}", {})
        self._away_until = 0.0
        # What changed while Redis could not be told. It must not answer with what was before:
        # a session that ended would live again.
        self._stale: set[str] = set()
        self._lock = threading.Lock()

    def _ask(self, name: str, *args: Any, writes: Iterable[str] = ()) -> Any:
        if time.monotonic() >= self._away_until:
            try:
                self._forget_stale()
                return getattr(RedisCacheClient, name)(self, *args)
            except RedisError as error:
                self._away_until = time.monotonic() + ASK_AGAIN
                logger.warning("Redis is away, memory serves: %s", type(error).__name__)
        with self._lock:
            self._stale.update(writes)
        return getattr(self._memory, name)(*args)

    def _forget_stale(self) -> None:
        if not self._stale:
            return
        with self._lock:
            RedisCacheClient.delete_many(self, list(self._stale))
            self._stale.clear()
        self._memory.clear()

    def get(self, key: str, default: Any) -> Any:
        return self._ask("get", key, default)

    def has_key(self, key: str) -> Any:
        return self._ask("has_key", key)

    def get_many(self, keys: Iterable[str]) -> Any:
        return self._ask("get_many", list(keys))

    def add(self, key: str, value: Any, timeout: int | None) -> Any:
        return self._ask("add", key, value, self._brief(timeout), writes=[key])

    def set(self, key: str, value: Any, timeout: int | None) -> None:
        self._ask("set", key, value, self._brief(timeout), writes=[key])

    def touch(self, key: str, timeout: int | None) -> Any:
        return self._ask("touch", key, self._brief(timeout), writes=[key])

    def incr(self, key: str, delta: int) -> Any:
        return self._ask("incr", key, delta, writes=[key])

    def set_many(self, data: Mapping[str, Any], timeout: int | None) -> None:
        self._ask("set_many", data, self._brief(timeout), writes=data)

    def delete(self, key: str) -> Any:
        return self._ask("delete", key, writes=[key])

    def delete_many(self, keys: Iterable[str]) -> None:
        found = list(keys)
        self._ask("delete_many", found, writes=found)

    def _brief(self, timeout: int | None) -> int | None:
        if time.monotonic() >= self._away_until:
            return timeout
        return REMEMBER if timeout is None else min(timeout, REMEMBER)


class PatientRedisCache(RedisCache):
    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = PatientClient
