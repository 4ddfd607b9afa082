"""Money: what was spent, the monthly limits, and jobs that may have been charged."""

import csv
import io
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from generations import queries
from generations.forms import BudgetsForm, mark_errors
from generations.models import Account, Generation, User, VeniceKey
from generations.models.generation import State
from generations.models.spend import Month
from generations.services import audit, catalogue, spend
from generations.services import key as keys
from generations.services.errors import NotPossible
from generations.views import words
from generations.views.access import Request, admin, back_to, member, openable_generation
from generations.views.chart import chart
from generations.views.downloads import harmless

Images = list[tuple[int, str, int, int]]  # as queries.image_counts has them

NOTHING = Decimal(0)
# Jobs that are listed for somebody to say what they cost.
MOST_MAYBE = 20
# Lines of a CSV file; it is built in memory, some 150 bytes a line.
MOST_LINES = 100_000


class SeeOther(HttpResponseRedirect):
    status_code = 303


# --- usage ------------------------------------------------------------------------------------


@require_GET
@admin
def team_usage(request: Request) -> HttpResponse:
    month = _month(request)
    team_key, stopped = keys.watched_keys()
    context = {
        "section": "usage",
        "stopped": [_stopped(key) for key in stopped],
        "ending": [_ending(model) for model in catalogue.ending()],
        "balance_label": _balance(team_key),
        **_usage(month, None, "team-usage"),
    }
    return render(request, "team/usage.html", context)


@require_GET
@member
def own_usage(request: Request) -> HttpResponse:
    month = _month(request)
    context = {
        "section": "usage",
        "balance_label": _balance(keys.own_key(request.user)),
        **_usage(month, request.user, "settings-usage"),
    }
    return render(request, "settings/usage.html", context)


def _month(request: Request) -> Month:
    text = request.GET.get("month") or str(Month.current())
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text, re.ASCII):
        raise Http404
    return Month(int(text[:4]), int(text[5:]))


def _usage(month: Month, whose: User | None, name: str) -> dict[str, Any]:
    """A month of one person's, or with None of everybody's, as both pages show it."""
    jobs = queries.month_of(month, whose)
    people, images = list(queries.spent_by_person(jobs)), queries.image_counts(jobs)
    limits = queries.limits() if month == Month.current() else None
    limit = (limits.of(whose.pk) if whose else limits.team) if limits else None
    has_unknown = any(person["maybe_jobs"] for person in people)
    unknown = list(queries.maybe_charged(jobs)[: MOST_MAYBE + 1]) if has_unknown else []
    return {
        "month_label": words.month(month),
        "months": _months(month, name),
        "csv_url": _address(f"{name}-csv", month),
        "totals": _totals(month, people, images, limit),
        "maybe_url": _history(month, whose, state=State.UNKNOWN),
        "chart": chart(month, list(queries.spent_by_day(jobs)), limit),
        "people": _people(month, people, images, limits),
        "models": _models(jobs, images),
        "unknown": [_unknown(job) for job in unknown[:MOST_MAYBE]],
        "has_more_unknown": len(unknown) > MOST_MAYBE,
    }


def _months(month: Month, name: str) -> dict[str, str]:
    return {
        "previous_url": _address(name, month.previous),
        "previous_label": words.month(month.previous),
        "next_url": _address(name, month.next) if month < Month.current() else "",
        "next_label": words.month(month.next),
    }


def _address(name: str, month: Month) -> str:
    return f"{reverse(name)}?{urlencode({'month': month})}"


def _history(month: Month, person: User | int | None, **more: str) -> str:
    """The jobs behind a figure; `person` None: everybody's."""
    last = month.start.replace(day=month.days)
    days = {"since": f"{month.start:%Y-%m-%d}", "until": f"{last:%Y-%m-%d}"}
    whose = {} if isinstance(person, User) else {"person": str(person or "all")}
    return f"{reverse('generations')}?{urlencode({**whose, **days, **more})}"


def _totals(
    month: Month, people: list[dict[str, Any]], images: Images, limit: Decimal | None
) -> dict[str, Any]:
    spent, reserved, maybe = (_sum(people, name) for name in ("spent", "reserved", "maybe"))
    came, jobs = sum(came for *_, came, _ in images), sum(p["maybe_jobs"] for p in people)
    return {
        "spent_label": words.money(spent),
        "limit_label": f"of {words.limit(limit)}" if limit is not None else "",
        "limit_ratio": _ratio(spent, limit) if limit is not None else None,
        "reserved_label": f"{words.money(reserved)} of it reserved" if reserved else "",
        **_pace(month, spent),
        "images_label": f"{came:,}",
        "each_label": words.each((spent - maybe - reserved) / came) if came else "",
        "maybe_label": words.money(maybe),
        "maybe_jobs_label": words.jobs(jobs) if jobs else "",
    }


