from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0004_erased_at_once"),
        ("runs", "0003_numbers_of_earlier_runs"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="run",
            name="run_versions_of_project",
        ),
        migrations.AddField(
            model_name="run",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="run",
            name="erasure_job",
            field=models.UUIDField(null=True),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["project", "erased_at", "id", "version"], name="run_versions_in_project"
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("erasure_job__isnull", False)),
                fields=["erasure_job"],
                name="runs_of_erasure",
            ),
        ),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("erased_at", None), ("erasure_job", None)),
                    models.Q(("erased_at__isnull", False), ("erasure_job__isnull", False)),
                    _connector="OR",
                ),
                name="run_erased_by_a_job",
            ),
        ),
    ]
