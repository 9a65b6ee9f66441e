from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exports", "0003_what_cannot_be_read"),
    ]

    operations = [
        migrations.AddField(
            model_name="export",
            name="waits_until",
            field=models.DateTimeField(null=True),
        ),
    ]
