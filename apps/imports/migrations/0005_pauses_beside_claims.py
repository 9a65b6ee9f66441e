from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0004_time_at_one_thing"),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="waits_until",
            field=models.DateTimeField(null=True),
        ),
    ]
