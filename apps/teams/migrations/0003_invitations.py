import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.core.clock
import apps.core.ids
import apps.teams.types


class Migration(migrations.Migration):
    dependencies = [
        ("teams", "0002_organisations_and_settings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uuid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "public_id",
                    models.CharField(
                        default=apps.core.ids.new_public_id, editable=False, max_length=20, unique=True
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            (apps.teams.types.MemberRole["ADMIN"], apps.teams.types.MemberRole["ADMIN"]),
                            (apps.teams.types.MemberRole["MEMBER"], apps.teams.types.MemberRole["MEMBER"]),
                            (apps.teams.types.MemberRole["VIEWER"], apps.teams.types.MemberRole["VIEWER"]),
                        ],
                        max_length=8,
                    ),
                ),
                ("secret_sha256_hex", models.CharField(max_length=64, unique=True)),
                ("sealed_email", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField(default=apps.core.clock.now)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "entity",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="teams.entity",
                    ),
                ),
                (
                    "invited_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="teams.organisation",
                    ),
                ),
                (
                    "used_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("entity", None), ("organisation", None), _connector="XOR"),
                        name="an_invitation_is_to_one_of_the_two",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("used_at", None), ("revoked_at", None), _connector="OR"),
                        name="an_invitation_ends_once",
                    ),
                ],
            },
        ),
    ]
