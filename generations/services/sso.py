"""Signing in through the team's own provider: who that is here.

The provider answers for the address. An account with that address, and a person who may sign up,
come in; nobody else does.
"""

from allauth.mfa.models import Authenticator
from django.db import transaction

from generations.models import Event, User
from generations.services import audit, factor, signup
from generations.services import session as sessions
from generations.services import user as users
from generations.services.errors import Invalid, NotPossible


def person(email: str, *, name: str) -> User:
    """Whose account it is, or a new one where sign-up is open. `email` is proved, or "".

    Raises NotPossible with a sentence for whoever stands there.
    """
    if not email:
        raise NotPossible("Your provider does not say that your address is yours.")
    user = User.objects.filter(email__iexact=email).first()
    if user is not None:
        return _theirs(user)
    if not signup.is_open():
        raise NotPossible("There is no account with your address here. Ask an admin.")
    new = User(email=email.lower(), name=" ".join(name.replace("\0", "").split())[:80])
    new.set_unusable_password()
    try:
        return users.keep(new, by=None, how="provider")
    except Invalid:
        raise NotPossible("Try again: your account was made in this moment.") from None


@transaction.atomic
def _theirs(user: User) -> User:
    """Whoever took the address without proving it must not stay in the account with its owner."""
    if not _took_it_themselves(user):
        return user
    user.set_unusable_password()
    user.save(update_fields=["password"])
    audit.note(audit.Action.PASSWORD_CHANGED, by=None, subject=user, how="provider")
    for row in Authenticator.objects.filter(user=user):
        row.delete()
        factor.removed(user, kind=row.type)
    sessions.end_sessions(user)
    return user


def _took_it_themselves(user: User) -> bool:
    """Neither an admin nor a command made the account: it came by itself."""
    return Event.objects.filter(
        action=audit.Action.USER_ADDED,
        subject_kind="user",
        subject_id=str(user.pk),
        actor=None,
        via=Event.Via.WEB,
    ).exists()
