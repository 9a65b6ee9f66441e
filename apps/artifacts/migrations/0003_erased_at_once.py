from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("artifacts", "0002_links_and_registries"),
        ("blobs", "0001_sealed_files"),
        ("projects", "0005_teams_named_in_registries"),
        ("runs", "0004_erased_at_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="collection",
            name="erasure_job",
            field=models.UUIDField(null=True),
        ),
        migrations.AddIndex(
            model_name="collection",
            index=models.Index(
                condition=models.Q(("erasure_job__isnull", False)),
                fields=["erasure_job"],
                name="collections_of_erasure",
            ),
        ),
        migrations.AddConstraint(
            model_name="collection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("erased_at", None), ("erasure_job", None)),
                    models.Q(("erased_at__isnull", False), ("erasure_job__isnull", False)),
                    _connector="OR",
                ),
                name="collection_erased_by_a_job",
            ),
        ),
        migrations.AddField(
            model_name="version",
            name="erased_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="version",
            name="erasure_job",
            field=models.UUIDField(null=True),
        ),
        migrations.AddIndex(
            model_name="version",
            index=models.Index(
                condition=models.Q(("erasure_job__isnull", False)),
                fields=["erasure_job"],
                name="versions_of_erasure",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("erased_at", None), ("erasure_job", None)),
                    models.Q(
                        ("erased_at__isnull", False), ("erasure_job__isnull", False), ("state", "deleted")
                    ),
                    _connector="OR",
                ),
                name="version_erased_by_a_job",
            ),
        ),
    ]
