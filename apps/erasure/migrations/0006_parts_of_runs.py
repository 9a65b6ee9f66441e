import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("blobs", "0002_files_in_parts"),
        ("erasure", "0005_alarms"),
        ("runs", "0005_closed_while_a_part_is_erased"),
    ]

    operations = [
        migrations.AlterField(
            model_name="erasurejob",
            name="scope",
            field=models.CharField(
                choices=[
                    ("files", "files"),
                    ("runs", "runs"),
                    ("project", "project"),
                    ("versions", "versions"),
                    ("artifact", "artifact"),
                    ("part", "part"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddField("erasurejob", "values", models.PositiveBigIntegerField(default=0)),
        migrations.CreateModel(
            name="PartErasure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("erasure_job", models.UUIDField(unique=True)),
                ("vault_node", models.UUIDField(null=True, unique=True)),
                ("sealed_parts", models.BinaryField()),
                ("exchanged_at", models.DateTimeField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="part_erasures",
                        to="runs.run",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Rewritten",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sealed_removed", models.BinaryField(null=True)),
                (
                    "blob",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rewritten",
                        to="blobs.blob",
                    ),
                ),
                (
                    "part",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rewritten",
                        to="erasure.parterasure",
                    ),
                ),
                (
                    "segment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="rewritten",
                        to="runs.segment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("part", "segment"), name="erasure_segment_rewritten_once")
                ],
            },
        ),
    ]
