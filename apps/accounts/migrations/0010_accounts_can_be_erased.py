from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_time_zones_of_people"),
    ]

    operations = [
        migrations.AddField("user", "erased_at", models.DateTimeField(null=True)),
        migrations.AddField("user", "was_active", models.BooleanField(default=True)),
        migrations.AddField("user", "idle_notices", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField("user", "idle_told_at", models.DateTimeField(null=True)),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=Q(erased_at=None) | Q(is_active=False), name="an_erased_account_opens_nothing"
            ),
        ),
    ]
