from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("teams", "0006_organisations_have_registries"),
    ]

    operations = [
        migrations.AddField("entity", "erased_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField("entity", "erasure_job", models.UUIDField(null=True, blank=True)),
        migrations.AddConstraint(
            model_name="entity",
            constraint=models.CheckConstraint(
                name="entity_erased_by_a_job",
                condition=Q(erased_at=None, erasure_job=None)
                | Q(erased_at__isnull=False, erasure_job__isnull=False),
            ),
        ),
    ]
