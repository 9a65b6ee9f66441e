from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0001_jobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="erasurejob",
            name="versions",
            field=models.PositiveIntegerField(default=0),
        ),
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
                ],
                max_length=10,
            ),
        ),
    ]
