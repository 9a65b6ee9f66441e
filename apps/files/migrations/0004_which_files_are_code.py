from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("files", "0003_erased_at_once")]

    operations = [
        migrations.AddField("runfile", "is_code", models.BooleanField(null=True)),
    ]
