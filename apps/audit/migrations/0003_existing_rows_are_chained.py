from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import F

from apps.audit import guards
from apps.audit.chain import GENESIS, digest

_BATCH = 1_000


def say_whose(apps: Any, schema_editor: Any) -> None:
    """Events about an account stand with the person, those about a project with the project."""
    events = apps.get_model("audit", "Event").objects
    events.filter(kind__startswith="account.", entity="").update(entity=F("subject"))
    events.filter(kind__startswith="api_key.", entity="").update(entity=F("by"))
    events.filter(kind__startswith="project.", project="").update(project=F("subject"))


def link_all(apps: Any, schema_editor: Any) -> None:
    event_model, link_model = apps.get_model("audit", "Event"), apps.get_model("audit", "Link")
    previous, links = GENESIS, []
    for number, event in enumerate(event_model.objects.order_by("pk").iterator(_BATCH), 1):
        sha256_hex = digest(previous, number, event)
        links.append(
            link_model(number=number, event_id=event.pk, previous_sha256_hex=previous, sha256_hex=sha256_hex)
        )
        previous = sha256_hex
        if len(links) == _BATCH:
            link_model.objects.bulk_create(links)
            links = []
    link_model.objects.bulk_create(links)


def put_guards_on(apps: Any, schema_editor: Any) -> None:
    guards.put_on()


def take_guards_off(apps: Any, schema_editor: Any) -> None:
    guards.take_off()


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_chain_and_repeats")]

    operations = [
        migrations.RunPython(say_whose, migrations.RunPython.noop),
        migrations.RunPython(link_all, migrations.RunPython.noop),
        migrations.RunPython(put_guards_on, take_guards_off),
    ]
