"""The server, for admins: what doctor finds, who works, the queue, the accounts' lines."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from generations import queries
from generations.models import Account, Worker
from generations.services import doctor, queue, watching
from generations.services.doctor import Finding, Level
from generations.services.watching import AccountLine, Figures, Standing
from generations.views import words
from generations.views.access import Request, admin

# Class and icon of what is not well, the worst first.
LOOKS = {Level.BAD: ("is-error", "warning"), Level.WARN: ("is-warning", "eye")}
MOST_WORKERS = 50
LANES = {"interactive": "People who wait", "background": "Background"}
GB = 1_000_000_000


@require_safe
@admin
def server(request: Request) -> HttpResponse:
    found, figures = doctor.lately(), watching.figures()
    bad, warn, well = ([one for one in found if one.level is level] for level in (*LOOKS, Level.OK))
    context = {
        "section": "server",
        "verdict": _verdict(len(bad), len(warn)),
        "findings": [_finding(one) for one in (*bad, *warn)],
        "well": [(one.about, one.what) for one in well],
        "totals": _totals(figures),
        "lanes": _lanes(figures.standing),
        "accounts": [_account(one) for one in figures.standing.accounts],
        "workers": [_worker(row) for row in queries.seen_workers()[:MOST_WORKERS]],
    }
    return render(request, "team/server.html", context)


def _verdict(bad: int, warn: int) -> str:
    if not bad and not warn:
        return "All is well."
    parts = [f"{bad} bad"] if bad else []
    return " and ".join([*parts, *([f"{warn} to look at"] if warn else [])]) + "."


def _finding(one: Finding) -> dict[str, str]:
    tone, icon = LOOKS[one.level]
    told = {"about": one.about, "what": one.what, "remedy": one.remedy}
    return {**told, "tone": tone, "icon": icon}


def _totals(figures: Figures) -> list[tuple[str, str]]:
    now = figures.standing
    waiting = sum(count for (state, _), count in now.jobs.items() if state == "queued")
    running = sum(count for (state, _), count in now.jobs.items() if state == "calling")
    return [
        ("Waiting", f"{waiting:,}"),
        ("Running", f"{running:,} of {now.places:,}"),
        ("Held for review", f"{now.held:,}"),
        ("Images kept", f"{figures.images:,}"),
        ("Their originals", _size(figures.image_bytes)),
    ]


def _size(count: int) -> str:
    return f"{count / GB:,.1f} GB" if count >= GB else f"{count / 1_000_000:,.0f} MB"


def _lanes(now: Standing) -> list[dict[str, str]]:
    return [
        {
            "name": LANES[lane],
            "waiting": f"{now.jobs.get(('queued', lane), 0):,}",
            "running": f"{now.jobs.get(('calling', lane), 0):,}",
            "oldest": words.duration(now.oldest[lane]) if lane in now.oldest else "",
        }
        for lane in watching.LANES.values()
    ]


def _account(one: AccountLine) -> dict[str, str]:
    return {
        "name": "A member’s own key" if one.key == "own" else f"The team’s, …{one.key}",
        "mark": one.name,
        "used": f"{one.used:,} of {one.limit:,}",
        "busy": f"{one.busy:,}",
        "state": _standing_of(one),
        "tone": "is-error" if one.problem else "is-warning" if one.closed_for else "",
    }


def _standing_of(one: AccountLine) -> str:
    if one.problem:
        return f"Stopped: {Account.Problem(one.problem).label}"
    if one.closed_for:
        reason = Account.Closed(one.closed_for).label
        return f"{reason}: {words.duration(one.closed_seconds)}"
    return "Open"


def _worker(row: Any) -> dict[str, str]:
    silence = max((row.now - row.seen_at).total_seconds(), 0)
    return {
        # Without the mark of its run.
        "name": row.holder.rpartition(":")[0],
        "seen": f"{words.duration(silence)} ago",
        "places": f"{row.places:,}",
        "answers": _answers(row),
        "tone": "" if silence < queue.SILENCE.total_seconds() else "is-warning",
    }


def _answers(row: Worker) -> str:
    parts = [f"{row.unsettled:,} wait"] if row.unsettled else []
    return ", ".join([*parts, *([f"{row.stuck:,} stuck"] if row.stuck else [])])
