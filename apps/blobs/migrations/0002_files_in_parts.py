import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("blobs", "0001_sealed_files")]

    operations = [
        migrations.AddField(
            model_name="blob", name="part_count", field=models.PositiveIntegerField(default=0)
        ),
        migrations.CreateModel(
            name="BlobPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("is_last", models.BooleanField()),
                ("digest_index", models.BinaryField(max_length=16)),
                ("object_name", models.CharField(max_length=32, unique=True)),
                ("plain_size", models.BigIntegerField()),
                ("stored_size", models.BigIntegerField()),
                ("created_at", models.DateTimeField()),
                (
                    "blob",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="blobs.blob"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("blob", "number"), name="blobs_one_part_per_number")
                ]
            },
        ),
    ]
