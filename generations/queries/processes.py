"""Who works in the background, as they report themselves."""

from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from generations.models import Beat, Worker


def seen_workers() -> QuerySet[Worker]:
    """All of the last day, whoever reported last first; with `now`, the database's clock."""
    return Worker.objects.annotate(now=Now()).order_by("-seen_at", "holder")


def living_workers(silence: timedelta) -> QuerySet[Worker]:
    return Worker.objects.filter(seen_at__gte=_ago(silence))


def seen_beats() -> QuerySet[Beat]:
    """The same of the processes that ring."""
    return Beat.objects.annotate(now=Now()).order_by("-seen_at", "holder")


def living_beats(silence: timedelta) -> QuerySet[Beat]:
    return Beat.objects.filter(seen_at__gte=_ago(silence))


def _ago(length: timedelta) -> Combinable:
    return ExpressionWrapper(Now() - length, output_field=DateTimeField())
