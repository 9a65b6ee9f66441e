from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_idle_notices_that_were_tried"),
    ]

    operations = [
        migrations.AddField("user", "named_anew_at", models.DateTimeField(null=True)),
    ]
