from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("files", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="withheldfile",
            name="reason",
            field=models.CharField(choices=[("code", "code"), ("metadata", "metadata")], max_length=20),
        ),
    ]
