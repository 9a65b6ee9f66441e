from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0005_receipts"),
    ]

    operations = [
        migrations.AddField("epoch", "broken_at", models.DateTimeField(null=True)),
        migrations.AddField("epoch", "alarmed_at", models.DateTimeField(null=True)),
    ]
