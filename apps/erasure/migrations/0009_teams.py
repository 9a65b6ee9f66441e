from django.db import migrations, models

_SCOPES = ["files", "runs", "project", "team", "versions", "artifact", "part", "exports"]


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0008_grace"),
    ]

    operations = [
        migrations.AlterField(
            model_name="erasurejob",
            name="scope",
            field=models.CharField(choices=[(each, each) for each in _SCOPES], max_length=10),
        ),
    ]
