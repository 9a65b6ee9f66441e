from django.db import migrations


class Migration(migrations.Migration):
    """The field came on the same day and was in no release: nothing that runs knows of it."""

    dependencies = [
        ("accounts", "0012_people_who_are_called_something_else"),
    ]

    operations = [
        migrations.RemoveField("user", "named_anew_at"),
    ]
