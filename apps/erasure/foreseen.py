"""What a rule on how long things are kept would erase, and that nobody chooses one that erases without having agreed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from django.db import transaction
from django.db.models import Count, F, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.queries.lives import older_without_a_word
from apps.core import clock
from apps.core.errors import Conflict
from apps.erasure.retention import ended_before
from apps.projects.models import Project
from apps.projects.retention import SETTING, held_by
from apps.projects.services import choose_retention, unset_retention
from apps.runs.models import Run
from apps.teams.choices import SettingName, Value
from apps.teams.models import Entity, Organisation
from apps.teams.queries import Effective, effective, effective_of, own_of
from apps.teams.services import choose, unset

Owner: TypeAlias = Entity | Organisation | Project


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Runs, or versions of artifacts, whose time would be over at once; the projects and the teams they lie in; and how
    many projects have a rule of their own."""

    things: int = 0
    projects: int = 0
    entities: int = 0
    with_own_rule: int = 0


class WouldErase(Conflict):
    """The choice would erase something at the next pass, and nobody has agreed to that."""

    code = "would_erase"

    def __init__(self, value: Value, found: Foreseen) -> None:
        super().__init__(_("This would erase what is there already. Say that you want it."))
        self.value, self.found = value, found


@transaction.atomic
def choose_retention_of(
    owner: Owner,
    value: Value,
    *,
    by: Actor,
    name: SettingName = SETTING,
    enforce: bool = False,
    agreed: bool = False,
) -> None:
    """Erase these runs, or versions, when they are so many days old; None: never. Of an organisation: those of its teams.

    WouldErase, and nothing changed, when that takes some which stay as things are and nobody agreed.
    """
    before = under_present_rule(owner, name).things
    if isinstance(owner, Project):
        choose_retention(owner, value if isinstance(value, int) else None, by=by)
    else:
        choose(owner, name, value, by=by, enforce=enforce)
    _require_agreement(owner, name, before, agreed=agreed)


@transaction.atomic
def unset_retention_of(owner: Owner, *, by: Actor, name: SettingName = SETTING, agreed: bool = False) -> None:
    """Take the choice back: what is said above holds, or that all stay."""
    before = under_present_rule(owner, name).things
    if isinstance(owner, Project):
        unset_retention(owner, by=by)
    else:
        unset(owner, name, by=by)
    _require_agreement(owner, name, before, agreed=agreed)


def _require_agreement(owner: Owner, name: SettingName, before: int, *, agreed: bool) -> None:
    found = under_present_rule(owner, name)
    if found.things > before and not agreed:
        raise WouldErase(_value_of(owner, name), found)


def _value_of(owner: Owner, name: SettingName) -> Value:
    """The rule that holds now. An organisation that says nothing has none, and its teams choose."""
    if isinstance(owner, Organisation):
        said = own_of(owner).get(name)
        return said.value if said else None
    if isinstance(owner, Project):
        return held_by(_fresh(owner), effective(owner.entity, SETTING)).days
    return effective(owner, name).value


def _fresh(project: Project) -> Project:
    return Project.objects.only("pk", "entity_id", "run_retention").get(pk=project.pk)


def under_present_rule(owner: Owner, name: SettingName = SETTING) -> Foreseen:
    """What the next pass erases of these, as things are."""
    if isinstance(owner, Project):
        held = {owner.entity_id: effective(owner.entity, name)}
        return _counted(name, held, Project.objects.filter(pk=owner.pk))
    entities = [owner] if isinstance(owner, Entity) else list(Entity.objects.filter(organisation=owner))
    held = {pk: each[name] for pk, each in effective_of(entities, [name]).items()}
    return _counted(name, held, Project.objects.filter(entity__in=list(held)))


def _counted(name: SettingName, held: Mapping[int, Effective], projects: QuerySet[Project]) -> Foreseen:
    """In these projects, by what holds in their entities. One question more for each different number of days."""
    by_days: dict[int, list[int]] = defaultdict(list)
    own = 0
    for project in projects.only("pk", "entity_id", "run_retention"):
        days = held[project.entity_id].days
        if name is SETTING:
            rule = held_by(project, held[project.entity_id])
            own, days = own + rule.is_own, rule.days
        if days is not None:
            by_days[days].append(project.pk)
    things = in_projects = 0
    entities: set[int] = set()
    for days, ids in by_days.items():
        for row in _old(name, ids, days):
            things, in_projects = things + row["things"], in_projects + row["projects"]
            entities.add(row["entity"])
    return Foreseen(things, in_projects, len(entities), own)


def _old(name: SettingName, projects: list[int], days: int) -> list[dict[str, int]]:
    """For each entity how many there are, and in how many projects."""
    place = "project" if name is SETTING else "collection__project"
    old: QuerySet[Any] = (
        Run.objects.filter(ended_before(clock.now() - timedelta(days=days)), project__in=projects)
        if name is SETTING
        else older_without_a_word(projects, days)
    )
    each = old.order_by().values(entity=F(f"{place}__entity"))
    return list(each.annotate(things=Count("pk"), projects=Count(place, distinct=True)))
