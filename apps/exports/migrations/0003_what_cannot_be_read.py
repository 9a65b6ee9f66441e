from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0002_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="export",
            name="unread_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="export",
            name="unread_tries",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
