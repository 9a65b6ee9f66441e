from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leaks", "0002_a_finding_can_be_masked"),
    ]

    operations = [
        migrations.AddField("scan", "new_key_wanted_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "scan",
            models.Index(
                condition=models.Q(("new_key_wanted_at__isnull", False)),
                fields=["new_key_wanted_at"],
                name="scans_wanting_a_key",
            ),
        ),
    ]
