from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_accounts_can_be_erased"),
    ]

    operations = [
        migrations.AddField("user", "idle_tried_at", models.DateTimeField(null=True)),
    ]
