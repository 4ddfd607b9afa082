"""This installation as a whole: can it read what it stores."""

from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from generations import crypto
from generations.models import VeniceKey


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
