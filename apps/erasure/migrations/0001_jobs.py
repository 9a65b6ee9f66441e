import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.core.clock
import apps.core.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("teams", "0005_service_accounts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ErasureJob",
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
                (
                    "scope",
                    models.CharField(
                        choices=[("files", "files"), ("runs", "runs"), ("project", "project")], max_length=10
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[("asked", "asked"), ("retention", "retention")],
                        default="asked",
                        max_length=10,
                    ),
                ),
                ("asked_by", models.CharField(max_length=20)),
                (
                    "step",
                    models.CharField(
                        choices=[("shred", "shred"), ("bytes", "bytes"), ("rows", "rows"), ("done", "done")],
                        default="shred",
                        max_length=10,
                    ),
                ),
                ("asked", models.PositiveIntegerField()),
                ("runs", models.PositiveIntegerField(default=0)),
                ("files", models.PositiveIntegerField(default=0)),
                ("rows", models.PositiveBigIntegerField(default=0)),
                ("stored_bytes", models.PositiveBigIntegerField(default=0)),
                ("asked_at", models.DateTimeField(default=apps.core.clock.now)),
                ("shredded_at", models.DateTimeField(null=True)),
                ("done_at", models.DateTimeField(null=True)),
                ("busy_until", models.DateTimeField(null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("trouble", models.CharField(default="", max_length=60)),
                (
                    "entity",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="erasures",
                        to="teams.entity",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["entity", "-id"], name="erasures_of_entity"),
                    models.Index(
                        condition=models.Q(("done_at", None)), fields=["id"], name="erasures_not_done"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("done_at__isnull", False), ("step", "done")),
                            models.Q(models.Q(("step", "done"), _negated=True), ("done_at", None)),
                            _connector="OR",
                        ),
                        name="erasure_done_at_its_end",
                    )
                ],
            },
        ),
    ]
