"""A recipe: a prompt and its settings under a name, for oneself or for the team."""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class Recipe(models.Model):
    NAME_LIMIT = 80

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="recipes")
    name = models.CharField(max_length=NAME_LIMIT)
    is_team = models.BooleanField(default=False)
    # The number of the newest version; versions are only ever added.
    latest_number = models.PositiveIntegerField(default=0)
    uses = models.PositiveIntegerField(default=0)
    # Of one that was not used yet, when it was made: lists put the newest use first.
    used_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)
    # Kept for a while, so that a deletion can be undone.
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-used_at", "-id"], name="recipe_newest_use")]

    def __str__(self) -> str:
        return self.name


class RecipeVersion(models.Model):
    """What was asked for, in the columns that a generation has for it. Never changed."""

    recipe = models.ForeignKey(Recipe, models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField()
    # The job it was saved from: its image is the recipe's picture for who may see that image.
    generation = models.ForeignKey(
        "Generation", models.SET_NULL, null=True, related_name="recipe_versions"
    )
    model = models.CharField(max_length=120)
    model_name = models.CharField(max_length=160)
    prompt = models.TextField()
    negative_prompt = models.TextField(blank=True)
    # None unless the person asked to keep it.
    seed = models.IntegerField(null=True)
    variants = models.PositiveSmallIntegerField(default=1)
    parameters: Any = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint("recipe", "number", name="one_version_a_number"),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of {self.recipe_id}"
