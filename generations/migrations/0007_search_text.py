"""Fills what 0002 and 0004 added, for images that were there before."""

from django.db import migrations
from django.db.models import Exists, OuterRef, Subquery
from django.db.models.fields.json import KT

from generations.queries import text

BATCH = 1000


def copy(apps, schema_editor):
    image, generation = (apps.get_model("generations", name) for name in ("Image", "Generation"))
    made = generation.objects.filter(pk=OuterRef("generation"))
    image.objects.update(model=Subquery(made.values("model")))
    styled = made.filter(parameters__style_preset__gt="").annotate(
        style=KT("parameters__style_preset")
    )
    image.objects.filter(Exists(styled)).update(style=Subquery(styled.values("style")))
    image.objects.filter(Exists(made.filter(is_hidden=True))).update(is_hidden=True)
    image.objects.filter(Exists(made.filter(made_from__isnull=False))).update(has_parent=True)


def write(apps, schema_editor):
    image, row = (apps.get_model("generations", name) for name in ("Image", "ImageText"))
    images = image.objects.filter(text=None).select_related("generation").prefetch_related("tags")
    while found := list(images.order_by("created_at", "id")[:BATCH]):
        near = [text.place_of(one.created_at, one.pk) for one in (found[0], found[-1])]
        taken = set(
            row.objects.filter(id__gte=near[0], id__lte=near[1] + BATCH).values_list(
                "id", flat=True
            )
        )
        places = text.places(found, taken)
        row.objects.bulk_create(
            row(id=places[one.pk], image=one, body=text.body_of(one)) for one in found
        )


class Migration(migrations.Migration):
    dependencies = [("generations", "0006_search")]

    operations = [
        migrations.RunPython(copy, migrations.RunPython.noop),
        migrations.RunPython(write, migrations.RunPython.noop),
    ]
