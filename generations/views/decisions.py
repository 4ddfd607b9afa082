"""Looking back: what was decided, how long it took, and why images were held."""

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from generations import queries
from generations.models import Decision, User
from generations.models.review import Reason
from generations.services import review as services
from generations.views import desk, words
from generations.views.access import Request, reviewer

PAGE = 50
SPAN = timedelta(days=30)


@require_safe
@reviewer
def decided(request: Request) -> HttpResponse:
    """The newest decisions, with what can still be undone."""
    kind, who = request.GET.get("decision", ""), request.GET.get("by", "")
    if kind == "locked":
        return _locked(request)
    rows = queries.decided(kind, who if len(who) < 10 else "")
    start = _number(request.GET.get("page"))
    found = list(rows[start * PAGE : (start + 1) * PAGE + 1])
    given = {"decision": kind, "by": who}
    context = {
        "rows": [_row(request.user, made) for made in found[:PAGE]],
        "tabs": _tabs(kind),
        "people": [
            (str(person.pk), person.display_name, str(person.pk) == who)
            for person in queries.reviewers()
        ],
        "kind": kind,
        "next_url": _address(**given, page=str(start + 1)) if len(found) > PAGE else "",
        "section": "decided",
    }
    return render(request, "review/decided.html", context)


def _locked(request: Request) -> HttpResponse:
    rows = [
        {
            "url": desk.address(case),
            "when": words.when(case.opened_at),
            "what": words.clip(case.prompt, 80) or case.model_name,
            "maker": case.user.display_name,
            "decision": "Locked away",
            "why": "Contains a minor",
            "reviewer": "nobody",
            "undo_url": "",
        }
        for case in queries.locked_cases()[:PAGE]
    ]
    context = {"rows": rows, "tabs": _tabs("locked"), "kind": "locked", "section": "decided"}
    return render(request, "review/decided.html", context)


def _number(text: str | None) -> int:
    return min(int(text), 1000) if text and text.isdecimal() and len(text) < 5 else 0


def _address(**given: str) -> str:
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{reverse('review-decided')}{'?' if query else ''}{query}"


def _tabs(kind: str) -> list[dict[str, Any]]:
    choices = [("", "All"), *Decision.Kind.choices, ("locked", "Locked away")]
    return [
        {"url": _address(decision=value), "label": label, "is_current": value == kind}
        for value, label in choices
    ]


def _row(user: User, made: Decision) -> dict[str, str]:
    is_undone = made.undone_at is not None
    can_undo = services.may_undo(user, made)
    return {
        "url": desk.address(made.case),
        "when": words.when(made.decided_at),
        "what": words.clip(made.case.prompt, 80) or made.case.model_name,
        "maker": made.case.user.display_name,
        "decision": "Undone" if is_undone else made.get_kind_display(),
        "why": ": ".join(part for part in (made.get_code_display(), made.note) if part),
        "reviewer": made.reviewer.display_name,
        "undo_url": reverse("review-undo", args=[made.pk]) if can_undo else "",
    }


# --- statistics -------------------------------------------------------------------------------


@require_safe
@reviewer
def statistics(request: Request) -> HttpResponse:
    figures = queries.figures_waiting(request.user)
    rows = queries.decisions_since(timezone.now() - SPAN)
    waits = [row["decided_at"] - row["case__opened_at"] for row in rows]
    context = {
        "count": f"{figures['count']:,}",
        "oldest": desk.since(figures["oldest"]) if figures["oldest"] else "–",
        "median": _took(desk.median(waits)),
        "decided": f"{len(rows):,}",
        "reasons": _by(rows, _reason),
        "reviewers": _by(rows, _reviewer),
        "section": "statistics",
    }
    return render(request, "review/statistics.html", context)


def _took(length: timedelta | None) -> str:
    return words.duration(length.total_seconds()) if length is not None else "–"


def _reason(row: dict[str, Any]) -> str:
    first = (row["case__reasons"] or [""])[0]
    return Reason(first).label if first in Reason.values else "Other"


def _reviewer(row: dict[str, Any]) -> str:
    return str(row["reviewer__name"] or row["reviewer__email"].partition("@")[0])


def _by(rows: list[dict[str, Any]], name_of: Any) -> list[dict[str, Any]]:
    """One line for each name, the most decided first."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    waits: dict[str, list[timedelta]] = defaultdict(list)
    for row in rows:
        name = name_of(row)
        kinds[name][row["kind"]] += 1
        waits[name].append(row["decided_at"] - row["case__opened_at"])
    most = max((counts.total() for counts in kinds.values()), default=1)
    return [
        {
            "name": name,
            "approved": counts[Decision.Kind.APPROVE],
            "rejected": counts[Decision.Kind.REJECT],
            "median": _took(desk.median(waits[name])),
            "share": round(counts.total() / most * 100),
        }
        for name, counts in sorted(kinds.items(), key=lambda pair: -pair[1].total())
    ]
