"""The databases refuse by themselves to change or delete what was recorded, also for whoever speaks SQL to them.

Their administrator can take a trigger away again; the chain then shows what was done behind it.
"""

from __future__ import annotations

from django.db import connection

TABLES = ("audit_event", "audit_link")
_ACTS = {"sqlite": ("UPDATE", "DELETE"), "postgresql": ("UPDATE", "DELETE", "TRUNCATE")}
_REFUSAL = "audit events are never changed and never deleted"
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""
_TRIGGER = {
    "sqlite": (
        f"CREATE TRIGGER {{name}} BEFORE {{act}} ON {{table}} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    ),
    # For each statement: one that meets no row is refused as well.
    "postgresql": "CREATE TRIGGER {name} BEFORE {act} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
}
_PRESENT = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_no_%%'",
    "postgresql": (
        "SELECT count(*) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE tgname LIKE 'audit_no_%%' AND tgenabled = 'O' AND pg_table_is_visible(pg_class.oid)"
    ),
}


def put_on() -> None:
    """Make the triggers anew: doing it again is allowed. A change that makes a table anew has to call it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_FUNCTION)
        for table, act, name in _each():
            _drop(cursor, table, name)
            cursor.execute(_TRIGGER[connection.vendor].format(name=name, act=act, table=table))


def take_off() -> None:
    """For migrations that have to make a table anew, and for tests of what the chain then sees."""
    with connection.cursor() as cursor:
        for table, _, name in _each():
            _drop(cursor, table, name)


def are_on() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT[connection.vendor])
        (count,) = cursor.fetchone()
    return bool(count == len(_each()))


def _each() -> list[tuple[str, str, str]]:
    return [
        (table, act, f"audit_no_{act.lower()}_{table}")
        for table in TABLES
        for act in _ACTS[connection.vendor]
    ]


def _drop(cursor: object, table: str, name: str) -> None:
    place = f" ON {table}" if connection.vendor == "postgresql" else ""
    cursor.execute(f"DROP TRIGGER IF EXISTS {name}{place}")  # type: ignore[attr-defined]
