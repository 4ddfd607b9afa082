"""Review: who looks at what, and what they decide. Each verb is one transaction.

A claim is a courtesy: it keeps two reviewers apart, and bars nobody. Who decides first decides.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from generations import queries
from generations.models import Case, Decision, Image, User
from generations.models.review import Reason
from generations.services import audit, clock, holding
from generations.services.errors import Invalid, NotPossible
from generations.services.holding import hold_blocked_terms, report, written

__all__ = [
    "answer",
    "appeal",
    "ask",
    "barred",
    "claim",
    "decide",
    "hold_blocked_terms",
    "mark_seen",
    "may_appeal",
    "release",
    "report",
    "undo",
]

CLAIM = timedelta(minutes=5)
UNDO = timedelta(seconds=30)
MOST_AT_ONCE = 200


# --- who looks --------------------------------------------------------------------------------


def claim(reviewer: User, *, case: Case) -> bool:
    """Take it, or keep it, for CLAIM; one at a time. False while another reviewer has it."""
    free = Q(claimed_by=None) | Q(claimed_by=reviewer) | Q(claimed_until__lt=Now())
    rows = Case.objects.filter(pk=case.pk, closed_at=None)
    if not rows.filter(free).update(claimed_by=reviewer, claimed_until=clock.ahead(CLAIM)):
        return False
    release(reviewer, but=case)
    return True


def release(reviewer: User, *, but: Case | None = None) -> None:
    """Let others have what this reviewer took."""
    rows = Case.objects.filter(claimed_by=reviewer, closed_at=None)
    rows = rows.exclude(pk=but.pk) if but else rows
    rows.update(claimed_by=None, claimed_until=None)


def barred(reviewer: User, case: Case) -> str:
    """Why this reviewer may not decide this case, in a sentence; "" when they may."""
    if case.appeal_of is not None and case.appeal_of.reviewer_id == reviewer.pk:
        return "You rejected it. An appeal is decided by another reviewer."
    if case.user_id != reviewer.pk or (case.appeal_of is None and queries.is_alone(reviewer)):
        return ""
    return "It is yours. Another reviewer decides about it."


# --- what they decide -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """approve, or reject with a code of Decision.Code; a note for the maker."""

    kind: Decision.Kind
    code: str = ""
    note: str = ""


def verdict(kind: str, *, code: str = "", note: str = "") -> Verdict:
    """Of texts from outside. Raises Invalid."""
    if kind not in Decision.Kind.values:
        raise Invalid({"decision": "Approve it or reject it."})
    said = written(note, field="note")
    if kind == Decision.Kind.APPROVE:
        return Verdict(Decision.Kind.APPROVE, "", said)
    if code not in Decision.Code.values:
        raise Invalid({"reason": "Choose a reason first; its maker reads it."})
    if code == Decision.Code.OTHER and not said:
        raise Invalid({"note": "Say in a few words why; its maker reads it."})
    return Verdict(Decision.Kind.REJECT, code, said)


def decide(reviewer: User, *, case: Case, verdict: Verdict) -> Decision:
    """Close the case: from this moment everybody sees the image, or nobody does.

    Raises NotPossible: another reviewer was faster, the image is gone, or it is not theirs to
    decide.
    """
    if why := barred(reviewer, case):
        raise NotPossible(why)
    with transaction.atomic():
        # The image first: whoever holds or erases it does the same.
        image = Image.objects.select_for_update().filter(pk=case.image_uuid).first()
        closed = Case.objects.filter(pk=case.pk, closed_at=None).update(
            state=Case.State.CLOSED, closed_at=timezone.now(), claimed_by=None, claimed_until=None
        )
        if not closed:
            raise NotPossible(_too_late(case))
        if image is None:
            raise NotPossible("The image is gone; there is nothing to decide.")
        _set_state(image, _RESULTS[verdict.kind])
        return _write_down(reviewer, case, image, verdict)


_RESULTS = {
    Decision.Kind.APPROVE: Image.State.SHOWN,
    Decision.Kind.REJECT: Image.State.REJECTED,
}
_ACTIONS = {
    Decision.Kind.APPROVE: audit.Action.IMAGE_APPROVED,
    Decision.Kind.REJECT: audit.Action.IMAGE_REJECTED,
}


def _set_state(image: Image, state: Image.State) -> None:
    """Raises NotPossible for what is locked away; the database would refuse it, too."""
    if image.has_minor or image.state == Image.State.LOCKED:
        raise NotPossible("It is locked away: it contains a minor. Nobody can release it.")
    Image.objects.filter(pk=image.pk).update(state=state)
    holding.show_again([image.generation_id])


def _write_down(reviewer: User, case: Case, image: Image, verdict: Verdict) -> Decision:
    is_rejected = verdict.kind == Decision.Kind.REJECT
    if case.appeal_of_id and not is_rejected:
        # What it looks like is no reason to hold others any more.
        Decision.objects.filter(pk=case.appeal_of_id).update(dhash=None)
    made = Decision.objects.create(
        case=case,
        reviewer=reviewer,
        kind=verdict.kind,
        code=verdict.code,
        note=verdict.note,
        dhash=image.dhash if is_rejected else None,
    )
    audit.note(_ACTIONS[verdict.kind], by=reviewer, subject=image, reason=verdict.code)
    return made


def _too_late(case: Case) -> str:
    made = queries.decision_of(case)
    if made is None:
        return "It has been decided already."
    return f"{made.reviewer.display_name} was faster: {made.get_kind_display().lower()}."


def may_undo(reviewer: User, decision: Decision) -> bool:
    is_theirs = decision.reviewer_id == reviewer.pk and decision.undone_at is None
    return is_theirs and decision.decided_at > timezone.now() - UNDO


def undo(reviewer: User, *, decision: Decision) -> Case:
    """Take one's own decision back within UNDO: the image is held again, the case waits again.

    Raises NotPossible.
    """
    if not may_undo(reviewer, decision):
        raise NotPossible("A decision can be undone for 30 seconds. This one stands.")
    case = decision.case
    try:
        with transaction.atomic():
            _take_back(reviewer, decision, case)
    except IntegrityError:
        # There is another case of the same image: only one may wait.
        raise NotPossible("Something has happened with it since. The decision stands.") from None
    return case


def _take_back(reviewer: User, decision: Decision, case: Case) -> None:
    image = Image.objects.select_for_update().filter(pk=case.image_uuid).first()
    if image is None:
        raise NotPossible("The image is gone; the decision stands.")
    rows = Decision.objects.filter(pk=decision.pk, undone_at=None)
    if not rows.update(undone_at=timezone.now(), dhash=None):
        raise NotPossible("It has been undone already.")
    Case.objects.filter(pk=case.pk).update(
        state=Case.State.OPEN,
        closed_at=None,
        claimed_by=reviewer,
        claimed_until=clock.ahead(CLAIM),
    )
    if case.appeal_of_id:
        Decision.objects.filter(pk=case.appeal_of_id).update(dhash=image.dhash)
    _set_state(image, Image.State.REJECTED if case.appeal_of_id else Image.State.HELD)
    audit.note(audit.Action.DECISION_UNDONE, by=reviewer, subject=image)


# --- with its maker ---------------------------------------------------------------------------


@transaction.atomic
def ask(reviewer: User, *, case: Case, question: str) -> None:
    """Ask the maker; until they answer, the case waits behind all others.

    Raises Invalid, NotPossible.
    """
    asked = written(question, field="note", is_needed="Write what you want to know.")
    if why := barred(reviewer, case):
        raise NotPossible(why)
    changed = Case.objects.filter(pk=case.pk, closed_at=None).update(
        state=Case.State.ASKED,
        question=asked,
        asked_at=timezone.now(),
        answer="",
        answered_at=None,
        claimed_by=None,
        claimed_until=None,
    )
    if not changed:
        raise NotPossible(_too_late(case))
    audit.note(audit.Action.MAKER_ASKED, by=reviewer, subject=case)
    if case.image:
        holding.show_again([case.image.generation_id])


@transaction.atomic
def answer(user: User, *, case: Case, words: str) -> None:
    """The maker's answer, which puts the case back into its place. Raises Invalid, NotPossible."""
    said = written(words, field="words", is_needed="Write your answer first.")
    rows = Case.objects.filter(pk=case.pk, user=user, state=Case.State.ASKED)
    if not rows.update(state=Case.State.OPEN, answer=said, answered_at=timezone.now()):
        raise NotPossible("It has been decided meanwhile; nothing has to be answered any more.")
    audit.note(audit.Action.MAKER_ANSWERED, by=user, subject=case)
    if case.image:
        holding.show_again([case.image.generation_id])


