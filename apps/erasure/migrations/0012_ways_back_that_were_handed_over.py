from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0011_no_statistics_of_names"),
    ]

    operations = [
        migrations.AddField("wayback", "handed_at", models.DateTimeField(null=True)),
    ]
