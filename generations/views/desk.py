"""What the review desk shows of a case: as plain strings and addresses."""

from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from generations import queries
from generations.models import Case, Decision, Image, User
from generations.models.review import Reason
from generations.services import review as services
from generations.views import cards, words

STRIP = 5
_WHY = {
    Reason.ADULT: "Venice marked it as adult content.",
    Reason.BLURRED: "Venice blurred it under safe mode.",
    Reason.VIOLATION: "Venice says it breaks its content policy.",
    Reason.MINOR: "Venice says it contains a minor.",
    Reason.BLANK: "The picture is all one colour, or nearly.",
    Reason.UNKNOWN: "It was held before reasons were written down.",
    Reason.NEAR_REJECTED: "It looks like an image that was rejected before.",
}


def title(case: Case) -> str:
    """Why it waits, in a few words."""
    first = case.reasons[0] if case.reasons else Reason.UNKNOWN
    return Reason(first).label if first in Reason.values else "Held for review"


def why(case: Case) -> list[str]:
    """Each reason in a sentence."""
    return [sentence for reason in case.reasons if (sentence := _why(case, reason))]


def _why(case: Case, reason: str) -> str:
    if reason == Reason.REPORTED:
        who = case.reporter.display_name if case.reporter else "Somebody"
        return f"{who} reported it: {case.words}"
    if reason == Reason.BLOCKED_TERM:
        return f"Its prompt has “{case.words}” in it, which the policy blocks."
    if reason == Reason.APPEAL:
        return f"{case.user.display_name} appeals: “{case.words}”"
    return _WHY.get(Reason(reason), "") if reason in Reason.values else ""


