"""What Venice offers: models with constraints and prices, style presets, and when we asked."""

from typing import Any, ClassVar

from django.db import models


class VeniceModel(models.Model):
    """A model as the last answer named it. `spec` is Venice's own `model_spec`, untouched."""

    # Ids are case-sensitive at Venice.
    id = models.CharField(primary_key=True, max_length=120)
    name = models.CharField(max_length=160)
    privacy = models.CharField(max_length=20, blank=True)
    spec: Any = models.JSONField(default=dict)
    # When Venice made it, in Unix seconds; 0 when Venice does not say.
    created = models.PositiveBigIntegerField(default=0)
    position = models.PositiveIntegerField(default=0)
    # Listed, online, and makes images from text.
    is_offered = models.BooleanField(default=True)
    last_seen_at = models.DateTimeField()
    # The middle half of recent calls, in seconds: "usually 8-12 s".
    usual_low = models.FloatField(null=True, blank=True)
    usual_high = models.FloatField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position", "id"]
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name


class ModelAlias(models.Model):
    """A name that programs use, mapped by an admin to a model of Venice: "dall-e-3"."""

    name = models.CharField(primary_key=True, max_length=120)
    model = models.ForeignKey(VeniceModel, models.CASCADE, related_name="aliases")

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name_plural = "model aliases"

    def __str__(self) -> str:
        return f"{self.name} → {self.model_id}"


class FieldRule(models.Model):
    """Whether a model takes a field that its constraints say nothing about.

    Learned from a refusal that named the field, or set by an admin, whose word holds.
    """

    class Source(models.TextChoices):
        LEARNED = "learned", "Learned from Venice"
        ADMIN = "admin", "Set by an admin"

    model = models.ForeignKey(VeniceModel, models.CASCADE, related_name="field_rules")
    field = models.CharField(max_length=40)
    is_taken = models.BooleanField(default=False)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.ADMIN)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("model", "field", name="one_rule_a_field"),
        ]

    def __str__(self) -> str:
        return f"{self.model_id}: {self.field} {'taken' if self.is_taken else 'not taken'}"


class StylePreset(models.Model):
    name = models.CharField(primary_key=True, max_length=80)
    position = models.PositiveIntegerField(default=0)
    is_offered = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["position", "name"]

    def __str__(self) -> str:
        return self.name


class CatalogueFetch(models.Model):
    """The one row that says how old the catalogue is, and what went wrong last."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    fetched_at = models.DateTimeField(null=True)
    base_url = models.URLField(max_length=300, blank=True)
    error = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"catalogue of {self.fetched_at}"
