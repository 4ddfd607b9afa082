"""Sessions as rows read through the cache, where a copy is believed for a minute.

Django would believe it for two weeks. When a session ends while Redis cannot be told, and the
process that should tell it later is gone by then, it would live on in every other process.
"""

from typing import Any

from django.conf import settings
from django.contrib.sessions.backends import cached_db
from django.core.cache import caches

# Seconds. A session in use costs one query a minute for it.
BELIEVED = 60


class BriefCache:
    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def set(self, key: str, value: Any, timeout: float | None = None) -> None:
        self._cache.set(key, value, BELIEVED if timeout is None else min(timeout, BELIEVED))

    def __contains__(self, key: str) -> bool:
        return key in self._cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)


class SessionStore(cached_db.SessionStore):
    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._cache = BriefCache(caches[settings.SESSION_CACHE_ALIAS])
