"""An instance from before the chain: its events are linked by the migration, and guarded from then on."""

from __future__ import annotations

from pathlib import Path

from tests.factories.vault import Instance

_BEFORE = """
from django.core.management import call_command
from django.db import connection
call_command("migrate", database="vault", verbosity=0)
call_command("migrate", "audit", "0001", verbosity=0)
with connection.cursor() as cursor:
    for n, (kind, entity) in enumerate([("account.created", ""), ("api_key.issued", ""), ("run.created", "lab")]):
        cursor.execute(
            "INSERT INTO audit_event (at, kind, subject, entity, by, facts) "
            "VALUES ('2026-11-23 10:00:00.123456+00:00', %s, 'subject', %s, 'person', '{}')", [kind, entity]
        )
for alias in ("vault", "default"):
    call_command("migrate", database=alias, verbosity=0)
"""
_AFTER = """
from django.core.management import call_command
from django.db import connection, DatabaseError
from apps.audit.models import Event, Link
from apps.audit import sealing
print(*Event.objects.order_by("pk").values_list("entity", flat=True), Link.objects.count())
sealing.seal()
call_command("audit", "verify")
for sql in ("UPDATE audit_event SET kind = 'x'", "DELETE FROM audit_link"):
    try:
        connection.cursor().execute(sql)
    except DatabaseError as error:
        print("never changed" in str(error))
"""


def test_events_from_before_are_linked_and_guarded(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    if instance.remote:
        instance.remote.make()
    instance.run(_BEFORE)

    whose, verdict, *refused = instance.run(_AFTER).splitlines()

    assert whose == "subject person lab 3"
    assert verdict.startswith("audit: whole: 3 events linked, 0 waiting, head ")
    assert refused == ["True", "True"]
