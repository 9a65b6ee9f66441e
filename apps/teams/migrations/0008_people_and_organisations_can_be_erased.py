from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    """The entity of a person outlives the account as a stone, without its person."""

    dependencies = [
        ("teams", "0007_entities_can_be_erased"),
    ]

    operations = [
        migrations.AddField("organisation", "erased_at", models.DateTimeField(null=True, blank=True)),
        migrations.RemoveConstraint(model_name="entity", name="a_personal_entity_has_its_person"),
        migrations.AddConstraint(
            model_name="entity",
            constraint=models.CheckConstraint(
                condition=Q(kind="personal", user__isnull=False)
                | Q(kind="personal", erased_at__isnull=False)
                | Q(kind__in=["team", "org"], user__isnull=True),
                name="a_personal_entity_has_its_person",
            ),
        ),
    ]
