"""People, policy, review and the audit log."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("generations", "0008_erased"),
    ]

    operations = [
        migrations.AddField(
            model_name="image",
            name="dhash",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="may_share",
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="may_use_team_key",
            field=models.BooleanField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="user",
            name="needs_second_factor",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name="user",
            name="safe_mode",
            field=models.CharField(
                blank=True,
                choices=[
                    ("forced", "Always on"),
                    ("default", "On, unless switched off"),
                    ("free", "As each person likes"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="image",
            name="state",
            field=models.CharField(
                choices=[
                    ("shown", "Shown"),
                    ("held", "Held for review"),
                    ("rejected", "Rejected"),
                    ("locked", "Locked away"),
                ],
                default="shown",
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="Case",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("image_uuid", models.UUIDField(db_index=True, editable=False)),
                ("model_name", models.CharField(blank=True, max_length=160)),
                ("prompt", models.TextField(blank=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Waiting"),
                            ("asked", "Its maker is asked"),
                            ("closed", "Decided"),
                        ],
                        default="open",
                        max_length=8,
                    ),
                ),
                ("reasons", models.JSONField(default=list)),
                ("words", models.TextField(blank=True)),
                ("question", models.TextField(blank=True)),
                ("answer", models.TextField(blank=True)),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                (
                    "claimed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="cases",
                        to="generations.image",
                    ),
                ),
                (
                    "reporter",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cases",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("approve", "Approved"), ("reject", "Rejected")], max_length=8
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("adult", "Adult content"),
                            ("real_person", "A real person"),
                            ("violence", "Violence"),
                            ("rights", "Rights or brand"),
                            ("brief", "Against the brief"),
                            ("other", "Other"),
                        ],
                        max_length=16,
                    ),
                ),
                ("note", models.TextField(blank=True)),
                ("dhash", models.BigIntegerField(null=True)),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("undone_at", models.DateTimeField(blank=True, null=True)),
                ("seen_at", models.DateTimeField(blank=True, null=True)),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="generations.case",
                    ),
                ),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="case",
            name="appeal_of",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="appeal",
                to="generations.decision",
            ),
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("action", models.CharField(max_length=40)),
                ("actor_name", models.CharField(blank=True, max_length=254)),
                ("subject_kind", models.CharField(blank=True, max_length=24)),
                ("subject_id", models.CharField(blank=True, max_length=64)),
                ("subject_name", models.CharField(blank=True, max_length=254)),
                ("details", models.JSONField(default=dict)),
                (
                    "via",
                    models.CharField(
                        choices=[
                            ("web", "Web"),
                            ("api", "API"),
                            ("command", "Command line"),
                            ("system", "By itself"),
                        ],
                        default="system",
                        max_length=8,
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=45)),
                (
                    "actor",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Invite",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("token_hash", models.CharField(editable=False, max_length=64, unique=True)),
                ("token", models.TextField(editable=False)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("reviewer", "Reviewer"),
                            ("member", "Member"),
                        ],
                        default="member",
                        max_length=16,
                    ),
                ),
                ("email", models.EmailField(blank=True, max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invites_made",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "used_by",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invite",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "safe_mode_member",
                    models.CharField(
                        choices=[
                            ("forced", "Always on"),
                            ("default", "On, unless switched off"),
                            ("free", "As each person likes"),
                        ],
                        default="default",
                        max_length=8,
                    ),
                ),
                (
                    "safe_mode_reviewer",
                    models.CharField(
                        choices=[
                            ("forced", "Always on"),
                            ("default", "On, unless switched off"),
                            ("free", "As each person likes"),
                        ],
                        default="default",
                        max_length=8,
                    ),
                ),
                (
                    "safe_mode_admin",
                    models.CharField(
                        choices=[
                            ("forced", "Always on"),
                            ("default", "On, unless switched off"),
                            ("free", "As each person likes"),
                        ],
                        default="default",
                        max_length=8,
                    ),
                ),
                ("allowed_models", models.JSONField(blank=True, default=list)),
                ("private_models_only", models.BooleanField(default=False)),
                ("blocked_terms", models.TextField(blank=True)),
                (
                    "watermark",
                    models.CharField(
                        choices=[
                            ("free", "As each person likes"),
                            ("always", "Always"),
                            ("never", "Never"),
                        ],
                        default="free",
                        max_length=8,
                    ),
                ),
                (
                    "metadata",
                    models.CharField(
                        choices=[
                            ("free", "As each person likes"),
                            ("always", "Always"),
                            ("never", "Never"),
                        ],
                        default="free",
                        max_length=8,
                    ),
                ),
                (
                    "team_key_for",
                    models.CharField(
                        choices=[
                            ("everyone", "Everyone"),
                            ("reviewers", "Reviewers and admins"),
                            ("admins", "Admins"),
                            ("nobody", "Nobody"),
                        ],
                        default="everyone",
                        max_length=10,
                    ),
                ),
                (
                    "sharing_for",
                    models.CharField(
                        choices=[
                            ("everyone", "Everyone"),
                            ("reviewers", "Reviewers and admins"),
                            ("admins", "Admins"),
                            ("nobody", "Nobody"),
                        ],
                        default="everyone",
                        max_length=10,
                    ),
                ),
                (
                    "share_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                    ),
                ),
                (
                    "share_most_days",
                    models.PositiveSmallIntegerField(
                        default=365,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                    ),
                ),
                ("share_needs_password", models.BooleanField(default=False)),
                (
                    "trash_days",
                    models.PositiveSmallIntegerField(
                        default=30,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                    ),
                ),
                (
                    "second_factor_for",
                    models.CharField(
                        choices=[
                            ("everyone", "Everyone"),
                            ("reviewers", "Reviewers and admins"),
                            ("admins", "Admins"),
                            ("nobody", "Nobody"),
                        ],
                        default="nobody",
                        max_length=10,
                    ),
                ),
                ("is_signup_open", models.BooleanField(default=False)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "changed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "policy",
            },
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["-decided_at"], name="decision_newest"),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=models.Q(
                    ("dhash__isnull", False), ("kind", "reject"), ("undone_at", None)
                ),
                fields=["decided_at"],
                name="decision_hashes",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("state", "closed"), _negated=True),
                fields=["opened_at", "id"],
                name="case_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(fields=["user", "-opened_at"], name="case_of_maker"),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(
                models.F("image"),
                condition=models.Q(("state", "closed"), _negated=True),
                name="one_open_case_an_image",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["action", "-id"], name="event_of_action"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["actor", "-id"], name="event_of_actor"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                fields=["subject_kind", "subject_id", "-id"], name="event_of_subject"
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["at"], name="event_time"),
        ),
        migrations.AddIndex(
            model_name="invite",
            index=models.Index(fields=["-created_at"], name="invite_newest"),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="one_policy"),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("share_days__lte", models.F("share_most_days"))),
                name="default_share_within_longest",
            ),
        ),
    ]