def _sum(rows: Iterable[dict[str, Any]], name: str) -> Decimal:
    return sum((row[name] for row in rows), NOTHING)


def _ratio(part: Decimal, whole: Decimal) -> int:
    """Per cent, never beyond 100; the whole of nothing is used up."""
    return min(100, round(part / whole * 100)) if whole else 100


def _pace(month: Month, spent: Decimal) -> dict[str, str]:
    """Where this month ends if it goes on like this; of a month that is over, a day's average."""
    if month != Month.current():
        return {"pace_title": "A day, on average", "pace_label": words.rounded(spent / month.days)}
    passed = Decimal((timezone.now() - month.start).total_seconds()) / 86_400
    pace = spent / max(passed, Decimal(1)) * month.days
    title = f"At this pace, by the {words.ordinal(month.days)}"
    return {"pace_title": title, "pace_label": words.rounded(pace)}


def _people(
    month: Month, rows: list[dict[str, Any]], images: Images, limits: queries.Limits | None
) -> list[dict[str, Any]]:
    came, held = Counter[int](), Counter[int]()
    for person, _, some, some_held in images:
        came[person] += some
        held[person] += some_held
    most = max((row["spent"] for row in rows), default=NOTHING)
    return [
        {
            "name": row["name"] or row["email"].partition("@")[0],
            "url": _history(month, row["person"]),
            "initials": User(name=row["name"], email=row["email"]).initials,
            "images": f"{came[row['person']]:,}",
            "held": f"{held[row['person']]:,}",
            "free": f"{row['free']:,}",
            "spent_label": words.money(row["spent"]),
            "ratio": _ratio(row["spent"], most) if most else 0,
            "left_label": _left(limits.of(row["person"]), row["spent"]) if limits else "",
        }
        for row in rows
    ]


def _left(limit: Decimal | None, spent: Decimal) -> str:
    if limit is None:
        return "no limit"
    return f"{words.money(max(limit - spent, NOTHING))} of {words.limit(limit)}"


def _models(jobs: QuerySet[Generation], images: Images) -> list[dict[str, str]]:
    came, privacy = Counter[str](), queries.privacy()
    for _, model, some, _ in images:
        came[model] += some
    return [
        {
            "name": row["name"],
            "privacy": words.privacy(privacy.get(row["model"], "")),
            "images": f"{came[row['model']]:,}",
            "spent_label": words.money(row["spent"]),
        }
        for row in queries.spent_by_model(jobs)
    ]


def _unknown(job: Generation) -> dict[str, Any]:
    return {
        "url": reverse("generation-detail", args=[job.pk]),
        "resolve_url": reverse("generation-resolve", args=[job.pk]),
        "prompt": words.clip(job.prompt, 80),
        "model": job.model_name,
        "who": job.user.display_name,
        "when": words.when(job.created_at),
        "price_label": words.money(job.price),
        "has_price": job.price is not None,
    }


def _balance(key: VeniceKey | None) -> str:
    """What Venice's last answer said is left there, and when it said so."""
    if key is None or key.account.balance_at is None:
        return ""
    parts = words.balances(key.account.balance_usd, key.account.balance_diem)
    when = words.when(key.account.balance_at)
    return f"{parts} left at Venice, read {when[0].lower()}{when[1:]}" if parts else ""


def _stopped(key: VeniceKey) -> str:
    # Of a person's own key not even the last four are an admin's to see.
    whose = f"{key.user.display_name}’s key" if key.user else f"The team’s key …{key.last_four}"
    what = _STOPPED[Account.Problem(key.account.problem)]
    since = f" since {words.when(key.account.problem_at)}" if key.account.problem_at else ""
    return f"{whose} is stopped{since}: {what}"


_STOPPED = {
    Account.Problem.BAD_KEY: "Venice refused it. Nothing is sent until it is replaced or tested.",
    Account.Problem.NO_CREDIT: "no credit is left at Venice. Add some there, then test the key.",
}


def _ending(model: catalogue.Ending) -> str:
    advice = f"; Venice suggests {model.replacement} instead" if model.replacement else ""
    return f"{model.name} ends on {words.date(model.date)}{advice}."


