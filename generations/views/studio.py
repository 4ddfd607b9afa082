"""The studio: composer and the latest jobs, live."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from generations import queries
from generations.models import User
from generations.models.generation import ACTIVE
from generations.services import image as images
from generations.services.key import Choice, choose
from generations.views import cards, composer, held, polling, words
from generations.views.access import Request, member

LATEST = 24


@require_GET
@member
def studio(request: Request) -> HttpResponse:
    try:
        form = composer.empty(request.user, request.GET)
        problem = None
    except composer.NothingOffered as nothing:
        form, problem = None, nothing
    context = {"form": form, **page(request)}
    if form is None:
        context["catalogue_error"] = queries.catalogue_error()
        context["is_nothing_allowed"] = isinstance(problem, composer.NothingAllowed)
    return render(request, "studio/studio.html", context)


def page(request: Request) -> dict[str, Any]:
    """All of the studio but its form."""
    show = request.GET.get("show", "")
    rows = list(queries.with_cards(_shown(request.user, show))[: LATEST + 1])
    counts = queries.studio_counts(request.user, _midnight())
    kept = cards.held_pictures(rows[:LATEST])
    news = held.news(request.user, kept) if kept or counts["has_news"] else None
    return {
        "cards": cards.cards(rows[:LATEST], known=news.cases if news else None),
        "poll": polling.poll(rows[:LATEST]),
        "has_more_url": reverse("generations") if len(rows) > LATEST else "",
        **_told(counts, show),
        "news": news,
        "first_run": _steps(request.user) if not rows and not show else None,
    }


def is_live(request: Request) -> bool:
    """Whether the page that asks is the studio with all of my jobs: there a new one is put in."""
    return request.htmx.current_url_abs_path == reverse("studio")


def summary_for_fragment(request: Request) -> dict[str, Any]:
    """The summary, when the page that asked for a fragment is the studio."""
    here = urlsplit(request.htmx.current_url_abs_path or "")
    if here.path != reverse("studio"):
        return {}
    return summary(request.user, QueryDict(here.query).get("show", ""))


def summary(user: User, show: str) -> dict[str, Any]:
    """The line above the cards: today's jobs and spending, and what works or needs a person."""
    return _told(queries.studio_counts(user, _midnight()), show)


def _told(counts: dict[str, Any], show: str) -> dict[str, Any]:
    return {
        "tabs": _tabs(show, counts),
        "day": {"label": "Today", "summary": _summary(counts)},
    }


def _shown(user: User, show: str) -> Any:
    rows = queries.own_generations(user).filter(is_dismissed=False)
    if show == "working":
        return rows.filter(state__in=ACTIVE)
    return rows.filter(state__in=queries.NEEDS_ME) if show == "needs" else rows


def _tabs(show: str, counts: dict[str, Any]) -> list[dict[str, Any]]:
    choices = (
        ("", "Mine", None),
        ("working", "Working", "working"),
        ("needs", "Needs you", "needs"),
    )
    return [
        {
            "label": label,
            "url": f"{reverse('studio')}?show={value}" if value else reverse("studio"),
            "is_current": show == value,
            "count": counts[name] if name else None,
        }
        for value, label, name in choices
    ]


def _summary(counts: dict[str, Any]) -> str:
    if not counts["jobs"]:
        return ""
    jobs = "1 job" if counts["jobs"] == 1 else f"{counts['jobs']:,} jobs"
    return f"{jobs} · {words.money(counts['spent'] or Decimal(0))}"


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _steps(user: User) -> list[dict[str, str]]:
    return [*_first_run(user), *([_invite_step()] if user.is_admin else [])]


def _invite_step() -> dict[str, str]:
    return {
        "title": "Invite the others",
        "text": "Under Team, Invites: a link is all that somebody needs to join.",
        "state": "done" if User.objects.all()[1:].exists() else "later",
        "action_label": "",
        "action_url": "",
    }


def _first_run(user: User) -> list[dict[str, str]]:
    """Steps to the first image: add a key, test it, make something."""
    if settings.IS_DEMO:
        return _DEMO_STEPS
    choice = choose(user)
    key = choice.key
    has_key, is_tested = key is not None, bool(key and key.account.tested_at)
    return [
        {
            "title": "Venice key added" if key else "Add a Venice key",
            "text": _key_text(choice),
            "state": "done" if has_key else "now",
            "action_label": "" if key else "Add the key",
            "action_url": reverse("settings"),
        },
        {
            "title": "Key tested" if is_tested else "Test the key",
            "text": "Asks Venice for your limits and balance. Costs nothing.",
            "state": "done" if is_tested else "now" if has_key else "later",
            "action_label": "Test the key" if has_key and not is_tested else "",
            "action_url": reverse("settings"),
        },
        {
            "title": "Make the first image",
            "text": "Write what it should show; the price is on the button.",
            "state": "now" if is_tested else "later",
            "action_label": "",
            "action_url": "",
        },
    ]


_DEMO_STEPS = [
    {
        "title": "Demo mode is on",
        "text": "There is no Venice key yet, so pictures are painted on this machine.",
        "state": "done",
        "action_label": "",
        "action_url": "",
    },
    {
        "title": "Make the first image",
        "text": "Write what it should show; the price on the button is only played.",
        "state": "now",
        "action_label": "",
        "action_url": "",
    },
    {
        "title": "Use Venice itself",
        "text": "Stop the studio, set VENICE_API_KEY, start it again. All you made stays.",
        "state": "later",
        "action_label": "",
        "action_url": "",
    },
]


def _key_text(choice: Choice) -> str:
    key = choice.key
    if choice.is_withheld:
        return "One of your own: the team’s key is for others. It stays on this server."
    if key is None:
        return "Yours, or one for the whole team. It stays on this server."
    return "The team’s." if key.is_team else f"Ends in …{key.last_four}, yours."


@require_GET
@member
def parameters(request: Request) -> HttpResponse:
    """The part of the composer that depends on the model, after the model was changed."""
    try:
        form = composer.switched(request.user, request.GET)
    except composer.NothingOffered:
        return HttpResponse(status=204)
    return render(request, "studio/_parameters.html", {"form": form})


@require_POST
@member
def from_file(request: Request) -> HttpResponse:
    """The settings of a picture: one of ours is known by its bytes, others may say them."""
    file = request.FILES.get("file")
    found = images.settings_of(request.user, file.read()) if file else {}
    if "image" in found:
        return redirect(f"{reverse('studio')}?image={found['image']}&use=all")
    if not found:
        messages.info(request, "There are no settings in this file. Nothing was kept of it.")
        return redirect("studio")
    try:
        form = composer.from_settings(request.user, found)
    except composer.NothingOffered:
        return redirect("studio")
    return render(request, "studio/studio.html", {"form": form, **page(request)})


@require_GET
@member
def price(request: Request) -> HttpResponse:
    """The button with the exact price of the form as it stands."""
    try:
        form = composer.bound(request.user, request.GET)
    except composer.NothingOffered:
        return HttpResponse(status=204)
    return render(request, "studio/_pay.html", {"form": form})
