import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.core.clock
import apps.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0005_closed_while_a_part_is_erased"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
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
                ("title_index", models.BinaryField(max_length=16)),
                ("words_index", models.BinaryField(max_length=16)),
                ("sealed_words", models.BinaryField()),
                ("raised_at", models.DateTimeField(default=apps.core.clock.now)),
                ("repeats", models.PositiveIntegerField(default=0)),
                ("last_at", models.DateTimeField(default=apps.core.clock.now)),
                ("told_at", models.DateTimeField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="alerts", to="runs.run"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["run", "-id"], name="alerts_of_run"),
                    models.Index(
                        condition=models.Q(("told_at", None)), fields=["id"], name="alerts_not_told"
                    ),
                ],
            },
        ),
    ]