def may_appeal(user: User, decision: Decision) -> bool:
    """Once for each rejection; what an appeal came to is final."""
    is_rejection = decision.kind == Decision.Kind.REJECT and decision.undone_at is None
    is_first = decision.case.appeal_of_id is None and not hasattr(decision, "appeal")
    return is_rejection and is_first and decision.case.user_id == user.pk


def appeal(user: User, *, decision: Decision, words: str) -> Case:
    """A new case for another reviewer; the image stays away until they decide.

    Raises Invalid, NotPossible.
    """
    said = written(words, field="words", is_needed="Say why it should be looked at again.")
    if not may_appeal(user, decision):
        raise NotPossible("There is nothing to appeal against, or it has been done once.")
    try:
        with transaction.atomic():
            return _appeal(user, decision, said)
    except IntegrityError:
        raise NotPossible("There has been an appeal already.") from None


def _appeal(user: User, decision: Decision, said: str) -> Case:
    before = decision.case
    rows = Image.objects.select_for_update().select_related("generation")
    image = rows.filter(pk=before.image_uuid, state=Image.State.REJECTED).first()
    if image is None:
        raise NotPossible("The image is gone, or not rejected any more.")
    case = Case.objects.create(
        image=image,
        image_uuid=before.image_uuid,
        user=user,
        model_name=before.model_name,
        prompt=before.prompt,
        reasons=[Reason.APPEAL.value, *before.reasons],
        words=said,
        appeal_of=decision,
    )
    audit.note(audit.Action.APPEALED, by=user, subject=image)
    holding.show_again([image.generation_id])
    return case


def mark_seen(user: User) -> int:
    """Its maker has read what was decided. Returns how many decisions that were."""
    rows = Decision.objects.filter(case__user=user, undone_at=None, seen_at=None)
    return rows.update(seen_at=timezone.now())
