"""The team as its admins see it: who is in it, and what one of them may do."""

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from generations import queries
from generations.forms import mark_errors
from generations.models import Generation, User
from generations.services import share as shares
from generations.services import user as services
from generations.services.errors import Invalid, NotPossible
from generations.views import words
from generations.views.access import Request, admin, member_of_team
from generations.views.share_rows import links
from generations.views.team_form import ExceptionsForm, RoleForm

PAGE = 60
STATES: dict[str, bool | None] = {"": True, "inactive": False}

# --- everybody ----------------------------------------------------------------------------------


@require_GET
@admin
def members(request: Request) -> HttpResponse:
    given = _read(request)
    number = _page_number(request)
    rows = queries.members(search=given["q"], role=given["role"], is_active=STATES[given["show"]])
    rows = queries.with_standing(rows)
    found = list(rows[(number - 1) * PAGE : number * PAGE + 1])
    counts = queries.member_counts()
    context = {
        "section": "members",
        "rows": _rows(found[:PAGE], request.user),
        "q": given["q"],
        "show": given["show"],
        "role_choices": [
            (value, label, value == given["role"]) for value, label in User.Role.choices
        ],
        "role_label": dict(User.Role.choices).get(given["role"], ""),
        "without_role_url": _address(given | {"role": ""}),
        "tabs": [
            {
                "label": label,
                "url": _address(given | {"show": show}),
                "is_current": show == given["show"],
                "count": counts["inactive" if show else "active"],
            }
            for show, label in (("", "Active"), ("inactive", "Deactivated"))
        ],
        "is_filtered": bool(given["q"] or given["role"]),
        "is_alone": counts["active"] + counts["inactive"] == 1,
        "previous_url": _address(given, number - 1) if number > 1 else "",
        "next_url": _address(given, number + 1) if len(found) > PAGE else "",
    }
    return render(request, "team/members.html", context)


def _read(request: Request) -> dict[str, str]:
    """The filters in the address; one that makes no sense is none."""
    role, show = request.GET.get("role", ""), request.GET.get("show", "")
    return {
        "q": request.GET.get("q", "")[:200],
        "role": role if role in User.Role.values else "",
        "show": show if show in STATES else "",
    }


def _page_number(request: Request) -> int:
    text = request.GET.get("page", "")
    return min(max(int(text), 1), 1000) if text.isdecimal() and len(text) < 6 else 1


def _address(given: dict[str, str], number: int = 1) -> str:
    query = {**given, "page": str(number) if number > 1 else ""}
    text = urlencode({key: value for key, value in query.items() if value})
    return f"{reverse('team-members')}{'?' if text else ''}{text}"


def _rows(people: list[User], me: User) -> list[dict[str, Any]]:
    spent = queries.spent_of([person.pk for person in people])
    return [
        {
            "url": reverse("team-person", args=[person.pk]),
            "name": person.display_name,
            "email": person.email,
            "initials": person.initials,
            "is_me": person.pk == me.pk,
            "role": person.get_role_display(),
            "seen": words.when(person.last_login) if person.last_login else "Never",
            "factor": _yes(person.has_factor),  # type: ignore[attr-defined]
            "lacks_factor": person.needs_second_factor,
            "key": _yes(person.has_key),  # type: ignore[attr-defined]
            "spent": words.money(spent.get(person.pk, Decimal(0))),
        }
        for person in people
    ]


def _yes(is_so: bool) -> str:
    return "Yes" if is_so else "No"


# --- one of them ----------------------------------------------------------------------------------


@require_GET
@admin
def person(request: Request, pk: int) -> HttpResponse:
    return _page(request, member_of_team(pk))


