from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0006_alerts"),
    ]

    operations = [
        migrations.AddField("alert", "reached", models.JSONField(default=list)),
    ]
