"""The database's clock. Workers' clocks may differ by days: nothing that matters runs on them."""

from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.expressions import Combinable
from django.db.models.functions import Now


def ago(length: timedelta) -> Combinable:
    return ExpressionWrapper(Now() - length, output_field=DateTimeField())


def ahead(length: timedelta) -> Combinable:
    return ExpressionWrapper(Now() + length, output_field=DateTimeField())
