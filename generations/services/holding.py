"""Holding: what takes an image from everybody but reviewers, and the case that says why.

State and case are written in one transaction. Every list, page and file asks for the state, so
that from then on the image is nowhere.
"""

import uuid
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations.models import Case, Decision, Generation, Image, User
from generations.models.review import Reason
from generations.services import audit, likeness, policy, throttle
from generations.services.errors import Invalid

WORDS_LIMIT = 500
# Reports of one person within an hour.
REPORTS, REPORTS_WITHIN = 20, 3600
_BATCH = 500
_NEEDED = (
    *("state", "user", "has_minor", "generation"),
    *("generation__prompt", "generation__model_name"),
)

REPORTED_FOR = {
    code.value: str(code.label)
    for code in (
        Decision.Code.ADULT,
        Decision.Code.REAL_PERSON,
        Decision.Code.VIOLENCE,
        Decision.Code.RIGHTS,
        Decision.Code.OTHER,
    )
}
_FLAGS = (
    (Reason.MINOR, "has_minor"),
    (Reason.VIOLATION, "is_violation"),
    (Reason.ADULT, "is_adult"),
    (Reason.BLURRED, "is_blurred"),
)


class TooMany(Invalid):
    """This person reports more than anybody would."""


# --- when an image arrives --------------------------------------------------------------------


def judge(generation: Generation, images: Sequence[Image]) -> None:
    """Set the state of images from services.image.store, and `reasons`, why they are held."""
    term = policy.matching_term(generation.prompt, policy.current().blocked_terms)
    for image in images:
        reasons = [reason.value for reason, flag in _FLAGS if getattr(image, flag)]
        reasons += [Reason.BLANK.value] if image.is_blank else []  # type: ignore[attr-defined]
        reasons += [Reason.BLOCKED_TERM.value] if term else []
        if not reasons and likeness.is_near_rejected(image.dhash):
            reasons.append(Reason.NEAR_REJECTED.value)
        image.reasons = reasons  # type: ignore[attr-defined]
        image.words = term or ""  # type: ignore[attr-defined]
        if reasons:
            image.state = Image.State.LOCKED if image.has_minor else Image.State.HELD


def open_cases(generation: Generation, images: Sequence[Image]) -> None:
    """The cases of what `judge` held, in the transaction that stores the images."""
    for image in images:
        if image.is_held:
            _open(image, generation, image.reasons, words=image.words)  # type: ignore[attr-defined]


def _open(
    image: Image,
    generation: Generation,
    reasons: list[str],
    *,
    words: str = "",
    reporter: User | None = None,
) -> Case:
    """What shows a minor waits for nobody: its record is closed as soon as it is written."""
    case = Case.objects.create(
        image=image,
        image_uuid=image.pk,
        user_id=image.user_id,
        model_name=generation.model_name,
        prompt=generation.prompt,
        reasons=reasons,
        words=words,
        reporter=reporter,
        state=Case.State.CLOSED if image.has_minor else Case.State.OPEN,
        closed_at=timezone.now() if image.has_minor else None,
    )
    action = audit.Action.IMAGE_REPORTED if reporter else audit.Action.IMAGE_HELD
    audit.note(action, by=reporter, subject=image, reasons=reasons)
    return case


def show_again(generations: Iterable[uuid.UUID]) -> None:
    """The cards of these jobs look different now."""
    Generation.objects.filter(pk__in=list(generations)).update(
        version=F("version") + 1, changed_at=timezone.now()
    )


# --- when somebody reports it -----------------------------------------------------------------


def report(user: User, *, image: Image, reason: str, words: str = "") -> bool:
    """Hold at once what a person of the team reports; whether they may see it is the caller's.

    Returns False when it was held already. Raises Invalid; TooMany, when they report many.
    """
    said = written(words, field="words")
    if reason not in REPORTED_FOR:
        raise Invalid({"reason": "Choose what is wrong with it."})
    if reason == Decision.Code.OTHER and not said:
        raise Invalid({"words": "Say in a few words what is wrong with it."})
    if not throttle.is_allowed(f"report:{user.pk}", most=REPORTS, seconds=REPORTS_WITHIN):
        raise TooMany({"": "That were many reports. Wait an hour, or tell a reviewer directly."})
    about = ": ".join(part for part in (REPORTED_FOR[reason], said) if part)
    with transaction.atomic():
        if not _hold([image.pk]):
            return False
        _open(image, image.generation, [Reason.REPORTED.value], words=about, reporter=user)
        show_again([image.generation_id])
    return True


def _hold(ids: Sequence[uuid.UUID]) -> int:
    """One UPDATE decides between two who hold the same image: only one of them opens a case."""
    rows = Image.objects.filter(pk__in=ids, state=Image.State.SHOWN)
    return rows.update(state=Image.State.HELD)


def written(text: str, *, field: str, is_needed: str = "") -> str:
    """What somebody wrote, as it is stored. Raises Invalid; `is_needed` says why it must be."""
    text = text.replace("\r\n", "\n").strip()
    if "\0" in text:
        raise Invalid({field: "There is a character in it that cannot be kept. Type it again."})
    if len(text) > WORDS_LIMIT:
        over = len(text) - WORDS_LIMIT
        raise Invalid({field: f"{over:,} characters too long: at most {WORDS_LIMIT}."})
    if is_needed and not text:
        raise Invalid({field: is_needed})
    return text


# --- when a term is blocked later -------------------------------------------------------------


def hold_blocked_terms(terms: str | Iterable[str]) -> int:
    """Hold whatever is shown, or in the trash, with one of these terms in its prompt.

    Batch by batch, each a transaction: begun again it goes on, for what is held is passed over.
    So is what a reviewer approved in spite of the same term. Returns how many were held.
    """
    wanted = terms if isinstance(terms, str) else "\n".join(terms)
    count, last = 0, uuid.UUID(int=0)
    shown = Image.objects.filter(state=Image.State.SHOWN).select_related("generation")
    shown = shown.only(*_NEEDED)
    while batch := list(shown.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        last = batch[-1].pk
        found = {
            image.pk: (image, term)
            for image in batch
            if (term := policy.matching_term(image.generation.prompt, wanted))
        }
        count += _hold_found(found)
    return count


@transaction.atomic
def _hold_found(found: dict[uuid.UUID, tuple[Image, str]]) -> int:
    passed = Case.objects.filter(image_uuid__in=found, state=Case.State.CLOSED)
    known = set(passed.values_list("image_uuid", "words"))
    held = [pair for pk, pair in found.items() if (pk, pair[1]) not in known and _hold([pk])]
    for image, term in held:
        _open(image, image.generation, [Reason.BLOCKED_TERM.value], words=term)
    show_again({image.generation_id for image, _ in held})
    return len(held)
