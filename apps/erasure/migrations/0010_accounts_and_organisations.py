from django.db import migrations, models
from django.db.models.deletion import CASCADE

import apps.core.clock

_SCOPES = ["files", "runs", "project", "team", "account", "org", "versions", "artifact", "part", "exports"]
_TRACES = ["head", "node", "blob", "object", "person"]


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0009_teams"),
    ]

    operations = [
        migrations.AlterField(
            model_name="erasurejob",
            name="scope",
            field=models.CharField(choices=[(each, each) for each in _SCOPES], max_length=10),
        ),
        migrations.AddField("erasurejob", "cleared", models.JSONField(default=dict)),
        migrations.AlterField(
            model_name="remainder",
            name="kind",
            field=models.CharField(choices=[(each, each) for each in _TRACES], max_length=6),
        ),
        migrations.CreateModel(
            name="WayBack",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("secret_sha256_hex", models.CharField(max_length=64, unique=True)),
                ("made_at", models.DateTimeField(default=apps.core.clock.now)),
                ("used_at", models.DateTimeField(null=True)),
                (
                    "job",
                    models.OneToOneField(on_delete=CASCADE, related_name="way_back", to="erasure.erasurejob"),
                ),
            ],
        ),
    ]
