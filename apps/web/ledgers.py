"""Projects as ledgers, one for each entity that owns some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.access.policy import Visibility
from apps.projects.types import PUBLISHED, OpenProject
from apps.runs.queries import count_runs
from apps.runs.types import RunCount
from apps.teams.choices import SettingName
from apps.teams.queries import Effective, effective_of
from apps.teams.types import EntityKind
from apps.web.keeping import on_off
from apps.web.links import entity_url, project_url
from apps.web.words import Words

if TYPE_CHECKING:
    from apps.teams.models import Entity


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a ledger."""

    opened: OpenProject
    url: str
    runs: RunCount


@dataclass(frozen=True, slots=True)
class Ledger:
    """The projects of one entity."""

    entity: Entity
    url: str
    rows: list[Row]
    is_mine: bool = False

    @property
    def is_team(self) -> bool:
        return self.entity.user_id is None

    @property
    def leads_to_people(self) -> bool:
        return self.is_mine and self.entity.kind == EntityKind.TEAM

    def about(self, words: Words) -> Ledger:
        """With the projects alone that are called, described or owned so."""
        name = self.entity.name
        rows = [row for row in self.rows if words.in_any(row.opened.name, row.opened.description, name)]
        return replace(self, rows=rows)


def ledgers(entities: Sequence[Entity], projects: Sequence[OpenProject]) -> list[Ledger]:
    """One's own entity first, then teams, then others' in which one is named; those without projects last."""
    mine = {each.pk for each in entities}
    others = {each.project.entity_id: each.project.entity for each in projects}
    entities = [*entities, *(entity for pk, entity in others.items() if pk not in mine)]
    counts = count_runs(opened.project for opened in projects)
    rows: dict[int, list[Row]] = {each.pk: [] for each in entities}
    for opened in projects:
        url = project_url(opened.entity, opened.name)
        rows[opened.project.entity_id].append(Row(opened, url, counts.get(opened.project.pk, RunCount())))
    ordered = sorted(
        entities,
        key=lambda each: (not rows[each.pk], each.pk not in mine, each.user_id is None, each.name),
    )
    return [Ledger(each, entity_url(each.name), rows[each.pk], is_mine=each.pk in mine) for each in ordered]


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is in somebody's keeping, in numbers: who can open it, how much of it there is."""

    private: int
    shared: int
    public: int
    runs: int
    running: int
    code: Effective
    new_projects: Effective

    @property
    def projects(self) -> int:
        return self.private + self.shared + self.public

    @property
    def code_words(self) -> str:
        return on_off(self.code)

    @property
    def new_projects_words(self) -> str:
        """Within a line, beside “off” and “never”: in small letters."""
        words = {
            Visibility.PRIVATE: _("private"),
            Visibility.RESTRICTED: _("restricted"),
            Visibility.PUBLIC: _("public"),
            Visibility.OPEN: _("open to everybody’s runs"),
        }
        return words[Visibility(self.new_projects.word)]

    @property
    def publishes_new_projects(self) -> bool:
        return self.new_projects.word in PUBLISHED


def keeping(found: Sequence[Ledger], *, own: Entity) -> Keeping:
    """`own`: whose settings hold for what somebody logs to no team."""
    held = effective_of([own], [SettingName.CODE_SAVING, SettingName.DEFAULT_VISIBILITY])[own.pk]
    rows = [(ledger, row) for ledger in found for row in ledger.rows]
    outside = [row for _, row in rows if row.opened.visibility in PUBLISHED]
    teams = [
        row
        for ledger, row in rows
        if row not in outside and (ledger.is_team or row.opened.visibility is Visibility.RESTRICTED)
    ]
    return Keeping(
        private=len(rows) - len(teams) - len(outside),
        shared=len(teams),
        public=len(outside),
        runs=sum(row.runs.total for _, row in rows),
        running=sum(row.runs.running for _, row in rows),
        code=held[SettingName.CODE_SAVING],
        new_projects=held[SettingName.DEFAULT_VISIBILITY],
    )
