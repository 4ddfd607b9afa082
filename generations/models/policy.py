"""What the team's admins allow. One row; without it everything here holds as it stands."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q


class SafeMode(models.TextChoices):
    FORCED = "forced", "Always on"
    DEFAULT = "default", "On, unless switched off"
    FREE = "free", "As each person likes"


class Who(models.TextChoices):
    EVERYONE = "everyone", "Everyone"
    REVIEWERS = "reviewers", "Reviewers and admins"
    ADMINS = "admins", "Admins"
    NOBODY = "nobody", "Nobody"

    @property
    def roles(self) -> tuple[str, ...]:
        """Values of User.Role."""
        return _ROLES[self]


_ROLES = {
    Who.EVERYONE: ("member", "reviewer", "admin"),
    Who.REVIEWERS: ("reviewer", "admin"),
    Who.ADMINS: ("admin",),
    Who.NOBODY: (),
}


class Always(models.TextChoices):
    FREE = "free", "As each person likes"
    ALWAYS = "always", "Always"
    NEVER = "never", "Never"


class Policy(models.Model):
    # There is one.
    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)

    # By role; User.safe_mode is the exception for one person.
    safe_mode_member = models.CharField(
        max_length=8, choices=SafeMode.choices, default=SafeMode.DEFAULT
    )
    safe_mode_reviewer = models.CharField(
        max_length=8, choices=SafeMode.choices, default=SafeMode.DEFAULT
    )
    safe_mode_admin = models.CharField(
        max_length=8, choices=SafeMode.choices, default=SafeMode.DEFAULT
    )
    # Ids; empty: every model that is offered.
    allowed_models: Any = models.JSONField(default=list, blank=True)
    private_models_only = models.BooleanField(default=False)
    # One word or phrase a line.
    blocked_terms = models.TextField(blank=True)
    watermark = models.CharField(max_length=8, choices=Always.choices, default=Always.FREE)
    # Whether Venice writes the prompt into the file.
    metadata = models.CharField(max_length=8, choices=Always.choices, default=Always.FREE)

    # User.may_use_team_key and User.may_share are the exceptions for one person.
    team_key_for = models.CharField(max_length=10, choices=Who.choices, default=Who.EVERYONE)
    sharing_for = models.CharField(max_length=10, choices=Who.choices, default=Who.EVERYONE)
    share_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    share_most_days = models.PositiveSmallIntegerField(
        default=365, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    share_needs_password = models.BooleanField(default=False)

    trash_days = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )

    second_factor_for = models.CharField(max_length=10, choices=Who.choices, default=Who.NOBODY)
    is_signup_open = models.BooleanField(default=False)

    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name_plural = "policy"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="one_policy"),
            models.CheckConstraint(
                condition=Q(share_days__lte=models.F("share_most_days")),
                name="default_share_within_longest",
            ),
        ]

    def __str__(self) -> str:
        return "policy"