# --- CSV --------------------------------------------------------------------------------------


@require_GET
@admin
def team_usage_csv(request: Request) -> HttpResponse:
    return _csv(request, _month(request), None)


@require_GET
@member
def own_usage_csv(request: Request) -> HttpResponse:
    return _csv(request, _month(request), request.user)


def _csv(request: Request, month: Month, whose: User | None) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("date", "person", "model", "state", "images", "price", "charged", "key"))
    writer.writerows(_lines(queries.ledger(queries.month_of(month, whose))))
    what = "own usage" if whose else "the team’s usage"
    audit.note(audit.Action.EXPORTED, by=request.user, what=what, month=str(month))
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    name = f"{'my-' if whose else ''}usage-{month}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(jobs: QuerySet[Generation]) -> Iterator[list[str]]:
    columns = "created_at", "user__email", "model", "state", "came", "price", "charged", "is_team"
    rows = jobs.values_list(*columns)[: MOST_LINES + 1].iterator(chunk_size=2000)
    for number, (created_at, *texts, came, price, charged, is_team) in enumerate(rows):
        if number == MOST_LINES:
            yield [f"Cut here: this month has more than {MOST_LINES:,} jobs."]
            return
        money = [_plain(price), _plain(charged)]
        line = [f"{created_at:%Y-%m-%d %H:%M:%S}", *texts, str(came), *money]
        yield [harmless(cell) for cell in [*line, "team" if is_team else "own"]]


def _plain(amount: Decimal | None) -> str:
    """As a spreadsheet reads it; empty where nobody knows."""
    return "" if amount is None else f"{amount:.6f}"


# --- may have been charged --------------------------------------------------------------------


@require_POST
@member
def resolve(request: Request, pk: uuid.UUID) -> HttpResponse:
    """What a job of unknown outcome cost, said by its owner or an admin."""
    job = openable_generation(request.user, pk)
    charged = request.POST.get("charged")
    if charged not in ("yes", "no"):
        raise BadRequest("`charged` is yes or no.")
    try:
        spend.resolve_unknown(job, was_charged=charged == "yes", by=request.user)
    except NotPossible as problem:
        messages.info(request, str(problem))
    else:
        cost = words.money(job.price) if charged == "yes" else "nothing"
        messages.success(request, f"Noted: it cost {cost}.")
    return SeeOther(back_to(request, reverse("settings-usage")))


# --- budgets ----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@admin
def budgets(request: Request) -> HttpResponse:
    people, limits = list(queries.people()), queries.limits()
    form = BudgetsForm(
        request.POST if request.method == "POST" else None, people=people, limits=limits
    )
    if not form.is_bound:
        return _budgets(request, form, limits)
    if not form.is_valid():
        return _budgets(request, form, limits, status=422)
    spend.set_budgets(form.changes, by=request.user)
    messages.success(request, "Budgets saved.")
    return SeeOther(reverse("team-budgets"))


def _budgets(
    request: Request, form: BudgetsForm, limits: queries.Limits, status: int = 200
) -> HttpResponse:
    mark_errors(form)
    rows = queries.spent_by_person(queries.month_of(Month.current(), None))
    spent = {row["person"]: row["spent"] for row in rows}
    context = {
        "section": "budgets",
        "form": form,
        "month_label": words.month(Month.current()),
        "team_label": _so_far(limits.team, sum(spent.values(), NOTHING)),
        "rows": [
            _budget_row(form, name, limits, spent.get(person.pk, NOTHING))
            for name, person in form.people.items()
        ],
    }
    return render(request, "team/budgets.html", context, status=status)


def _so_far(limit: Decimal | None, spent: Decimal) -> str:
    if limit is None:
        return f"{words.money(spent)} spent this month."
    return f"{_left(limit, spent)} left this month."


def _budget_row(
    form: BudgetsForm, name: str, limits: queries.Limits, spent: Decimal
) -> dict[str, Any]:
    person = form.people[name]
    limit = limits.of(person.pk)
    if person.pk not in limits.people and limits.everyone is not None:
        form.fields[name].widget.attrs["placeholder"] = f"{limits.everyone:.2f}"
    return {
        "name": person.display_name,
        "email": person.email,
        "initials": person.initials,
        "field": form[name],
        "spent_label": words.money(spent),
        "left_label": _left(limit, spent),
        "ratio": None if limit is None else 100 - _ratio(spent, limit),
    }
