from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("imports", "0001_what_is_brought"),
    ]

    operations = [
        migrations.AddField(
            model_name="importitem",
            name="called_index",
            field=models.BinaryField(default=bytes, max_length=16),
        ),
        migrations.AddField(
            model_name="importitem",
            name="edges_index",
            field=models.BinaryField(default=bytes),
        ),
    ]