def _page(
    request: Request,
    person: User,
    *,
    role_form: RoleForm | None = None,
    exceptions_form: ExceptionsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    kept = queries.own_shares(person).filter(revoked_at=None)
    kept_count = kept.exclude(expires_at__lte=timezone.now()).count()
    waiting = Generation.objects.filter(user=person, state=Generation.State.QUEUED).count()
    invited = list(queries.invites().filter(created_by=person)[:10])
    context = {
        "section": "members",
        "person": person,
        "is_me": person.pk == request.user.pk,
        "facts": _facts(person),
        "role_form": role_form or RoleForm(initial={"role": person.role}),
        "exceptions_form": exceptions_form or ExceptionsForm(person=person),
        "history_url": f"{reverse('generations')}?person={person.pk}",
        "sessions": queries.open_sessions(person).count(),
        "links_label": _links(person, kept_count),
        "has_links": bool(kept_count),
        "waiting_label": words.jobs(waiting) if waiting else "",
        "invited": [(_invited(invite), words.date(invite.created_at)) for invite in invited],
    }
    for form in (context["role_form"], context["exceptions_form"]):
        mark_errors(form)
    return render(request, "team/members_person.html", context, status=status)


def _links(person: User, count: int) -> str:
    """Of theirs those that were neither revoked nor are over."""
    if not count:
        return "No link of theirs is open."
    if not person.is_active:
        return f"{links(count)} of theirs would open again."
    return f"{links(count)} of theirs {'is' if count == 1 else 'are'} open."


def _facts(person: User) -> list[tuple[str, str]]:
    spent = queries.spent_of([person.pk]).get(person.pk, Decimal(0))
    return [
        ("Account", "Active" if person.is_active else "Deactivated"),
        ("Joined", words.date(person.created_at)),
        ("Last sign-in", words.when(person.last_login) if person.last_login else "Never"),
        ("Second factor", _factor(person)),
        ("Own Venice key", _yes(person.has_key)),  # type: ignore[attr-defined]
        ("Spent this month", words.money(spent)),
    ]


def _factor(person: User) -> str:
    if person.needs_second_factor:
        return "No, and the policy asks for one"
    return _yes(person.has_factor)  # type: ignore[attr-defined]


def _invited(invite: Any) -> str:
    role = invite.get_role_display().lower()
    if invite.used_by:
        return f"{invite.used_by.display_name}, as {role}"
    return f"{invite.email or 'Whoever has the link'}, as {role}, not used"


@require_POST
@admin
def set_role(request: Request, pk: int) -> HttpResponse:
    person = member_of_team(pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            services.set_role(person, form.cleaned_data["role"], by=request.user)
        except NotPossible as problem:
            form.add_error("role", str(problem))
        else:
            role = User.Role(form.cleaned_data["role"]).label
            messages.success(request, f"{person.display_name} is {role.lower()} now.")
            return _back(request, person)
    return _page(request, person, role_form=form, status=422)


@require_POST
@admin
def set_exceptions(request: Request, pk: int) -> HttpResponse:
    person = member_of_team(pk)
    form = ExceptionsForm(request.POST, person=person)
    if form.is_valid():
        try:
            services.set_exceptions(person, by=request.user, **form.values)
        except (Invalid, NotPossible) as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, "Saved. It holds from the next job on.")
            return _back(request, person)
    return _page(request, person, exceptions_form=form, status=422)


@require_POST
@admin
def deactivate(request: Request, pk: int) -> HttpResponse:
    person = member_of_team(pk)
    try:
        ended = services.deactivate(person, by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
    else:
        waiting = f" {words.jobs(ended.jobs)} cancelled." if ended.jobs else ""
        messages.success(request, f"{person.display_name} is deactivated.{waiting}")
    return _back(request, person)


@require_POST
@admin
def activate(request: Request, pk: int) -> HttpResponse:
    person = member_of_team(pk)
    try:
        services.activate(person, by=request.user)
    except NotPossible as problem:
        messages.info(request, str(problem))
    else:
        messages.success(request, f"{person.display_name} can sign in again.")
    return _back(request, person)


@require_POST
@admin
def end_sessions(request: Request, pk: int) -> HttpResponse:
    person = member_of_team(pk)
    try:
        services.end_sessions(person, by=request.user)
    except NotPossible as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"{person.display_name} is signed out everywhere.")
    return _back(request, person)


@require_POST
@admin
def revoke_links(request: Request, pk: int) -> HttpResponse:
    person = member_of_team(pk)
    # Not only those that work now: a deactivated person's would work again with them.
    rows = queries.own_shares(person).filter(revoked_at=None)
    count = shares.revoke(rows, by=request.user)
    are = "is" if count == 1 else "are"
    messages.success(request, f"{links(count)} {are} revoked.")
    return _back(request, person)


def _back(request: Request, person: User) -> HttpResponse:
    """To the person's page; who is no admin any more cannot read that."""
    me = User.objects.get(pk=request.user.pk)
    url = reverse("team-person", args=[person.pk]) if me.is_admin else reverse("studio")
    return HttpResponseRedirect(url, status=303)
