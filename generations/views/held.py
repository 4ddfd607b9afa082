"""What people are told of an image that is held, rejected or locked away. Never the picture."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from generations import queries
from generations.models import Case, Decision, Image, User
from generations.services import review as services
from generations.views import words

LABELS = {
    Image.State.HELD: "Held for review",
    Image.State.REJECTED: "Rejected",
    Image.State.LOCKED: "Locked away",
}


def label(image: Image) -> str:
    """The state in words, for cards and frames."""
    return LABELS.get(Image.State(image.state), "")


def sentences(image: Image, case: Case | None) -> list[str]:
    """Why, and what is next. `case` is from `queries.newest_cases`, with what was decided."""
    if image.state == Image.State.LOCKED:
        return ["Marked as showing a minor. It is locked away: nobody opens it, and it stays so."]
    if image.state == Image.State.REJECTED:
        return _rejected(case)
    if case is not None and case.state == Case.State.ASKED:
        return [f"A reviewer asks: “{case.question}”", "It waits for your answer."]
    return [f"{reason(image, case)} A reviewer looks at it; until then nobody else sees it."]


def _rejected(case: Case | None) -> list[str]:
    if case is None:
        return ["A reviewer rejected it."]
    if case.closed_at is None:
        return ["A reviewer rejected it. Your appeal waits for another one."]
    code, note = case.code or "", case.decision_note or ""  # type: ignore[attr-defined]
    about = Decision.Code(code).label if code in Decision.Code.values else ""
    said = [f"A reviewer rejected it: {about.lower()}." if about else "A reviewer rejected it."]
    if note:
        said.append(f"“{note}”")
    if case.appeal_of_id:
        said.append("That was the answer to your appeal; it is final.")
    return said


def reason(image: Image, case: Case | None) -> str:
    """Why it is held, in a sentence."""
    first = case.reasons[0] if case and case.reasons else ""
    if first in _REASONS:
        return _REASONS[first]
    if image.is_violation:
        return "Marked as breaking Venice’s content policy."
    if image.is_adult or image.is_blurred:
        return "Marked as adult content."
    return "Held for a closer look."


_REASONS = {
    "adult": "Marked as adult content.",
    "blurred": "Marked as adult content.",
    "violation": "Marked as breaking Venice’s content policy.",
    "blank": "The picture seems to be empty.",
    "reported": "Somebody of the team reported it.",
    "blocked_term": "Its prompt has a term in it that the team blocks.",
    "near_rejected": "It looks like an image that was rejected before.",
}


def told(user: User, image: Image) -> dict[str, Any]:
    """All that the page of such an image says, and what its maker may do."""
    case = queries.newest_cases([image]).get(image.pk)
    decision = queries.decision_of(case) if case and case.closed_at else None
    is_mine = image.user_id == user.pk
    return {
        "held_label": label(image),
        "held_sentences": sentences(image, case),
        "question": case.question if case and is_mine and case.state == "asked" else "",
        "may_appeal": bool(decision and services.may_appeal(user, decision)),
        "desk_url": reverse("review-image", args=[image.pk]) if user.is_reviewer else "",
    }


@dataclass(frozen=True)
class News:
    rows: list[dict[str, str]]
    has_more: bool
    has_decisions: bool
    # Image -> its newest case.
    cases: dict[uuid.UUID, Case]


def news(user: User, pictures: list[Image]) -> News:
    """What a maker has not read yet, for the studio: questions and decisions.

    `pictures`: what is held of the same page; their cases come along in the same read.
    """
    found = list(queries.news_and_cases(user, pictures)[:_READ])
    news = [case for case in found if case.is_news]  # type: ignore[attr-defined]
    return News(
        [_row(case) for case in news[:_MOST]],
        len(news) > _MOST,
        any(case.state != Case.State.ASKED for case in news),
        {case.image_uuid: case for case in sorted(found, key=lambda case: case.opened_at)},
    )


_READ = 200
_MOST = 4


def _row(case: Case) -> dict[str, str]:
    kind = case.kind or ""  # type: ignore[attr-defined]
    about = "A reviewer asks about" if case.state == Case.State.ASKED else _KINDS.get(kind, "")
    return {
        "about": about,
        "prompt": words.clip(case.prompt, 60) or case.model_name,
        "url": reverse("image-detail", args=[case.image_uuid]),
    }


_KINDS: dict[str, str] = {Decision.Kind.APPROVE: "Approved:", Decision.Kind.REJECT: "Rejected:"}
