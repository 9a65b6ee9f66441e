from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0003_what_cannot_be_read"),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="worked_seconds",
            field=models.FloatField(default=0),
        ),
    ]
