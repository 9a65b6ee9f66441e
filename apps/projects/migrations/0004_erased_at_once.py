from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0003_how_long_runs_are_kept"),
        ("teams", "0005_service_accounts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="project",
            name="erasure_job",
            field=models.UUIDField(null=True),
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("erased_at", None), ("erasure_job", None)),
                    models.Q(("erased_at__isnull", False), ("erasure_job__isnull", False)),
                    _connector="OR",
                ),
                name="project_erased_by_a_job",
            ),
        ),
    ]
