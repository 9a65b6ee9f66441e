import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.accounts.names
import apps.core.clock
import apps.core.ids
import apps.teams.models
import apps.teams.types


class Migration(migrations.Migration):
    dependencies = [
        ("teams", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Organisation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=apps.core.ids.new_public_id, editable=False, max_length=20, unique=True
                    ),
                ),
                (
                    "name",
                    models.CharField(
                        max_length=39,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9][a-z0-9_-]{1,38}\\Z",
                                "Use 2 to 39 small letters, digits, - and _, the first a letter or a digit.",
                            ),
                            apps.accounts.names.NotReserved(),
                        ],
                    ),
                ),
                ("created_at", models.DateTimeField(default=apps.core.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name="OrganisationMembership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            (
                                apps.teams.types.OrganisationRole["ADMIN"],
                                apps.teams.types.OrganisationRole["ADMIN"],
                            ),
                            (
                                apps.teams.types.OrganisationRole["MEMBER"],
                                apps.teams.types.OrganisationRole["MEMBER"],
                            ),
                        ],
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField(default=apps.core.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name="Setting",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(choices=apps.teams.models.setting_names, max_length=40)),
                ("value", models.CharField(max_length=20)),
                ("is_enforced", models.BooleanField(default=False)),
                ("set_at", models.DateTimeField(default=apps.core.clock.now)),
            ],
        ),
        migrations.AddField(
            model_name="entity",
            name="organisation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="teams",
                to="teams.organisation",
            ),
        ),
        migrations.AddConstraint(
            model_name="entity",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("organisation", None), ("kind", apps.teams.types.EntityKind["TEAM"]), _connector="OR"
                ),
                name="organisations_hold_teams_only",
            ),
        ),
        migrations.AddField(
            model_name="organisationmembership",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="memberships",
                to="teams.organisation",
            ),
        ),
        migrations.AddField(
            model_name="organisationmembership",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="organisation_memberships",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="setting",
            name="entity",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="settings",
                to="teams.entity",
            ),
        ),
        migrations.AddField(
            model_name="setting",
            name="organisation",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="settings",
                to="teams.organisation",
            ),
        ),
        migrations.AddField(
            model_name="setting",
            name="set_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="organisationmembership",
            constraint=models.UniqueConstraint(
                fields=("organisation", "user"), name="one_place_per_person_and_organisation"
            ),
        ),
        migrations.AddConstraint(
            model_name="setting",
            constraint=models.UniqueConstraint(
                fields=("entity", "name"), name="one_setting_of_a_name_per_entity"
            ),
        ),
        migrations.AddConstraint(
            model_name="setting",
            constraint=models.UniqueConstraint(
                fields=("organisation", "name"), name="one_setting_of_a_name_per_organisation"
            ),
        ),
        migrations.AddConstraint(
            model_name="setting",
            constraint=models.CheckConstraint(
                condition=models.Q(("entity", None), ("organisation", None), _connector="XOR"),
                name="a_setting_is_of_one_of_the_two",
            ),
        ),
        migrations.AddConstraint(
            model_name="setting",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_enforced", False), ("entity", None), _connector="OR"),
                name="only_organisations_enforce",
            ),
        ),
    ]
