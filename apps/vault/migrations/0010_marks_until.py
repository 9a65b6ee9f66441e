from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0009_imports"),
    ]

    operations = [
        migrations.AddField("epoch", "marks_until", models.DateTimeField(null=True)),
    ]
