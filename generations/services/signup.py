"""Signing up by oneself, where the policy lets people.

Where mail is sent, an account is made only by whoever reads the mail of its address, and what the
page answers is the same for every address: nobody learns there who is in the team.

Without mail there is no such proof. The page still answers alike for every address, and takes as
long. Whoever then signs in learns whether the account was made; that costs one made account, which
stands in the audit log, and few are made from one network.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string

from generations.models import User
from generations.services import invite as invites
from generations.services import policy, throttle
from generations.services import user as users
from generations.services.errors import Invalid

LASTS = timedelta(hours=24)
# Of one network, and to one address: nobody's mailbox is filled from here.
TRIES, TRIES_WITHIN = 20, 60 * 60
MAILS, MAILS_WITHIN = 3, 60 * 60


class Closed(Exception):
    """People come by invitation only, or the link is not good any more."""


class TooMany(Exception):
    """More tries than one network may make."""


def is_open() -> bool:
    return policy.current().is_signup_open


def ask(email: str, *, link_to: Callable[[str], str], sign_in: str, place: str) -> None:
    """Mail a link to an address, which stands for a new account; to one that has an account, how
    to sign in. `link_to` makes the whole address of a token; `sign_in` is that of the page.

    Raises Closed, TooMany, and Invalid (`email`) for what is no address.
    """
    _require(place)
    email = email.strip().lower()
    if sentence := users.email_problem(email):
        raise Invalid({"email": sentence})
    name = hashlib.sha256(email.encode()).hexdigest()[:32]
    if not throttle.is_allowed(f"signup:mail:{name}", most=MAILS, seconds=MAILS_WITHIN):
        return
    is_known = User.objects.filter(email__iexact=email).exists()
    context = {
        "site_name": settings.SITE_NAME,
        "is_known": is_known,
        "link": sign_in if is_known else link_to(_signer().sign_object({"email": email})),
    }
    invites.mail(
        email,
        subject=f"Your account at {settings.SITE_NAME}",
        text=render_to_string("account/signup_mail.txt", context),
    )


def email_of(token: str) -> str:
    """The address that a link of the mail is for. Raises Closed, also when it has an account."""
    try:
        email = str(_signer().unsign_object(token, max_age=LASTS)["email"])
    except (signing.BadSignature, ValueError, KeyError, TypeError):
        raise Closed from None
    if not is_open() or User.objects.filter(email__iexact=email).exists():
        raise Closed
    return email


def confirm(token: str, *, name: str, password: str, place: str) -> User:
    """Make the account that the mail was about. Raises Closed, TooMany, Invalid."""
    email = email_of(token)
    _require(place)
    try:
        return users.keep(users.new(email, password, name=name), by=None, how="sign-up")
    except Invalid as problem:
        if "email" in problem.fields:
            raise Closed from None
        raise


def sign_up(email: str, *, name: str, password: str, place: str) -> None:
    """Make an account as a member, without mail; for an address that has one, nothing. Which of
    the two it was is not told. Raises Closed, TooMany, Invalid (`email`, `password`, `name`).
    """
    _require(place)
    try:
        users.keep(users.new(email, password, name=name), by=None, how="sign-up")
    except Invalid as problem:
        told = {k: text for k, text in problem.fields.items() if text != users.HERE_ALREADY}
        if told:
            raise Invalid(told) from None
        User(email=email).set_password(password)  # as long as it takes for somebody new


def _require(place: str) -> None:
    if not is_open():
        raise Closed
    if not throttle.is_allowed(f"signup:{place}", most=TRIES, seconds=TRIES_WITHIN):
        raise TooMany


def _signer() -> signing.TimestampSigner:
    # No sign in it that an address would have to escape: the log recognises it whole.
    return signing.TimestampSigner(sep=".", salt="generations.signup")
