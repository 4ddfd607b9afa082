"""System checks: a wrong setting stops the start with a sentence."""

import os
from pathlib import Path
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


@register()
def backups(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    folder: Path | None = settings.BACKUPS
    if folder is None:
        return []
    media = Path(settings.MEDIA_ROOT).resolve()
    if folder == media or media in folder.parents:
        return [Error("VENICEWEB_BACKUPS lies among the images.", id="veniceweb.E020")]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_usable = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        is_usable = False
    sentence = f"The folder {folder} of VENICEWEB_BACKUPS cannot be written."
    return [] if is_usable else [Error(sentence, id="veniceweb.E021")]
