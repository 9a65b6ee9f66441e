import uuid

import django.db.models.deletion
from django.db import migrations, models

import apps.core.clock
import apps.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0006_when_a_project_was_brought"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
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
                ("sealed_name", models.BinaryField()),
                ("sealed_table", models.BinaryField()),
                ("created_at", models.DateTimeField(default=apps.core.clock.now)),
                ("changed_at", models.DateTimeField(default=apps.core.clock.now)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to="projects.project",
                    ),
                ),
            ],
        ),
    ]
