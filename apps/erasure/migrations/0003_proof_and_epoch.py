import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Jobs that are done stay done. One that was on its way is proven like a new one, and asks for an epoch when it comes to it."""

    dependencies = [
        ("erasure", "0002_artifacts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="erasurejob",
            name="step",
            field=models.CharField(
                choices=[
                    ("shred", "shred"),
                    ("bytes", "bytes"),
                    ("rows", "rows"),
                    ("prove", "prove"),
                    ("epoch", "epoch"),
                    ("done", "done"),
                ],
                default="shred",
                max_length=10,
            ),
        ),
        migrations.AddField("erasurejob", "epoch", models.PositiveBigIntegerField(null=True)),
        migrations.AddField("erasurejob", "proof", models.JSONField(default=dict)),
        migrations.AddField("erasurejob", "bytes_gone_at", models.DateTimeField(null=True)),
        migrations.AddField("erasurejob", "rows_gone_at", models.DateTimeField(null=True)),
        migrations.AddField("erasurejob", "proven_at", models.DateTimeField(null=True)),
        migrations.AddField("erasurejob", "renewed_at", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="Remainder",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("head", "head"),
                            ("node", "node"),
                            ("blob", "blob"),
                            ("object", "object"),
                        ],
                        max_length=6,
                    ),
                ),
                ("ident", models.UUIDField()),
                ("gone_at", models.DateTimeField(null=True)),
                ("is_kept", models.BooleanField(default=False)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="remainders",
                        to="erasure.erasurejob",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("gone_at", None)),
                        fields=["job", "kind", "id"],
                        name="erasure_not_proven",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("job", "kind", "ident"), name="erasure_remainder_noted_once"
                    )
                ],
            },
        ),
    ]
