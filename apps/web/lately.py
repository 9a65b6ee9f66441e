"""What happened lately to what is somebody's, for the margin of their home: who looked, and what is being erased."""

from __future__ import annotations

from dataclasses import dataclass

from apps.accounts.actors import Actor
from apps.audit.events import Group, kinds_in
from apps.audit.queries import Asked
from apps.core.errors import Suspended
from apps.erasure.queries import jobs_on_their_way
from apps.projects.seen import audited_entity, page_of
from apps.web.erasing import Progress, progress_in_list
from apps.web.record import Said, days

_MOST = 3
_LOOKED_THROUGH = 30  # for so many that differ: who comes again and again is one line


@dataclass(frozen=True, slots=True)
class Lately:
    """The newest looks of others at one's own projects, and the newest erasures that have not come to their end."""

    seen: list[Said]
    going: list[Progress]


def lately(actor: Actor) -> Lately:
    return Lately(_seen(actor), going(actor))


def going(actor: Actor) -> list[Progress]:
    return progress_in_list(jobs_on_their_way(actor, most=_MOST), actor)


def _seen(actor: Actor) -> list[Said]:
    try:
        own = audited_entity(actor, actor.username)
    except Suspended:  # the projects of their teams are there all the same
        return []
    looks = page_of(actor, own, Asked(kinds=frozenset(kinds_in(Group.SEEN))), most=_LOOKED_THROUGH).lines
    found: dict[tuple[str, str, str], Said] = {}
    for day in days(actor, own, looks):
        for said in day.lines:
            found.setdefault((said.line.event.by, said.says, said.project_url), said)
    return list(found.values())[:_MOST]
