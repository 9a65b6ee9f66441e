"""Who did what to an entity's things, for whoever may know: the audit record with its names looked up as it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from apps.access.policy import Permission
from apps.accounts.actors import NOBODY_ID, SYSTEM_ID, Actor
from apps.accounts.queries import author_by_name
from apps.audit import queries
from apps.audit.events import EventKind
from apps.audit.queries import Asked
from apps.audit.services import record
from apps.projects.queries import open_projects, readable_projects
from apps.projects.types import OpenProject
from apps.teams.models import Entity, Organisation
from apps.teams.queries import audited_names, get_entity, get_organisation, names_of_teams
from apps.vault.damage import leaving_out_damaged

if TYPE_CHECKING:
    from apps.audit.models import Event, Link

Owner: TypeAlias = Entity | Organisation
# What an organisation does to a team; whoever reads it could name the team then.
_OF_TEAMS = frozenset({EventKind.ORGANISATION_TEAM_ADDED, EventKind.ORGANISATION_TEAM_REMOVED})


@dataclass(frozen=True, slots=True)
class Line:
    """One event as its owner reads it. `who` is empty for those who have left, `project` where it is gone."""

    event: Event
    link: Link | None
    who: str
    project: OpenProject | None
    whom: str = ""  # the person, or the team, to whom it was done, where that is another

    @property
    def is_nobody(self) -> bool:
        return self.event.by == NOBODY_ID

    @property
    def is_system(self) -> bool:
        return self.event.by == SYSTEM_ID


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines, newest first, and the events beyond which there are more."""

    lines: list[Line]
    newer: int | None
    older: int | None


def audited_entity(actor: Actor, name: str) -> Entity:
    """The entity of this name, for whoever may know who saw it."""
    return get_entity(actor, Permission.ENTITY_AUDIT, name=name)


def audited_organisation(actor: Actor, name: str) -> Organisation:
    """The organisation of this name, for whoever may know what was done in it. What its teams do is on their own records."""
    return get_organisation(actor, Permission.ENTITY_AUDIT, name=name)


def author_called(name: str) -> str:
    """The opaque id of whom somebody means by this name; nobody's and the instance's own are these words."""
    if name in (NOBODY_ID, SYSTEM_ID):
        return name
    return author_by_name(name) or "unknown"


def page_of(
    actor: Actor,
    owner: Owner,
    asked: Asked,
    *,
    before: int | None = None,
    after: int | None = None,
    most: int,
) -> Page:
    """A page of an owner that is held for this: the newest, those before one event, or those after one."""
    owners = _owners(owner)
    if after is not None:
        events = queries.next_newer(owners, asked, after=after, most=most + 1)
        has_newer, has_older = len(events) > most, bool(events)
        events = events[-most:]
    else:
        events = queries.newest(owners, asked, before=before, most=most + 1)
        has_newer, has_older = before is not None, len(events) > most
        events = events[:most]
    if not events:
        return Page([], None, None)
    lines = _lines(actor, events)
    return Page(lines, events[0].pk if has_newer else None, events[-1].pk if has_older else None)


def export_record(actor: Actor, owner: Owner, asked: Asked, *, form: str) -> Iterator[Line]:
    """All lines, newest first, read as they are taken. That they were taken is on the record as well."""
    record(EventKind.RECORD_EXPORTED, subject=owner.public_id, entity=owner.public_id, by=actor, form=form)
    return (line for events in queries.batches(_owners(owner), asked) for line in _lines(actor, events))


def _owners(owner: Owner) -> list[str]:
    """A person's own record holds what concerns their account."""
    person = owner.user if isinstance(owner, Entity) else None
    return [owner.public_id] if person is None else [owner.public_id, person.public_id]


def _lines(actor: Actor, events: Sequence[Event]) -> list[Line]:
    names = audited_names(actor, (each for event in events for each in (event.by, event.subject)))
    names |= names_of_teams(event.subject for event in events if event.kind in _OF_TEAMS)
    links = queries.links_of(events)
    with leaving_out_damaged():
        held = readable_projects(actor, [event.project for event in events])
        projects = {opened.project.public_id: opened for opened in open_projects(held)}
    return [
        Line(
            event,
            links.get(event.pk),
            who=names.get(event.by, ""),
            project=projects.get(event.project),
            whom=names.get(event.subject, "") if event.subject != event.by else "",
        )
        for event in events
    ]
