import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Release",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("month", models.DateField(unique=True)),
                ("libraries", models.PositiveSmallIntegerField()),
                ("epsilon", models.FloatField()),
                ("delta", models.FloatField()),
                ("minimum", models.PositiveIntegerField()),
                ("names_on", models.DateField()),
                ("busy_until", models.DateTimeField(null=True)),
                ("released_on", models.DateField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Figure",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("library", models.CharField(max_length=100)),
                ("users", models.PositiveIntegerField()),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="figures",
                        to="statistics.release",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("release", "library"), name="one_figure_per_library_and_month"
                    )
                ],
            },
        ),
    ]
