"""What the team's policy says, and changing it. Services ask it, so that every door obeys."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from generations.models import FieldRule, Generation, Policy, User, VeniceModel
from generations.models.generation import State
from generations.models.policy import Always, SafeMode, Who
from generations.services import audit
from generations.services.blocked import LONGEST_TERM, MOST_TERMS, lines_of, matching_term, words_of
from generations.services.errors import AgainstPolicy, Invalid

__all__ = [
    "Allowed",
    "apply_to_queue",
    "change",
    "current",
    "for_user",
    "matching_term",
    "require",
]

logger = logging.getLogger(__name__)

SAFE_MODE = "Your team keeps safe mode on."
MODEL = "Your team does not use this model. Choose another one."
NOT_PRIVATE = "Your team uses private models only, and this one is not. Choose another one."
TEAM_KEY = "Your team’s key is not for you: add your own in settings."
SHARING = "Your team’s policy lets you share nothing outside. Ask an admin."
WATERMARK = {
    Always.ALWAYS: "Your team keeps the watermark in.",
    Always.NEVER: "Your team leaves the watermark out.",
}
METADATA = {
    Always.ALWAYS: "Your team keeps the settings in the file.",
    Always.NEVER: "Your team keeps the settings out of the file.",
}


def current() -> Policy:
    """The policy as it stands; without a row its defaults."""
    return Policy.objects.filter(pk=1).first() or Policy()


# --- for one person ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Allowed:
    """The rules as they are for one person, exceptions included."""

    safe_mode: SafeMode
    # Ids of models; None: every one that is offered.
    models: frozenset[str] | None
    private_models_only: bool
    blocked_terms: str
    watermark: Always
    metadata: Always
    may_use_team_key: bool
    may_share: bool
    share_days: int
    share_most_days: int
    share_needs_password: bool

    def model_problem(self, model: VeniceModel) -> str:
        """Why this person may not use it; "" when they may."""
        if self.models is not None and model.pk not in self.models:
            return MODEL
        if self.private_models_only and model.privacy != "private":
            return NOT_PRIVATE
        return ""

    def prompt_problem(self, prompt: str) -> str:
        term = matching_term(prompt, self.blocked_terms)
        return f"Your team has blocked “{term}”. Nothing was sent; use other words." if term else ""

    @property
    def fixed(self) -> dict[str, tuple[bool, str]]:
        """Parameter of Venice -> what the team has set it to, and that in words."""
        fixed: dict[str, tuple[bool, str]] = {}
        if self.safe_mode == SafeMode.FORCED:
            fixed["safe_mode"] = (True, SAFE_MODE)
        if self.watermark in WATERMARK:
            hidden = self.watermark == Always.NEVER
            fixed["hide_watermark"] = (hidden, WATERMARK[self.watermark])
        if self.metadata in METADATA:
            fixed["embed_exif_metadata"] = (self.metadata == Always.ALWAYS, METADATA[self.metadata])
        return fixed


def for_user(user: User) -> Allowed:
    """One query."""
    return _allowed(current(), user)


def _allowed(policy: Policy, user: User) -> Allowed:
    return Allowed(
        safe_mode=SafeMode(user.safe_mode or getattr(policy, f"safe_mode_{user.role}")),
        models=frozenset(policy.allowed_models) or None,
        private_models_only=policy.private_models_only,
        blocked_terms=policy.blocked_terms,
        watermark=Always(policy.watermark),
        metadata=Always(policy.metadata),
        may_use_team_key=_may(user, user.may_use_team_key, policy.team_key_for),
        may_share=_may(user, user.may_share, policy.sharing_for),
        share_days=min(policy.share_days, policy.share_most_days),
        share_most_days=policy.share_most_days,
        share_needs_password=policy.share_needs_password,
    )


def _may(user: User, exception: bool | None, who: str) -> bool:
    return user.role in Who(who).roles if exception is None else exception


def require(
    allowed: Allowed, *, model: VeniceModel, parameters: Mapping[str, Any], fields: Iterable[str]
) -> dict[str, Any]:
    """The parameters as the rules want them: `fields`, what the model takes, are set where the
    team has fixed them. Raises Invalid for what the rules do not let in.

    Only the prompt is searched for blocked terms: a negative prompt names what is not wanted.
    Safe mode that is switched off is refused where it must be on; what is not said is on, except
    where each person does as they like.
    """
    problems = {
        "model": allowed.model_problem(model),
        "prompt": allowed.prompt_problem(str(parameters.get("prompt") or "")),
        "safe_mode": SAFE_MODE if _switches_off(allowed, parameters) else "",
    }
    if found := {name: sentence for name, sentence in problems.items() if sentence}:
        raise AgainstPolicy(found)
    fixed = {name: value for name, (value, _) in allowed.fixed.items() if name in fields}
    given = {**parameters, **fixed}
    if allowed.safe_mode != SafeMode.FREE and "safe_mode" in fields:
        given.setdefault("safe_mode", True)
    return given


def _switches_off(allowed: Allowed, parameters: Mapping[str, Any]) -> bool:
    return allowed.safe_mode == SafeMode.FORCED and parameters.get("safe_mode") is False


# --- changing ---------------------------------------------------------------------------------

FIELDS = tuple(
    field.name
    for field in Policy._meta.fields
    if field.name not in ("id", "changed_at", "changed_by")
)


@transaction.atomic
def change(values: Mapping[str, Any], *, by: User, seen: datetime | None = None) -> Policy:
    """Set these rules; those that are not named stay. They hold from now on, for links and for
    jobs that wait as well.

    `seen` is `changed_at` of the policy that the values were made from, None for no row. Raises
    Invalid, also when somebody else has changed it since.
    """
    row, is_new = Policy.objects.get_or_create(pk=1)
    policy = Policy.objects.select_for_update().get(pk=row.pk)
    before = {name: getattr(policy, name) for name in FIELDS}
    if not is_new and policy.changed_at != seen:
        raise Invalid({"": _too_late(policy)})
    for name, value in values.items():
        if name not in FIELDS:
            raise ValueError(f"The policy has no {name}.")
        setattr(policy, name, value)
    policy.blocked_terms = "\n".join(lines_of(policy.blocked_terms))
    policy.allowed_models = sorted(set(policy.allowed_models))
    _check(policy)
    changes = {
        n: (before[n], getattr(policy, n)) for n in FIELDS if before[n] != getattr(policy, n)
    }
    if changes:
        policy.changed_by = by
        policy.save()
        _carry_out(policy, changes, by=by)
    return policy


def _too_late(policy: Policy) -> str:
    who = policy.changed_by.display_name if policy.changed_by else "Somebody"
    return (
        f"{who} has changed the policy meanwhile, so nothing was saved. What differs now is named "
        "below each rule; yours is still in the form. Save again to put yours in its place."
    )


def _check(policy: Policy) -> None:
    problems: dict[str, str] = {}
    try:
        policy.clean_fields(exclude=["changed_by"])
    except ValidationError as error:
        problems = {name: " ".join(texts) for name, texts in error.message_dict.items()}
    if "share_days" not in problems and policy.share_days > policy.share_most_days:
        problems["share_days"] = f"At most the longest, {policy.share_most_days} days."
    if sentence := _terms_problem(lines_of(policy.blocked_terms)):
        problems["blocked_terms"] = sentence
    if sentence := _models_problem(policy):
        problems["allowed_models"] = sentence
    if problems:
        raise Invalid(problems)


def _terms_problem(terms: list[str]) -> str:
    if len(terms) > MOST_TERMS:
        return f"{len(terms):,} terms are too many: at most {MOST_TERMS:,}."
    for term in terms:
        if len(term) > LONGEST_TERM:
            return f"“{term[:40]}…” is too long: a term has at most {LONGEST_TERM} characters."
        if not words_of(term):
            return f"“{term}” has no letter and no digit, so it would never be found."
    return ""


def _models_problem(policy: Policy) -> str:
    chosen = set(policy.allowed_models)
    if not chosen and not policy.private_models_only:
        return ""
    known = VeniceModel.objects.all()
    if chosen - set(known.values_list("pk", flat=True)):
        return "One of these models is not known here. Load the page again."
    left = known.filter(is_offered=True)
    left = left.filter(pk__in=chosen) if chosen else left
    left = left.filter(privacy="private") if policy.private_models_only else left
    return "" if left.exists() else "No model would be left. Allow one that is offered."


def _carry_out(policy: Policy, changes: dict[str, tuple[Any, Any]], *, by: User) -> None:
    details = {name: _difference(name, *values) for name, values in changes.items()}
    audit.note(audit.Action.POLICY_CHANGED, by=by, subject=policy, **details)
    logger.info("policy changed by %s: %s", by.pk, ", ".join(changes))
    if "second_factor_for" in changes:
        from generations.services.user import update_second_factor

        update_second_factor()
    apply_to_queue(policy=policy, most=IN_ONE_REQUEST)
    transaction.on_commit(lambda: _ring(has_new_terms="blocked_terms" in changes))


def _difference(name: str, before: Any, after: Any) -> dict[str, Any]:
    if name not in ("blocked_terms", "allowed_models"):
        return {"from": before, "to": after}
    old, new = (lines_of(v) if isinstance(v, str) else list(v) for v in (before, after))
    added, removed = _without(new, old), _without(old, new)
    return {
        "added": added[:MOST_NAMED],
        "removed": removed[:MOST_NAMED],
        "from": f"{len(old):,}",
        "to": f"{len(new):,}",
    }


# Terms and models that one line of the audit log names.
MOST_NAMED = 50


def _without(some: list[str], others: list[str]) -> list[str]:
    there = set(others)
    return [one for one in some if one not in there]


def _ring(*, has_new_terms: bool) -> None:
    """What takes longer than a page may: the rest of the queue, and images that are there."""
    from generations import tasks

    try:
        # Not at once: a submit that has read the old rules may be writing its job now.
        tasks.apply_policy.apply_async(countdown=AFTERWARDS.total_seconds())
        if has_new_terms:
            tasks.hold_blocked_terms.apply_async()
    except Exception as error:
        # Whatever a broker may raise, the rules are saved and hold for whatever comes.
        logger.warning("the queue is not looked through again: %s", type(error).__name__)


# --- what waits already -----------------------------------------------------------------------

# Jobs that are looked at while a page waits; a task does the rest.
IN_ONE_REQUEST = 2_000
AFTERWARDS = timedelta(seconds=10)
_BATCH = 500
CODE = "policy"
_ENDED = "{reason} The rule came while this waited. Nothing was charged."


def apply_to_queue(
    users: QuerySet[User] | None = None, *, policy: Policy | None = None, most: int | None = None
) -> int:
    """Fail what waits and would not be let in now: of these people, or with None of everybody.

    Nothing is charged. Looks at `most` jobs, with None at all. Returns how many ended. To be
    called after the policy or an exception for a person changed.
    """
    rules = policy or current()
    rows = Generation.objects.filter(state=State.QUEUED)
    if users is not None:
        rows = rows.filter(user__in=users)
    ids = list(rows.order_by().values_list("pk", flat=True)[:most])
    batches = (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH))
    return sum(_end_forbidden(batch, rules) for batch in batches)


def _end_forbidden(ids: list[Any], policy: Policy) -> int:
    rows = Generation.objects.filter(pk__in=ids, state=State.QUEUED).select_related("user", "key")
    models, untaken = VeniceModel.objects.in_bulk(), _untaken()
    reasons: dict[tuple[str, str], list[Any]] = {}
    for job in rows:
        allowed = _allowed(policy, job.user)
        if why := _broken(job, allowed, models.get(job.model), untaken):
            reasons.setdefault(why, []).append(job.pk)
    return sum(_fail(found, *why) for why, found in reasons.items())


def _untaken() -> set[tuple[str, str]]:
    """Model and field that it does not take."""
    return set(FieldRule.objects.filter(is_taken=False).values_list("model_id", "field"))


def _broken(
    job: Generation, allowed: Allowed, model: VeniceModel | None, untaken: set[tuple[str, str]]
) -> tuple[str, str] | None:
    """The field and the sentence of the first rule that a waiting job breaks."""
    if job.key and job.key.is_team and not allowed.may_use_team_key:
        return "", TEAM_KEY
    if model and (sentence := allowed.model_problem(model)):
        return "model", sentence
    if term := matching_term(job.prompt, allowed.blocked_terms):
        return "prompt", f"Your team has blocked “{term}”."
    for name, (value, sentence) in allowed.fixed.items():
        # What is not said is on for safe mode, and off for the others.
        said = bool(job.parameters.get(name, name == "safe_mode"))
        if said != value and (job.model, name) not in untaken:
            return name, sentence
    return None


def _fail(ids: list[Any], field: str, sentence: str) -> int:
    return Generation.objects.filter(pk__in=ids).move(
        State.QUEUED,
        State.FAILED,
        by="the policy",
        why=field or "team key",
        finished_at=timezone.now(),
        charged=Decimal(0),
        error_code=CODE,
        error_field=field,
        error_message=_ENDED.format(reason=sentence),
    )
