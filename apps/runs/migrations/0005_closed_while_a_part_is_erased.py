from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0004_erased_at_once"),
    ]

    operations = [
        migrations.AddField("run", "is_back_soon", models.BooleanField(default=False)),
        migrations.AddField("run", "renewed_at", models.DateTimeField(null=True)),
        migrations.AddConstraint(
            "run",
            models.CheckConstraint(
                condition=models.Q(("is_back_soon", False), ("erased_at__isnull", False), _connector="OR"),
                name="run_back_soon_while_closed",
            ),
        ),
    ]
