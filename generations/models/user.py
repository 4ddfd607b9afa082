"""A person of the team. Signs in by e-mail; the role says what they may do."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from generations.models.policy import SafeMode


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    class Role(models.TextChoices):
        ADMIN = "admin", "Admin"
        REVIEWER = "reviewer", "Reviewer"
        MEMBER = "member", "Member"

    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=80, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    is_active = models.BooleanField(default=True)
    # Of the images this person makes, unless they say otherwise: "team" or "private".
    default_visibility = models.CharField(max_length=8, default="team")
    # Exceptions from the policy for this person; empty: as the policy says.
    safe_mode = models.CharField(max_length=8, choices=SafeMode.choices, blank=True)
    may_use_team_key = models.BooleanField(null=True, blank=True)
    may_share = models.BooleanField(null=True, blank=True)
    # The policy asks for a second factor and there is none yet: nothing else opens before.
    # Kept up to date by services.user, so that no request has to look.
    needs_second_factor = models.BooleanField(default=False, editable=False)
    # Goes up when all sessions of this person end; part of each session's signature.
    session_round = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_any_case"),)

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    @property
    def initials(self) -> str:
        words = self.display_name.replace(".", " ").replace("_", " ").split()
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == self.Role.ADMIN

    @property
    def is_reviewer(self) -> bool:
        """May see held images: reviewers and admins."""
        return self.is_active and self.role in (self.Role.ADMIN, self.Role.REVIEWER)

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        salt = "generations.user.session"
        value = f"{self.session_round}.{self.password}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    # What Django's admin asks. The role is the only source of rights.
    @property
    def is_staff(self) -> bool:
        return self.is_admin and not self.needs_second_factor

    @property
    def is_superuser(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_admin
