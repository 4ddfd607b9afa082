"""History: every job, filtered by what stands in the address, and acting on all that it shows."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from generations import queries
from generations.forms import HistoryFilter
from generations.models import Generation, User, VeniceModel
from generations.models.generation import State
from generations.services import generation as services
from generations.views import cards, polling, words
from generations.views.access import Request, member

PAGE = 40


def history(request: Request) -> HttpResponse:
    """The page; views.generations.collection has checked who asks."""
    given = read(request)
    rows = filtered(request.user, given)
    is_mine = given.get("person") is None
    page = queries.after(rows, request.GET.get("after", ""))
    page = queries.with_cards(page, viewer=None if is_mine else request.user)
    found = list(page[: PAGE + 1])
    context = {
        "rows": _cards(found[:PAGE], is_mine=is_mine),
        "filter": given,
        "q": given.get("q", ""),
        "state_choices": _state_choices(given),
        "model_choices": _model_choices(given),
        "person_choices": _person_choices(request.user, given),
        "chips": _chips(given),
        "next_url": _next_url(given, found),
        "poll": polling.poll(found[:PAGE]) if is_mine else None,
        "is_filtered": bool(given),
        "bulk": _bulk(rows, given) if is_mine else None,
    }
    return render(request, "generations/list.html", context)


def read(request: Request) -> dict[str, Any]:
    """The filters in the address that mean something; a member's `person` does not."""
    form = HistoryFilter(request.GET)
    form.is_valid()
    given = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
    if not request.user.is_admin:
        given.pop("person", None)
    return given


def filtered(user: User, given: dict[str, Any]) -> QuerySet[Generation]:
    person = given.get("person")
    rows = queries.own_generations(user) if person is None else queries.generations_of(person)
    return queries.filter_generations(rows, given)


def _cards(found: list[Generation], *, is_mine: bool) -> list[cards.Card]:
    made = cards.cards(found)
    if not is_mine:
        for card in made:
            card.actions, card.can_cancel = [], False
    return made


# --- addresses --------------------------------------------------------------------------------


def address(given: dict[str, Any], **changes: Any) -> str:
    """The history with these filters; None takes one away."""
    wanted = {**given, **changes}
    query = urlencode({k: str(v) for k, v in wanted.items() if v not in (None, "")})
    return f"{reverse('generations')}{'?' if query else ''}{query}"


def _next_url(given: dict[str, Any], found: list[Generation]) -> str:
    if len(found) <= PAGE:
        return ""
    return address(given, after=queries.cursor_of(found[PAGE - 1]))


def _state_choices(given: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "value": value,
            "label": label,
            "is_chosen": value == given.get("state", ""),
            "url": address(given, state=value),
        }
        for value, label in [("", "All"), *State.choices]
    ]


def _model_choices(given: dict[str, Any]) -> list[tuple[str, str, bool]]:
    rows = VeniceModel.objects.values_list("id", "name")
    return [(pk, name, pk == given.get("model")) for pk, name in rows]


def _person_choices(user: User, given: dict[str, Any]) -> list[tuple[str, str, bool]]:
    if not user.is_admin:
        return []
    chosen = str(given.get("person", ""))
    people = [(str(person.pk), person.display_name) for person in User.objects.order_by("email")]
    return [(pk, name, pk == chosen) for pk, name in [("all", "Everybody"), *people]]


_CHIPS = {
    "model": "Model",
    "person": "Person",
    "since": "Since",
    "until": "Until",
    "price": "From",
}


def _chips(given: dict[str, Any]) -> list[dict[str, str]]:
    """The filters that are set, each with the address without it."""
    return [
        {"key": label, "value": _chip(name, given[name]), "url": address(given, **{name: None})}
        for name, label in _CHIPS.items()
        if name in given
    ]


def _chip(name: str, value: Any) -> str:
    if name == "price":
        return words.money(value)
    if name in ("since", "until"):
        return f"{value.day} {value:%B %Y}"
    if name == "person":
        person = User.objects.filter(pk=value).first() if value != "all" else None
        return person.display_name if person else "everybody"
    return str(value)


# --- all at once ------------------------------------------------------------------------------


def _bulk(rows: QuerySet[Generation], given: dict[str, Any]) -> dict[str, Any] | None:
    """What can be done to all jobs shown: cancel what waits, run again what failed."""
    queued, failed = services.bulk_counts(rows)
    if queued < 2 and failed.count < 2:
        return None
    return {
        "url": f"{reverse('generation-bulk')}?{address(given).partition('?')[2]}",
        "queued": queued,
        "failed": failed.count,
        "price_label": words.money(failed.price),
        "token": services.new_token(),
    }


@require_POST
@member
def bulk(request: Request) -> HttpResponse:
    given = read(request)
    given.pop("person", None)
    rows = filtered(request.user, given)
    if request.POST.get("action") == "cancel":
        count = services.cancel_all(rows, by=request.user)
        messages.success(request, f"{count} jobs cancelled. Nothing was charged.")
    elif request.POST.get("action") == "retry":
        token = request.POST.get("form_token", "")[:40] or services.new_token()
        done = services.retry_all(rows, by=request.user, form_token=token)
        messages.success(request, f"{done.count} jobs run again.")
        if done.problem:
            messages.error(request, done.problem)
    return redirect(address(given))
