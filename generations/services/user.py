"""People: adding them, what they may do, letting them out and in again, and the first admin."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from generations import queries
from generations.models import Generation, Invite, Policy, User
from generations.models.generation import State
from generations.models.policy import SafeMode, Who
from generations.services import audit, policy, queue
from generations.services import session as sessions
from generations.services.errors import Invalid, NotPossible

logger = logging.getLogger(__name__)

FIRST_ADMIN = "admin@localhost"
HERE_ALREADY = "Somebody with this address is here already."
LAST_ADMIN = "There must be an admin: make somebody else one first."


@dataclass(frozen=True)
class NewAdmin:
    email: str
    password: str
    is_made_up: bool

    def __repr__(self) -> str:
        return f"NewAdmin({self.email!r})"


# --- adding -------------------------------------------------------------------------------------


def add(
    email: str,
    password: str,
    *,
    role: str = User.Role.MEMBER,
    name: str = "",
    by: User | None = None,
) -> User:
    """Add a person. Raises Invalid (`email`, `password`, `role`, `name`)."""
    return keep(new(email, password, role=role, name=name), by=by)


def new(email: str, password: str, *, role: str = User.Role.MEMBER, name: str = "") -> User:
    """A person who is not saved yet, their password hashed: that takes a while, and wants no
    transaction around it. Raises Invalid like `add`."""
    email, name = email.strip().lower(), " ".join(name.split())
    if problems := _problems(email, password, role, name):
        raise Invalid(problems)
    user = User(email=email, role=role, name=name)
    user.set_password(password)
    return user


@transaction.atomic
def keep(user: User, *, by: User | None, **details: Any) -> User:
    """Save what `new` made. Raises Invalid when somebody took the address meanwhile."""
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        raise Invalid({"email": HERE_ALREADY}) from None
    audit.note(audit.Action.USER_ADDED, by=by, subject=user, role=user.role, **details)
    update_second_factor(User.objects.filter(pk=user.pk))
    return user


def _problems(email: str, password: str, role: str, name: str) -> dict[str, str]:
    problems = {}
    if sentence := email_problem(email):
        problems["email"] = sentence
    elif User.objects.filter(email__iexact=email).exists():
        problems["email"] = HERE_ALREADY
    if sentence := password_problem(password, User(email=email, name=name)):
        problems["password"] = sentence
    if role not in User.Role.values:
        problems["role"] = f"The role is one of {', '.join(User.Role.values)}."
    if len(name) > 80 or "\0" in name:
        problems["name"] = "A name has at most 80 characters."
    return problems


def email_problem(email: str) -> str:
    """What is wrong with an address as such; "" for nothing."""
    try:
        validate_email(email)
    except ValidationError:
        return "This is no e-mail address."
    return "" if len(email) <= 254 else "This address is too long."


def password_problem(password: str, user: User) -> str:
    try:
        validate_password(password, user)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


@transaction.atomic
def first_admin(email: str, password: str) -> NewAdmin | None:
    """Make the first admin when there is nobody yet; what is not given is made up.

    Raises Invalid when the given address or password cannot be used.
    """
    if User.objects.exists():
        return None
    admin = NewAdmin(email or FIRST_ADMIN, password or secrets.token_urlsafe(12), not password)
    add(admin.email, admin.password, role=User.Role.ADMIN)
    return admin


# --- what an admin decides ----------------------------------------------------------------------

V = TypeVar("V", bound=Callable[..., Any])


def _decided(verb: V) -> V:
    """One decision about people at a time. `user` is read again behind the lock.

    All that may matter is locked in one order: of two admins who demote each other, the second
    finds that it may not any more. On SQLite the transaction itself is the lock.
    """

    @wraps(verb)
    def locked(user: User, *args: Any, by: User | None, **kwargs: Any) -> Any:
        with transaction.atomic():
            ids = [user.pk, by.pk] if by else [user.pk]
            wanted = Q(pk__in=ids) | Q(role=User.Role.ADMIN, is_active=True)
            rows = User.objects.select_for_update().filter(wanted).order_by("pk")
            found = {row.pk: row for row in rows}
            if by and not found[by.pk].is_admin:
                raise NotPossible("Only an admin may do that.")
            return verb(found[user.pk], *args, by=by, **kwargs)

    return cast(V, locked)


@_decided
def set_role(user: User, role: str, *, by: User | None) -> None:
    """Raises Invalid (`role`), and NotPossible for the last admin."""
    if role not in User.Role.values:
        raise Invalid({"role": "Choose a role of the list."})
    if role == user.role:
        return
    if role != User.Role.ADMIN:
        _require_another_admin(user)
    User.objects.filter(pk=user.pk).update(role=role)
    audit.note(audit.Action.ROLE_CHANGED, by=by, subject=user, before=user.role, after=role)
    if user.role == User.Role.ADMIN:
        # Who may not invite any more leaves no open door behind.
        _withdraw_invites(user, by=by)
    update_second_factor(User.objects.filter(pk=user.pk))
    policy.apply_to_queue(User.objects.filter(pk=user.pk))
    logger.info("role of %s: %s by %s", user.pk, role, _name(by))


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended with an account that was switched off."""

    sessions: int
    jobs: int
    invites: int


