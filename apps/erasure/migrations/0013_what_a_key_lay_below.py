from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0012_ways_back_that_were_handed_over"),
    ]

    operations = [
        migrations.AddField("remainder", "above", models.JSONField(null=True)),
    ]
