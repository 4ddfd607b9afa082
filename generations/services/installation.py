"""This installation as a whole: can it read what it stores, and do its parts answer."""

from celery import current_app
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import default_storage
from django.db import Error, connection

from generations import crypto
from generations.models import VeniceKey
from generations.services import queue


def require_readable_secrets() -> None:
    """Raises ImproperlyConfigured when a stored Venice key cannot be decrypted.

    Called before anything is changed: the way back is to start with the right keys.
    """
    if VeniceKey._meta.db_table not in connection.introspection.table_names():
        return
    for secret in VeniceKey.objects.values_list("secret", flat=True):
        try:
            crypto.decrypt(secret)
        except crypto.CannotDecrypt:
            raise ImproperlyConfigured(
                "The stored Venice keys cannot be read with these VENICEWEB_ENCRYPTION_KEYS. "
                "Start with the keys that this data was made with. Nothing was changed."
            ) from None


def parts() -> dict[str, bool]:
    """Which parts answer: database, broker, a live worker, storage."""
    has_database = _database()
    return {
        "database": has_database,
        "broker": _broker(),
        "worker": has_database and queue.has_worker(),
        "storage": _storage(),
    }


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return bool(cursor.fetchone() == (1,))
    except Error:
        return False


def _broker() -> bool:
    try:
        with current_app.connection(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
    except Exception:
        # Each transport has errors of its own, and all of them mean the same here.
        return False
    return True


def _storage() -> bool:
    try:
        default_storage.exists("readyz")
    except OSError:
        return False
    return True
