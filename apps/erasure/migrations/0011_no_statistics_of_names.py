from typing import Any

from django.db import migrations

# Columns with names and addresses in the clear. PostgreSQL would keep samples of what stands in them, by the next ANALYZE, in a
# table of its own, which nobody but the server's owner can clear. They are looked up by unique indexes and need no statistics.
_COLUMNS = (
    ("accounts_user", "username"),
    ("accounts_user", "email"),
    ("teams_entity", "name"),
    ("teams_organisation", "name"),
    ("account_emailaddress", "email"),
    ("socialaccount_socialaccount", "uid"),
    ("socialaccount_socialaccount", "extra_data"),
)
_INDEX = "one_account_per_email"  # of an expression, which has statistics of its own


def _set(schema: Any, target: int) -> None:
    if schema.connection.vendor != "postgresql":
        return
    quote = schema.connection.ops.quote_name
    for table, column in _COLUMNS:
        schema.execute(f"ALTER TABLE {quote(table)} ALTER COLUMN {quote(column)} SET STATISTICS {target}")
    schema.execute(f"ALTER INDEX {quote(_INDEX)} ALTER COLUMN 1 SET STATISTICS {target}")


def forwards(apps: Any, schema: Any) -> None:
    _set(schema, 0)


def backwards(apps: Any, schema: Any) -> None:
    _set(schema, -1)


class Migration(migrations.Migration):
    dependencies = [
        ("erasure", "0010_accounts_and_organisations"),
        ("accounts", "0010_accounts_can_be_erased"),
        ("teams", "0008_people_and_organisations_can_be_erased"),
        ("account", "0001_initial"),
        ("socialaccount", "0001_initial"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
