from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0002_people_by_name_and_share_links"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="run_retention",
            field=models.CharField(max_length=5, default=""),
        ),
    ]
