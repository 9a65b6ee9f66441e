from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0006_epochs_broken_off"),
    ]

    operations = [
        migrations.CreateModel(
            name="Waiting",
            fields=[
                ("job", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("scope", models.CharField(max_length=10)),
                ("asked_by", models.CharField(max_length=20)),
                ("asked_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("things", models.TextField()),
            ],
        ),
    ]
