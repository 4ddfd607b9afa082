"""System checks: a wrong setting stops the start with a sentence."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def proxies(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.PUBLIC_URL.startswith("https://") and not settings.PROXIES:
        return [
            Error(
                "VENICEWEB_URL is https, but VENICEWEB_PROXIES is 0: something in front ends TLS.",
                hint="Set VENICEWEB_PROXIES to the number of proxies in front, usually 1.",
                id="veniceweb.E001",
            )
        ]
    return []


@register()
def venice_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    key = settings.VENICE_API_KEY
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        return [
            Error("VENICE_API_KEY is no Venice key: it has spaces or signs.", id="veniceweb.E002")
        ]
    return []
