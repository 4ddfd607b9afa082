"""What every page has: the bar, the theme, demo mode."""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from generations import queries
from generations.services import policy, signup

THEMES = ("auto", "light", "dark")
# Label, name of the page, and whether a phone has it in the menu instead of the bar.
_NAV = (
    ("Studio", "studio", False),
    ("Gallery", "gallery", False),
    ("Collections", "collections", True),
    ("History", "generations", False),
    ("Recipes", "recipes", True),
    ("Shared", "shares", True),
)


def studio(request: HttpRequest) -> dict[str, Any]:
    return {
        "site_name": settings.SITE_NAME,
        "is_demo": settings.IS_DEMO,
        "has_email": settings.HAS_EMAIL,
        "oidc_name": settings.OIDC_NAME,
        "theme": theme_of(request),
        "nav": _nav(request),
        # Called by the template that asks: one query, and on that page alone.
        "is_signup_open": signup.is_open,
        "may_share": _may_share(request),
    }


def theme_of(request: HttpRequest) -> str:
    chosen = request.COOKIES.get("theme", "")
    return chosen if chosen in THEMES else "auto"


def _may_share(request: HttpRequest) -> Callable[[], bool]:
    """Called by the template that has something to share: one query, however many tiles ask."""

    @cache
    def may_share() -> bool:
        user = request.user
        return user.is_authenticated and policy.for_user(user).may_share

    return may_share


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
            # A phone has room for three: a reviewer's third one is the review desk.
            "is_minor": is_minor or (user.is_reviewer and name == "generations"),
            "badge": None,
        }
        for label, name, is_minor in _NAV
    ]
    if user.is_reviewer:
        items.insert(2, _review(here))
    return [*items, _team(here)] if user.is_admin else items


def _review(here: str | None) -> dict[str, Any]:
    @cache
    def badge() -> str:
        """Called by the bar alone, so that fragments do not count."""
        count = queries.count_waiting()
        return f"{queries.MOST_WAITING}+" if count > queries.MOST_WAITING else f"{count or ''}"

    return {
        "label": "Review",
        "url": reverse("review"),
        "is_current": (here or "").startswith("review"),
        "is_minor": False,
        "badge": badge,
    }


def _team(here: str | None) -> dict[str, Any]:
    return {
        "label": "Team",
        "url": reverse("team-members"),
        "is_current": (here or "").startswith("team-"),
        "is_minor": True,
        "badge": None,
    }
