"""This installation as a whole: can it read what it stores, and do its parts answer."""

from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import default_storage
from django.db import Error, connection

from generations.services import queue, secret


def require_readable_secrets() -> None:
    """Raises ImproperlyConfigured when something that is stored encrypted cannot be decrypted.

    Called before anything is changed: the way back is to start with the right keys.
    """
    if secret.has_unreadable():
        raise ImproperlyConfigured(
            "What is stored encrypted here cannot be read with these VENICEWEB_ENCRYPTION_KEYS. "
            "Start with the keys that this data was made with. Nothing was changed."
        )


def require_readable_secrets_at_start() -> None:
    """The same for a process that was not started by `up`. Ends it with the sentence."""
    try:
        require_readable_secrets()
    except ImproperlyConfigured as problem:
        raise SystemExit(f"Error: {problem}") from None
    except Error:
        # A database that is away says nothing of keys; whoever asks it next is told.
        return
    finally:
        connection.close()


def parts() -> dict[str, bool]:
    """Which parts answer: database, broker, a live worker, storage."""
    is_there = has_database()
    return {
        "database": is_there,
        "broker": has_broker(),
        "worker": is_there and queue.has_worker(),
        "storage": _storage(),
    }


def has_database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Error:
        return False


def has_broker() -> bool:
    try:
        with current_app.connection(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except Exception:
        # Each transport has errors of its own, and all of them mean the same here.
        return False
    return True


def _storage() -> bool:
    try:
        if check := getattr(default_storage, "check", None):
            check()
        else:
            default_storage.exists("readyz")
    except OSError:
        return False
    return True
