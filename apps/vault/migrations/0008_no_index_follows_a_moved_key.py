from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def leave_room(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Room in each page for the next version of its rows: an epoch writes every row below a node once."""
    if editor.connection.vendor == "postgresql":
        for table in ("vault_node", "vault_grant"):
            editor.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")


def leave_none(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        for table in ("vault_node", "vault_grant"):
            editor.execute(f"ALTER TABLE {table} RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [
        ("vault", "0007_erasures_that_wait"),
    ]

    operations = [
        migrations.AlterField("node", "lies_under", models.UUIDField()),
        migrations.AlterField("grant", "lies_under", models.UUIDField()),
        migrations.RunPython(leave_room, leave_none),
    ]
