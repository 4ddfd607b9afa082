"""Review: what waits for whom, what was decided, and how long it took."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case as Case_
from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.utils import timezone

from generations.models import Case, Decision, Image, User

# A badge and a line of figures count no further.
MOST_WAITING = 999
_MOST_DECISIONS = 10_000
_MOST_REMEMBERED = 200
_REVIEWERS = (User.Role.ADMIN, User.Role.REVIEWER)


def waiting() -> QuerySet[Case]:
    """Oldest first; what its maker is asked about comes last."""
    return Case.objects.filter(closed_at=None).order_by("-state", "opened_at", "id")


def queue(reviewer: User) -> QuerySet[Case]:
    """What waits and this reviewer may decide, each with its image and its maker."""
    mine = Decision.objects.filter(reviewer=reviewer, appeal__isnull=False).values("appeal")
    rows = waiting().exclude(pk__in=mine)
    if not is_alone(reviewer):
        rows = rows.exclude(user=reviewer)
    else:
        rows = rows.exclude(user=reviewer, appeal_of__isnull=False)
    return rows.select_related("image", "user")


def with_desk(rows: QuerySet[Case]) -> QuerySet[Case]:
    """With all that the desk tells of the one in the middle."""
    return rows.select_related(
        *("image__generation", "user", "reporter", "claimed_by", "appeal_of__reviewer")
    )


def unclaimed(rows: QuerySet[Case], reviewer: User) -> QuerySet[Case]:
    """Without what another reviewer is looking at."""
    free = Q(claimed_by=None) | Q(claimed_by=reviewer) | Q(claimed_until__lt=timezone.now())
    return rows.filter(free)


def behind(rows: QuerySet[Case], case: Case) -> QuerySet[Case]:
    """Of rows in the order of `waiting` those that come after this one."""
    later = Q(opened_at__gt=case.opened_at) | Q(opened_at=case.opened_at, pk__gt=case.pk)
    return rows.filter(Q(state__lt=case.state) | (Q(state=case.state) & later))


def ahead(rows: QuerySet[Case], case: Case) -> QuerySet[Case]:
    """Those that come before it, the nearest first."""
    earlier = Q(opened_at__lt=case.opened_at) | Q(opened_at=case.opened_at, pk__lt=case.pk)
    return rows.filter(Q(state__gt=case.state) | (Q(state=case.state) & earlier)).reverse()


def count_waiting() -> int:
    """How many wait, at most MOST_WAITING + 1."""
    return Case.objects.filter(closed_at=None)[: MOST_WAITING + 1].count()


def figures_waiting(reviewer: User) -> dict[str, Any]:
    """`count`, `oldest` (a moment or None), and `own`: how many are of this reviewer's making."""
    return Case.objects.filter(closed_at=None).aggregate(
        count=Count("pk"), oldest=Min("opened_at"), own=Count("pk", filter=Q(user=reviewer))
    )


def is_alone(reviewer: User) -> bool:
    """Whether nobody else could decide."""
    others = User.objects.filter(is_active=True, role__in=_REVIEWERS).exclude(pk=reviewer.pk)
    return not others.exists()


def case_of(image: uuid.UUID) -> Case | None:
    """The newest case of an image, also when the image is gone."""
    rows = with_desk(Case.objects.filter(image_uuid=image))
    return rows.order_by(F("closed_at").desc(nulls_first=True), "-opened_at").first()


def open_cases(images: Iterable[uuid.UUID]) -> QuerySet[Case]:
    return with_desk(Case.objects.filter(image_uuid__in=list(images), closed_at=None))


def decision_of(case: Case) -> Decision | None:
    """What stands."""
    rows = Decision.objects.filter(case=case, undone_at=None).select_related("reviewer")
    return rows.order_by("-decided_at").first()


def decisions_about(image: uuid.UUID) -> QuerySet[Decision]:
    """All that was ever decided about an image, oldest first."""
    rows = Decision.objects.filter(case__image_uuid=image).select_related("reviewer", "case")
    return rows.order_by("decided_at")


def last_decision(reviewer: User, within: timedelta) -> Decision | None:
    """The newest one that this reviewer could still take back."""
    return fresh_decisions(reviewer, within).first()


