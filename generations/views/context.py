"""What every page has: the bar, the theme, demo mode."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

THEMES = ("auto", "light", "dark")
# Label, name of the page, and whether a phone has it in the menu instead of the bar.
_NAV = (
    ("Studio", "studio", False),
    ("Gallery", "gallery", False),
    ("History", "generations", False),
    ("Recipes", "recipes", True),
)


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
    items = [
        {
            "label": label,
            "url": reverse(name),
            "is_current": here == name,
            "is_minor": is_minor,
            "badge": None,
        }
        for label, name, is_minor in _NAV
    ]
    return [*items, _team(here)] if user.is_admin else items


def _team(here: str | None) -> dict[str, Any]:
    return {
        "label": "Team",
        "url": reverse("team-usage"),
        "is_current": (here or "").startswith("team-"),
        "is_minor": True,
        "badge": None,
    }