def since(moment: datetime) -> str:
    """How long ago, as a queue has it: 6 min, 2 h, 3 days."""
    length = timezone.now() - moment
    minutes = int(length.total_seconds() // 60)
    if minutes < 60:
        return f"{max(minutes, 1)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else words.days(length)


def address(case: Case) -> str:
    return reverse("review-image", args=[case.image_uuid])


def page(reviewer: User, case: Case, rows: QuerySet[Case], *, is_shown: bool) -> dict[str, Any]:
    """All of the desk while it waits; `rows` is the reviewer's queue."""
    image = case.image
    figures = queries.figures_waiting(reviewer)
    claimed = _claimed_by_another(reviewer, case)
    last = queries.last_decision(reviewer, services.UNDO)
    ahead = queries.ahead(rows.select_related(None), case).first()
    behind = list(queries.behind(rows.select_related("claimed_by"), case)[:STRIP])
    return {
        "case": case,
        "url": address(case),
        "title": title(case),
        "why": why(case),
        "picture": _picture(image, is_shown) if image else None,
        "is_shown": is_shown,
        "facts": _facts(case),
        "events": _events(reviewer, case),
        "barred": services.barred(reviewer, case),
        "claimed_by": claimed.display_name if claimed else "",
        "is_own": case.user_id == reviewer.pk,
        "previous_url": address(ahead) if ahead else "",
        "strip": [_thumb(reviewer, row) for row in behind],
        "now": _thumb(reviewer, case),
        "last": _last(last) if last else None,
        "waiting": waiting(figures),
        "codes": [(value, label) for value, label in Decision.Code.choices],
    }


def waiting(figures: dict[str, Any]) -> dict[str, str]:
    parts = [f"oldest {since(figures['oldest'])}"] if figures["oldest"] else []
    if figures["own"]:
        parts.append(f"{figures['own']:,} of yours")
    return {"count": f"{figures['count']:,} waiting", "more": " · ".join(parts)}


def _picture(image: Image, is_shown: bool) -> dict[str, Any]:
    href = cards.image_url(image.pk)
    blur = reverse("review-blur", args=[image.pk])
    return {
        "ratio_class": cards.ratio_class(image.ratio),
        "width": image.width,
        "height": image.height,
        "blur": blur,
        "full": f"{href}w1024",
        "src": f"{href}w1024" if is_shown else blur,
    }


def _facts(case: Case) -> list[str]:
    image = case.image
    parts = [case.model_name]
    if image:
        made = image.generation
        parts += [words.ratio(made.parameters, made.ratio), words.money(image.price)]
    return [*filter(None, parts), case.user.display_name]


def _claimed_by_another(reviewer: User, case: Case) -> User | None:
    is_over = case.claimed_until is None or case.claimed_until < timezone.now()
    if is_over or case.claimed_by_id == reviewer.pk:
        return None
    return case.claimed_by


def _thumb(reviewer: User, case: Case) -> dict[str, Any]:
    image = case.image
    claimed = _claimed_by_another(reviewer, case)
    who = case.user.display_name.split()[0]
    state = "asked" if case.state == Case.State.ASKED else since(case.opened_at)
    return {
        "url": address(case),
        "src": reverse("review-blur", args=[image.pk]) if image else "",
        "width": image.width if image else 1,
        "height": image.height if image else 1,
        "label": f"{claimed.display_name.split()[0]} looks" if claimed else f"{state} · {who}",
    }


def _last(decision: Decision) -> dict[str, Any]:
    case = decision.case
    return {
        **_thumb(decision.reviewer, case),
        "label": decision.get_kind_display(),
        "undo_url": reverse("review-undo", args=[decision.pk]),
        "is_approved": decision.kind == Decision.Kind.APPROVE,
    }


# --- what happened ----------------------------------------------------------------------------


def _events(reviewer: User, case: Case) -> list[tuple[str, str, str]]:
    """When, what, and what somebody wrote."""
    who = case.user.display_name.split()[0]
    rows = [(case.image.created_at, f"Made by {who}", "")] if case.image else []
    for made in queries.decisions_about(case.image_uuid):
        if made.undone_at is None:
            by = f"{made.get_kind_display()} by {made.reviewer.display_name}"
            rows.append((made.decided_at, _with(by, made.get_code_display()), made.note))
    rows.append((case.opened_at, f"Held: {_small(title(case))}", ""))
    if case.asked_at:
        rows.append((case.asked_at, "Asked:", case.question))
    if case.answered_at:
        rows.append((case.answered_at, f"{who}:", case.answer))
    told = [(_at(moment), what, said) for moment, what, said in sorted(rows, key=itemgetter(0))]
    return [*told, ("Before", _before(case.user, who), "")]


def _small(text: str) -> str:
    """Within a sentence; names in it keep their capitals."""
    return text[:1].lower() + text[1:]


def _with(text: str, more: str) -> str:
    return f"{text}: {_small(more)}" if more else text


def _at(moment: datetime) -> str:
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate()
    return f"{local:%H:%M}" if is_today else f"{local.day} {local:%b}"


def _before(maker: User, who: str) -> str:
    found, is_more = queries.count_capped(queries.images_of(maker))
    count = f"{found:,}{'+' if is_more else ''} image{'' if found == 1 else 's'}"
    record = queries.record_of(maker)
    if not any(record.values()):
        return f"{who}: {count}, nothing decided yet"
    return f"{who}: {count}, {record['approved']:,} approved, {record['rejected']:,} rejected"


# --- the record of what is closed -------------------------------------------------------------


def record(reviewer: User, case: Case) -> dict[str, Any]:
    """What is left to read of a case that is closed."""
    is_locked = bool(case.image and case.image.state == Image.State.LOCKED)
    decision = queries.decision_of(case)
    context = {
        "case": case,
        "title": "Locked away" if is_locked else title(case),
        "is_locked": is_locked,
        "is_gone": case.image is None,
        "why": why(case),
        "facts": _facts(case),
        "events": _events(reviewer, case),
        "decision": decision,
        "image_url": "",
        "undo_url": "",
    }
    if decision and services.may_undo(reviewer, decision):
        context["undo_url"] = reverse("review-undo", args=[decision.pk])
    if case.image and not is_locked:
        context["image_url"] = reverse("image-detail", args=[case.image.pk])
    return context


# --- many at once -----------------------------------------------------------------------------


def tiles(rows: list[Case], *, is_shown: bool) -> list[dict[str, Any]]:
    return [_tile(row, is_shown) for row in rows if row.image]


def _tile(case: Case, is_shown: bool) -> dict[str, Any]:
    image = case.image
    assert image is not None
    picture = _picture(image, is_shown)
    small = f"{cards.image_url(image.pk)}w512"
    return {
        **picture,
        "id": str(image.pk),
        "src": small if is_shown else picture["blur"],
        "url": address(case),
        "title": title(case),
        "edge": f"{since(case.opened_at)} · {case.user.display_name}",
        "prompt": words.clip(case.prompt, 120),
    }


def median(lengths: list[timedelta]) -> timedelta | None:
    ordered = sorted(lengths)
    if not ordered:
        return None
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
