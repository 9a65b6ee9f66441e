from __future__ import annotations

import json
from collections.abc import Iterator

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.audit.queries import Asked, batches
from apps.core import clock
from apps.exports.contents.texts import json_file, moment
from apps.exports.types import Content, LeftOut, Member
from apps.projects.seen import owners_of, told_authors
from apps.teams.choices import SettingName
from apps.teams.gate import may
from apps.teams.models import Entity
from apps.teams.queries import effective_of, people_in
from apps.teams.types import EntityKind

RECORD = "audit.jsonl"


def entity_files(entity: Entity, asker: Actor) -> Content:
    """What is said of a person's or a team's own: settings and people, and for its admins the record."""
    now = clock.now()
    held = effective_of([entity], list(SettingName))[entity.pk]
    said = {
        "id": entity.public_id,
        "name": entity.name,
        "kind": entity.kind,
        "created_at": moment(entity.created_at),
        "settings": {name.value: each.word for name, each in held.items()},
        "people": [
            {"name": each.name, "role": each.role, "since": moment(each.since)}
            for each in (people_in(entity) if entity.kind == EntityKind.TEAM else ())
        ],
    }
    yield json_file("entity.json", now, lambda: said)
    if asker.is_at_the_machine or may(asker, Permission.ENTITY_AUDIT, entity=entity):
        yield Member(RECORD, lambda: _record(entity, asker), now)
    else:
        yield LeftOut(RECORD, "the record is for admins")


def _record(entity: Entity, asker: Actor) -> Iterator[bytes]:
    """The record of acts, the newest first."""
    for events in batches(owners_of(entity), Asked()):
        names = told_authors(asker, events)
        for event in events:
            line = {
                "at": moment(event.at),
                "kind": event.kind,
                "by": names.get(event.pk, event.by),
                "subject": event.subject,
                "project": event.project,
                "facts": event.facts,
            }
            yield json.dumps(line, ensure_ascii=False).encode() + b"\n"
