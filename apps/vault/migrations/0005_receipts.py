from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0004_epochs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Receipt",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("job", models.CharField(max_length=20, unique=True)),
                ("statement", models.TextField()),
                ("statement_sha256_hex", models.CharField(max_length=64)),
                ("previous_sha256_hex", models.CharField(max_length=64, unique=True)),
                ("key_b64", models.CharField(max_length=44)),
                ("signature_b64", models.CharField(max_length=88)),
                ("made_at", models.DateTimeField()),
            ],
        ),
    ]
