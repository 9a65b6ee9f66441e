from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0006_parts_of_runs"),
    ]

    operations = [
        migrations.AlterField(
            model_name="erasurejob",
            name="scope",
            field=models.CharField(
                choices=[
                    ("files", "files"),
                    ("runs", "runs"),
                    ("project", "project"),
                    ("versions", "versions"),
                    ("artifact", "artifact"),
                    ("part", "part"),
                    ("exports", "exports"),
                ],
                max_length=10,
            ),
        ),
    ]
