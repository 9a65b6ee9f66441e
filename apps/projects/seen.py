"""Who did what to an entity's things, for whoever may know: the audit record with its names looked up as it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from apps.access.policy import Permission
from apps.accounts.actors import NOBODY_ID, OPERATOR_ID, SYSTEM_ID, Actor
from apps.accounts.queries import author_by_name
from apps.audit import queries
from apps.audit.events import EventKind, Group, kinds_in
from apps.audit.queries import Asked
from apps.audit.services import record
from apps.projects.queries import open_projects, readable_projects
from apps.projects.types import OpenProject
from apps.teams.models import Entity, Organisation
from apps.teams.queries import audited_names, get_entity, get_organisation, hidden_among, names_of_teams
from apps.vault.damage import leaving_out_damaged

if TYPE_CHECKING:
    from apps.audit.models import Event, Link

Owner: TypeAlias = Entity | Organisation
# Who looked is told to whose it is, also of those who hide: their switch says so.
_SEEN = frozenset(kinds_in(Group.SEEN))
# What an organisation does to a team; whoever reads it could name the team then.
_OF_TEAMS = frozenset({EventKind.ORGANISATION_TEAM_ADDED, EventKind.ORGANISATION_TEAM_REMOVED})


@dataclass(frozen=True, slots=True)
class Line:
    """One event as its owner reads it. `who` is empty for those who have left or hide, `project` where it is gone."""

    event: Event
    link: Link | None
    who: str
    project: OpenProject | None
    whom: str = ""  # the person, or the team, to whom it was done, where that is another
    is_hidden: bool = False  # by somebody whose name the reader is not told

    @property
    def is_nobody(self) -> bool:
        return self.event.by == NOBODY_ID

    @property
    def is_system(self) -> bool:
        return self.event.by == SYSTEM_ID

    @property
    def is_operator(self) -> bool:
        return self.event.by == OPERATOR_ID


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


def asked_by_name(actor: Actor, asked: Asked, name: str) -> Asked:
    """The same, of one author alone; nobody's acts and the instance's own are found by these words.

    By the name of somebody who hides from the actor one finds what stands there by name: that they looked.
    """
    if name in (NOBODY_ID, OPERATOR_ID, SYSTEM_ID):
        return replace(asked, by=name)
    by = author_by_name(name) or "unknown"
    if hidden_among(actor, [by]):
        seen = _SEEN & asked.kinds if asked.kinds else _SEEN
        return replace(asked, by=by, kinds=seen or frozenset({"none"}))
    return replace(asked, by=by)


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
    owners = owners_of(owner)
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


def owners_of(owner: Owner) -> list[str]:
    """Whose record an owner reads. A person's own holds what concerns their account."""
    person = owner.user if isinstance(owner, Entity) else None
    return [owner.public_id] if person is None else [owner.public_id, person.public_id]


def told_authors(actor: Actor, events: Sequence[Event]) -> dict[int, str]:
    """By event who did it, where the actor is told; on the machine everybody is."""
    names = audited_names(actor, {event.by for event in events})
    hidden = set() if actor.is_at_the_machine else hidden_among(actor, names)
    return {
        event.pk: names[event.by]
        for event in events
        if event.by in names and (event.by not in hidden or event.kind in _SEEN)
    }


def export_record(actor: Actor, owner: Owner, asked: Asked, *, form: str) -> Iterator[Line]:
    """All lines, newest first, read as they are taken. That they were taken is on the record as well."""
    record(EventKind.RECORD_EXPORTED, subject=owner.public_id, entity=owner.public_id, by=actor, form=form)
    return (line for events in queries.batches(owners_of(owner), asked) for line in _lines(actor, events))


def _lines(actor: Actor, events: Sequence[Event]) -> list[Line]:
    names = audited_names(actor, (each for event in events for each in (event.by, _whom(event))))
    names |= names_of_teams(event.subject for event in events if event.kind in _OF_TEAMS)
    hidden = hidden_among(actor, names)
    links = queries.links_of(events)
    with leaving_out_damaged():
        held = readable_projects(actor, [event.project for event in events])
        projects = {opened.project.public_id: opened for opened in open_projects(held)}
    return [
        Line(
            event,
            links.get(event.pk),
            who="" if event.by in hidden and event.kind not in _SEEN else names.get(event.by, ""),
            project=projects.get(event.project),
            whom=names.get(_whom(event), "") if _whom(event) not in {event.by, *hidden} else "",
            is_hidden=event.by in hidden and event.kind not in _SEEN,
        )
        for event in events
    ]


def _whom(event: Event) -> str:
    """The person to whom it was done; of sharing the subject is the project."""
    return str(event.facts.get("person", event.subject))
