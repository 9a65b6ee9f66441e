from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0004_receipts"),
    ]

    operations = [
        migrations.AddField("erasurejob", "alarmed_at", models.DateTimeField(null=True)),
    ]
