"""What Venice knows a key by moves from the key to an account of its own."""

import django.db.models.deletion
from django.db import migrations, models

MOVED = (
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


def open_accounts(apps, schema_editor):
    """One account for each key text, with what its key knew."""
    keys = apps.get_model("generations", "VeniceKey").objects
    accounts = apps.get_model("generations", "Account").objects
    for key in keys.order_by("created_at"):
        known = {name: getattr(key, name) for name in MOVED}
        account, _ = accounts.update_or_create(fingerprint=key.fingerprint, defaults=known)
        keys.filter(pk=key.pk).update(account=account)


def close_accounts(apps, schema_editor):
    keys = apps.get_model("generations", "VeniceKey").objects
    for key in keys.select_related("account"):
        known = {name: getattr(key.account, name) for name in MOVED}
        keys.filter(pk=key.pk).update(fingerprint=key.account.fingerprint, **known)


MONEY = {"max_digits": 38, "decimal_places": 18, "null": True, "blank": True}


class Migration(migrations.Migration):
    dependencies = [("generations", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("fingerprint", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("tested_at", models.DateTimeField(blank=True, null=True)),
                ("tier", models.CharField(blank=True, max_length=40)),
                ("balance_usd", models.DecimalField(**MONEY)),
                ("balance_diem", models.DecimalField(**MONEY)),
                ("balance_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("requests_per_minute", models.PositiveIntegerField(default=20)),
                ("seen_per_minute", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "problem",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "None"),
                            ("bad_key", "Venice refused the key"),
                            ("no_credit", "No credit left"),
                        ],
                        max_length=16,
                    ),
                ),
                ("problem_at", models.DateTimeField(blank=True, null=True)),
                ("closed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "closed_for",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Open"),
                            ("full", "Its requests of the minute are made"),
                            ("rate_limited", "Venice said to come back later"),
                            ("locked_out", "Venice has locked it out"),
                            ("failing", "Too many calls failed just now"),
                        ],
                        max_length=16,
                    ),
                ),
                ("served_at", models.DateTimeField(blank=True, null=True)),
                ("interactive_turn", models.BigIntegerField(default=0)),
                ("background_turn", models.BigIntegerField(default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["served_at"], name="account_turns")],
            },
        ),
        migrations.AddField(
            model_name="venicekey",
            name="account",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="keys",
                to="generations.account",
            ),
        ),
        migrations.RunPython(open_accounts, close_accounts),
    ]
