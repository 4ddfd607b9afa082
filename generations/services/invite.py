"""Invitations: making and withdrawing them, and the account that comes of one."""

import hashlib
import logging
import secrets
from collections.abc import Iterable
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from generations import crypto, queries
from generations.models import Invite, User
from generations.services import audit
from generations.services import user as users
from generations.services.errors import Invalid, NotPossible

logger = logging.getLogger(__name__)

DAYS, LEAST_DAYS, MOST_DAYS = 7, 1, 30
# Posts of one address: enough for a team behind one door, too few to keep the hasher busy.
TRIES, TRIES_WITHIN = 40, 10 * 60


class Gone(Exception):
    """There is no such invitation, or it cannot be used any more."""


def create(by: User, *, role: str, days: int = DAYS, email: str = "") -> Invite:
    """An invitation that makes one account with this role, within `days`; with an address only
    for that one. Raises Invalid (`role`, `days`, `email`), NotPossible for who is no admin.
    """
    email = email.strip().lower()
    if problems := _problems(role, days, email):
        raise Invalid(problems)
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        # Behind a lock: who is let out in this moment leaves no invitation behind.
        if queries.admins().select_for_update().filter(pk=by.pk).first() is None:
            raise NotPossible("Only an admin may invite.")
        invite = Invite.objects.create(
            token_hash=hash_of(token),
            token=crypto.encrypt(token),
            role=role,
            email=email,
            created_by=by,
            expires_at=timezone.now() + timedelta(days=days),
        )
        audit.note(audit.Action.INVITE_MADE, by=by, subject=invite, role=role, days=days)
    logger.info("invitation %s as %s made by %s", invite.pk, role, by.pk)
    return invite


def _problems(role: str, days: int, email: str) -> dict[str, str]:
    problems = {}
    if role not in User.Role.values:
        problems["role"] = "Choose a role of the list."
    if not LEAST_DAYS <= days <= MOST_DAYS:
        problems["days"] = f"Choose {LEAST_DAYS} to {MOST_DAYS} days."
    if email and (sentence := users.email_problem(email)):
        problems["email"] = sentence
    elif email and User.objects.filter(email__iexact=email).exists():
        problems["email"] = users.HERE_ALREADY
    return problems


def send(invite: Invite, *, link: str) -> bool:
    """Mail the link to whom it is for; False when that could not be done."""
    if not (settings.HAS_EMAIL and invite.email):
        return False
    context = {"site_name": settings.SITE_NAME, "link": link, "expires_at": invite.expires_at}
    return mail(
        invite.email,
        subject=f"Your invitation to {settings.SITE_NAME}",
        text=render_to_string("invite/mail.txt", context),
    )


def mail(to: str, *, subject: str, text: str) -> bool:
    """False when the mail server does not take it now."""
    try:
        return bool(send_mail(subject, text, None, [to]))
    except (OSError, SMTPException) as error:
        logger.warning("mail not sent: %s", type(error).__name__)
        return False


def withdraw(invites: Iterable[Invite], *, by: User) -> int:
    """End these; returns how many could still be used until now."""
    done = 0
    for invite in invites:
        with transaction.atomic():
            rows = Invite.objects.filter(pk=invite.pk, used_at=None, revoked_at=None)
            if rows.update(revoked_at=timezone.now()):
                audit.note(audit.Action.INVITE_REVOKED, by=by, subject=invite, role=invite.role)
                done += 1
    return done


def find(token: str) -> Invite | None:
    """The invitation behind a token from outside, when it can be used at this moment."""
    return queries.open_invite(hash_of(token))


def accept(
    invite: Invite,
    *,
    name: str,
    password: str,
    email: str = "",
) -> User:
    """Make the account, once: of many who try at the same time one succeeds.

    `email` counts where the invitation names none. Raises Gone when it was used, withdrawn or
    over meanwhile; Invalid (`email`, `password`, `name`).
    """
    # That an address is here already is told to nobody without an invitation that works.
    user = users.new(invite.email or email, password, role=invite.role, name=name)
    with transaction.atomic():
        # One UPDATE decides, also against whoever withdraws it in this moment.
        unused = Invite.objects.filter(pk=invite.pk, used_at=None, revoked_at=None)
        if not unused.filter(pk__in=queries.open_invites()).update(used_at=timezone.now()):
            raise Gone
        users.keep(user, by=None)
        Invite.objects.filter(pk=invite.pk).update(used_by=user)
        audit.note(audit.Action.INVITE_USED, by=user, subject=invite, role=invite.role)
    logger.info("invitation %s used by %s", invite.pk, user.pk)
    return user


def token_of(invite: Invite) -> str:
    """The token, to show it to admins again; "" when the key that hid it is gone."""
    try:
        return crypto.decrypt(invite.token)
    except crypto.CannotDecrypt:
        return ""


def hash_of(token: str) -> str:
    """What a token is found by: looking up its hash tells nothing by the time it takes."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
