from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("blobs", "0001_sealed_files"),
        ("files", "0002_why_a_file_was_withheld"),
        ("runs", "0003_numbers_of_earlier_runs"),
    ]

    operations = [
        migrations.AddField(
            model_name="runfile",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="runfile",
            name="erasure_job",
            field=models.UUIDField(null=True),
        ),
        migrations.AddIndex(
            model_name="runfile",
            index=models.Index(
                condition=models.Q(("erasure_job__isnull", False)),
                fields=["erasure_job"],
                name="files_of_erasure",
            ),
        ),
        migrations.AddConstraint(
            model_name="runfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("erased_at", None), ("erasure_job", None)),
                    models.Q(("erased_at__isnull", False), ("erasure_job__isnull", False)),
                    _connector="OR",
                ),
                name="file_erased_by_a_job",
            ),
        ),
    ]
