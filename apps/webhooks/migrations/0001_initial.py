import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.clock
import apps.core.ids
import apps.webhooks.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("projects", "0005_teams_named_in_registries"),
        ("teams", "0006_organisations_have_registries"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Hook",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "public_id",
                    models.CharField(
                        default=apps.core.ids.new_public_id, editable=False, max_length=20, unique=True
                    ),
                ),
                ("sealed_address", models.BinaryField()),
                ("sealed_secret", models.BinaryField()),
                ("happenings", models.CharField(max_length=120)),
                ("is_on", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(default=apps.core.clock.now)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failing_since", models.DateTimeField(null=True)),
                ("waits_until", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("arrived_at", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hooks", to="teams.entity"
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hooks",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_on", True)), fields=["entity"], name="hooks_that_are_on"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=apps.core.ids.new_public_id, editable=False, max_length=20, unique=True
                    ),
                ),
                (
                    "happening",
                    models.CharField(choices=apps.webhooks.models.happenings, max_length=20),
                ),
                ("facts", models.JSONField(default=dict)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("held", "held"),
                            ("waiting", "waiting"),
                            ("delivered", "delivered"),
                            ("given_up", "given_up"),
                        ],
                        max_length=10,
                    ),
                ),
                ("awaits", models.CharField(default="", max_length=20)),
                ("created_at", models.DateTimeField(default=apps.core.clock.now)),
                ("due_at", models.DateTimeField(null=True)),
                ("busy_until", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("tried_at", models.DateTimeField(null=True)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                (
                    "trouble",
                    models.CharField(choices=apps.webhooks.models.troubles, default="", max_length=10),
                ),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "hook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="webhooks.hook",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["due_at"],
                        name="deliveries_that_wait",
                    ),
                    models.Index(
                        condition=models.Q(("state", "held")), fields=["awaits"], name="deliveries_held"
                    ),
                    models.Index(fields=["hook", "-id"], name="deliveries_of_hook"),
                    models.Index(
                        condition=models.Q(("done_at__isnull", False)),
                        fields=["done_at"],
                        name="deliveries_done",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("due_at", None), ("state", "held")),
                            ("due_at__isnull", False),
                            ("state", "given_up"),
                            _connector="OR",
                        ),
                        name="delivery_due_unless_held",
                    )
                ],
            },
        ),
    ]
