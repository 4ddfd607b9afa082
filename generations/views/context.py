"""What every page has: the bar, the theme, demo mode."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

THEMES = ("auto", "light", "dark")
_NAV = (("Studio", "studio"), ("Gallery", "gallery"), ("History", "generations"))


def studio(request: HttpRequest) -> dict[str, Any]:
    return {
        "site_name": settings.SITE_NAME,
        "is_demo": settings.IS_DEMO,
        "has_email": settings.HAS_EMAIL,
        "theme": theme_of(request),
        "nav": _nav(request),
    }


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else "auto"


def _nav(request: HttpRequest) -> list[dict[str, Any]]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    here = request.resolver_match.url_name if request.resolver_match else ""
    return [
        {"label": label, "url": reverse(name), "is_current": here == name, "badge": None}
        for label, name in _NAV
    ]
