"""What the review desk asks for; a case for what is held already, and a lock on what shows a minor."""

import uuid

from django.db import migrations, models
from django.db.models import Q
from django.utils import timezone

_BATCH = 500
_FLAGS = (
    ("minor", "has_minor"),
    ("violation", "is_violation"),
    ("adult", "is_adult"),
    ("blurred", "is_blurred"),
)


def reasons_of(image):
    found = [reason for reason, flag in _FLAGS if getattr(image, flag)]
    return found or ["unknown"]


def open_cases(apps, schema_editor):
    """For every image that is kept from people and has no case: in batches, again if need be."""
    Image = apps.get_model("generations", "Image")
    Case = apps.get_model("generations", "Case")
    Image.objects.filter(has_minor=True).update(state="locked")
    kept = Image.objects.filter(state__in=("held", "locked"), cases=None)
    rows = kept.select_related("generation").order_by("created_at", "pk")
    while batch := list(rows[:_BATCH]):
        Case.objects.bulk_create(_case(Case, image) for image in batch)


def _case(Case, image):
    is_locked = image.state == "locked"
    return Case(
        id=uuid.uuid4(),
        image=image,
        image_uuid=image.pk,
        user_id=image.user_id,
        model_name=image.generation.model_name,
        prompt=image.generation.prompt,
        reasons=reasons_of(image),
        state="closed" if is_locked else "open",
        opened_at=image.created_at,
        closed_at=timezone.now() if is_locked else None,
    )


class Migration(migrations.Migration):
    dependencies = [("generations", "0011_event")]

    operations = [
        migrations.RemoveIndex(model_name="case", name="case_queue"),
        migrations.RemoveIndex(model_name="decision", name="decision_hashes"),
        migrations.AddField(
            model_name="case",
            name="asked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="case",
            name="answered_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=Q(("closed_at", None)),
                fields=["-state", "opened_at", "id"],
                name="case_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=Q(("dhash__isnull", False), ("undone_at", None)),
                fields=["-decided_at"],
                name="decision_hashes",
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=Q(("seen_at", None), ("undone_at", None)),
                fields=["case"],
                name="decision_unseen",
            ),
        ),
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                condition=Q(("has_minor", True)), fields=["dhash"], name="image_of_minor"
            ),
        ),
        migrations.RunPython(open_cases, migrations.RunPython.noop, elidable=True),
    ]
