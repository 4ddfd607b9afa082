"""The queue's line: turns, and what the limiter counts. The key gives up what its account has."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

MOVED = (
    "fingerprint",
    "tested_at",
    "tier",
    "balance_usd",
    "balance_diem",
    "balance_at",
    "expires_at",
    "requests_per_minute",
    "problem",
    "problem_at",
)


class Migration(migrations.Migration):
    dependencies = [("generations", "0002_account")]

    operations = [
        migrations.AlterField(
            model_name="venicekey",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="keys",
                to="generations.account",
            ),
        ),
        *[migrations.RemoveField(model_name="venicekey", name=name) for name in MOVED],
        migrations.AddField(
            model_name="call",
            name="account",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="calls",
                to="generations.account",
            ),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["account", "-started_at"], name="call_minute"),
        ),
        migrations.AddIndex(
            model_name="call",
            index=models.Index(fields=["account", "outcome", "finished_at"], name="call_outcomes"),
        ),
        migrations.AddField(
            model_name="worker",
            name="places",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="generation",
            name="turn",
            field=models.BigIntegerField(default=0),
        ),
        migrations.RemoveIndex(model_name="generation", name="generation_queue"),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=Q(state="queued"),
                fields=["key", "lane", "turn", "created_at", "id"],
                name="generation_line",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                fields=["key", "user", "lane", "turn"],
                name="generation_turns",
            ),
        ),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=Q(state="queued"), fields=["is_demo"], name="generation_mode"
            ),
        ),
        migrations.RemoveIndex(model_name="generation", name="generation_open"),
        migrations.AddIndex(
            model_name="generation",
            index=models.Index(
                condition=Q(is_dismissed=False), fields=["user", "state"], name="generation_open"
            ),
        ),
    ]
