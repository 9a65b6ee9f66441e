from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0002_lineage_beside_items"),
    ]

    operations = [
        migrations.AddField(
            model_name="import",
            name="unread_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="import",
            name="unread_tries",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
