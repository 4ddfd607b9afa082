"""People: adding them, and the first admin."""

import secrets
from dataclasses import dataclass

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from generations.models import User
from generations.services.errors import Invalid

FIRST_ADMIN = "admin@localhost"


@dataclass(frozen=True)
class NewAdmin:
    email: str
    password: str
    is_made_up: bool

    def __repr__(self) -> str:
        return f"NewAdmin({self.email!r})"


def add(email: str, password: str, *, role: str = User.Role.MEMBER, name: str = "") -> User:
    """Add a person. Raises Invalid (`email`, `password`, `role`)."""
    problems = _problems(email, password, role)
    if problems:
        raise Invalid(problems)
    return User.objects.create_user(email, password, role=role, name=name)


def _problems(email: str, password: str, role: str) -> dict[str, str]:
    problems = {}
    try:
        validate_email(email)
    except ValidationError:
        problems["email"] = "This is no e-mail address."
    if User.objects.filter(email__iexact=email.strip()).exists():
        problems["email"] = "Somebody with this address is here already."
    try:
        validate_password(password, User(email=email))
    except ValidationError as error:
        problems["password"] = " ".join(error.messages)
    if role not in User.Role.values:
        problems["role"] = f"The role is one of {', '.join(User.Role.values)}."
    return problems


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
