"""The database itself refuses to show what shows a minor. Apart from 0012, which moves the rows:
PostgreSQL does not change a table while rows of the same transaction wait to be checked."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("generations", "0012_review")]

    operations = [
        migrations.AddConstraint(
            model_name="image",
            constraint=models.CheckConstraint(
                condition=Q(("has_minor", False), ("state", "locked"), _connector="OR"),
                name="minor_is_locked_away",
            ),
        ),
    ]