def fresh_decisions(reviewer: User, within: timedelta) -> QuerySet[Decision]:
    """What this reviewer decided just now and has not taken back, the newest first."""
    rows = Decision.objects.filter(decided_at__gt=timezone.now() - within, undone_at=None)
    rows = rows.filter(reviewer=reviewer).select_related("case__image", "case__user", "reviewer")
    return rows.order_by("-decided_at")


def record_of(maker: User) -> dict[str, int]:
    """What reviewers decided about this person's images before: of the newest 200 cases."""
    newest = Case.objects.filter(user=maker).order_by("-opened_at")[:_MOST_REMEMBERED]
    stands = Decision.objects.filter(case__in=newest.values("pk"), undone_at=None)
    return stands.aggregate(
        approved=Count("pk", filter=Q(kind=Decision.Kind.APPROVE)),
        rejected=Count("pk", filter=Q(kind=Decision.Kind.REJECT)),
    )


# --- for its maker ----------------------------------------------------------------------------


def _stands(**of: Any) -> QuerySet[Decision]:
    rows = Decision.objects.filter(case=OuterRef("pk"), undone_at=None, **of)
    return rows.order_by("-decided_at")


def with_decision(rows: QuerySet[Case]) -> QuerySet[Case]:
    """With `kind`, `code`, `note` and `decided_at` of what was decided, None while it waits."""
    stands = _stands()
    return rows.annotate(
        kind=Subquery(stands.values("kind")[:1]),
        code=Subquery(stands.values("code")[:1]),
        decision_note=Subquery(stands.values("note")[:1]),
        decided_at=Subquery(stands.values("decided_at")[:1], output_field=DateTimeField()),
    )


def newest_cases(images: Iterable[Image]) -> dict[uuid.UUID, Case]:
    """Image -> its newest case, with what was decided."""
    rows = Case.objects.filter(image__in=[image.pk for image in images])
    found = with_decision(rows).order_by("opened_at")
    return {case.image_uuid: case for case in found}


def news_of(maker: User) -> QuerySet[Case]:
    """What a maker has to know: questions first, then decisions they have not read."""
    rows = Case.objects.filter(_is_news(), image__isnull=False, user=maker)
    return with_decision(rows).order_by("state", "-opened_at")


def news_and_cases(maker: User, images: Iterable[Image]) -> QuerySet[Case]:
    """`news_of` and all cases of these images in one read; `is_news` tells them apart."""
    rows = Case.objects.annotate(is_news=Case_(When(_is_news(), then=True), default=False))
    wanted = Q(is_news=True) | Q(image__in=[image.pk for image in images])
    rows = rows.filter(wanted, image__isnull=False, user=maker)
    return with_decision(rows).order_by("state", "-opened_at")


def _is_news() -> Q:
    return Q(state=Case.State.ASKED) | Q(Exists(_stands(seen_at=None)))


def has_news() -> Exists:
    """For an annotation of people: whether there is something in their `news_of`."""
    return Exists(Case.objects.filter(_is_news(), image__isnull=False, user=OuterRef("pk")))


# --- looking back -----------------------------------------------------------------------------


def decided(kind: str = "", reviewer: str = "") -> QuerySet[Decision]:
    """Decisions, newest first."""
    rows = Decision.objects.select_related("reviewer", "case__user").order_by("-decided_at", "-pk")
    if kind in Decision.Kind.values:
        rows = rows.filter(kind=kind)
    return rows.filter(reviewer=int(reviewer)) if reviewer.isdecimal() else rows


def locked_cases() -> QuerySet[Case]:
    """What is locked away: closed, and nobody decided."""
    rows = Case.objects.filter(image__has_minor=True).select_related("user")
    return rows.order_by("-closed_at")


def reviewers() -> QuerySet[User]:
    """Who has ever decided something."""
    return User.objects.filter(Exists(Decision.objects.filter(reviewer=OuterRef("pk"))))


def decisions_since(moment: datetime) -> list[dict[str, Any]]:
    """For statistics: what stands since then, of many the newest."""
    rows = Decision.objects.filter(decided_at__gte=moment, undone_at=None).order_by("-decided_at")
    return list(
        rows.values(
            *("kind", "code", "decided_at", "reviewer__name", "reviewer__email"),
            *("case__opened_at", "case__reasons"),
        )[:_MOST_DECISIONS]
    )