@_decided
def deactivate(user: User, *, by: User | None) -> Ended:
    """Out on the next request. What they made and saved stays, and is theirs again when they are
    let back in; waiting jobs are cancelled, running ones end.

    Raises NotPossible for the last admin.
    """
    if not user.is_active:
        raise NotPossible("This account is switched off already.")
    _require_another_admin(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    ended = Ended(
        sessions.end_sessions(user), _cancel_jobs(user, by=by), _withdraw_invites(user, by=by)
    )
    audit.note(
        audit.Action.USER_DEACTIVATED,
        by=by,
        subject=user,
        sessions=ended.sessions,
        jobs=ended.jobs,
        invites=ended.invites,
    )
    logger.info("%s deactivated by %s", user.pk, _name(by))
    return ended


@_decided
def activate(user: User, *, by: User | None) -> None:
    """Let somebody back in: they can sign in, and their links work again. Raises NotPossible."""
    if user.is_active:
        raise NotPossible("This account is active already.")
    User.objects.filter(pk=user.pk).update(is_active=True)
    audit.note(audit.Action.USER_ACTIVATED, by=by, subject=user)
    update_second_factor(User.objects.filter(pk=user.pk))
    logger.info("%s activated by %s", user.pk, _name(by))


@_decided
def set_exceptions(
    user: User,
    *,
    safe_mode: str,
    may_use_team_key: bool | None,
    may_share: bool | None,
    by: User | None,
) -> None:
    """What holds for this person instead of the policy; "" and None: as the policy says.

    Raises Invalid (`safe_mode`).
    """
    if safe_mode not in ("", *SafeMode.values):
        raise Invalid({"safe_mode": "Choose one of the list."})
    given = {"safe_mode": safe_mode, "may_use_team_key": may_use_team_key, "may_share": may_share}
    changed = {name: value for name, value in given.items() if getattr(user, name) != value}
    if changed:
        User.objects.filter(pk=user.pk).update(**changed)
        audit.note(audit.Action.EXCEPTION_CHANGED, by=by, subject=user, **changed)
        policy.apply_to_queue(User.objects.filter(pk=user.pk))


@_decided
def set_password(user: User, password: str, *, by: User | None) -> None:
    """Give somebody a new password, which ends their sessions. Raises Invalid (`password`)."""
    if sentence := password_problem(password, user):
        raise Invalid({"password": sentence})
    user.set_password(password)
    User.objects.filter(pk=user.pk).update(password=user.password)
    audit.note(audit.Action.PASSWORD_CHANGED, by=by, subject=user)


@_decided
def end_sessions(user: User, *, by: User | None) -> int:
    """Sign somebody out everywhere; returns how many sessions were listed."""
    if ended := sessions.end_sessions(user):
        audit.note(audit.Action.SESSION_ENDED, by=by, subject=user, sessions=ended)
    return ended


def _name(by: User | None) -> str:
    return str(by.pk) if by else "the system"


def _require_another_admin(user: User) -> None:
    if user.is_admin and not queries.admins().exclude(pk=user.pk).exists():
        raise NotPossible(LAST_ADMIN)


def _cancel_jobs(user: User, *, by: User | None) -> int:
    return Generation.objects.filter(user=user).move(
        State.QUEUED,
        State.CANCELLED,
        by=_name(by),
        why="deactivated",
        finished_at=timezone.now(),
        charged=Decimal(0),
        error_code="deactivated",
        error_message=queue.SWITCHED_OFF,
    )


def _withdraw_invites(user: User, *, by: User | None) -> int:
    """Of the invitations they made, those that are still open."""
    rows = Invite.objects.filter(created_by=user, used_at=None, revoked_at=None)
    found = list(rows.filter(expires_at__gt=timezone.now()))
    for invite in found:
        audit.note(audit.Action.INVITE_REVOKED, by=by, subject=invite, role=invite.role)
    rows.filter(pk__in=[invite.pk for invite in found]).update(revoked_at=timezone.now())
    return len(found)


# --- the second factor --------------------------------------------------------------------------


def update_second_factor(users: QuerySet[User] | None = None) -> None:
    """Bring `needs_second_factor` of these people (None: everyone) up to date.

    To be called after the policy, a role or somebody's factors changed, in the same transaction.
    """
    people = (
        User.objects.filter(pk__in=users.order_by().values("pk"))
        if users is not None
        else User.objects
    )
    who = Policy.objects.values_list("second_factor_for", flat=True).first() or Who.NOBODY
    lacking = Q(role__in=Who(who).roles) & ~queries.has_factor()
    people.filter(lacking, needs_second_factor=False).update(needs_second_factor=True)
    people.exclude(lacking).filter(needs_second_factor=True).update(needs_second_factor=False)
