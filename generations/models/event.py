"""The audit log: who did what, when, from where. Written once, never changed."""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone


class Written(Exception):
    """What is written in the audit log stays as it is."""


class EventQuerySet(models.QuerySet["Event"]):
    def update(self, **values: Any) -> NoReturn:
        raise Written

    def delete(self) -> NoReturn:
        raise Written


class Event(models.Model):
    class Via(models.TextChoices):
        WEB = "web", "Web"
        API = "api", "API"
        COMMAND = "command", "Command line"
        SYSTEM = "system", "By itself"

    # In order: what came later has the higher number.
    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=timezone.now, editable=False)
    # What was done: "key.saved"; all of them stand in services/audit.py.
    action = models.CharField(max_length=40)
    # Nobody: the system did it, or somebody who is not signed in.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    # As they were called then.
    actor_name = models.CharField(max_length=254, blank=True)
    # What it was done to: kind ("user"), id, and what it was called then.
    subject_kind = models.CharField(max_length=24, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    subject_name = models.CharField(max_length=254, blank=True)
    # Figures and words that say more. Never a secret, never a prompt.
    details: Any = models.JSONField(default=dict)
    via = models.CharField(max_length=8, choices=Via.choices, default=Via.SYSTEM)
    # The network address it came from.
    address = models.CharField(max_length=45, blank=True)

    objects: ClassVar[models.Manager["Event"]] = EventQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["action", "-id"], name="event_of_action"),
            models.Index(fields=["actor", "-id"], name="event_of_actor"),
            models.Index(fields=["subject_kind", "subject_id", "-id"], name="event_of_subject"),
            models.Index(fields=["at"], name="event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Written
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Written
