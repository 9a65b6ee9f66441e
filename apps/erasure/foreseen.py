"""What a rule on how long things are kept would erase, and that nobody chooses one that erases without having agreed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.core import clock
from apps.core.errors import Conflict
from apps.erasure.retention import ended_before
from apps.projects.models import Project
from apps.projects.retention import SETTING, held_by
from apps.projects.services import choose_retention, unset_retention
from apps.runs.models import Run
from apps.teams.choices import Value
from apps.teams.models import Entity, Organisation
from apps.teams.queries import Effective, effective, effective_of, own_of
from apps.teams.services import choose, unset

Owner: TypeAlias = Entity | Organisation | Project


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Runs whose time would be over at once, the projects and the teams they lie in, and how many projects have a rule
    of their own."""

    runs: int = 0
    projects: int = 0
    entities: int = 0
    with_own_rule: int = 0


class WouldErase(Conflict):
    """The choice would erase runs at the next pass, and nobody has agreed to that."""

    code = "would_erase"

    def __init__(self, value: Value, found: Foreseen) -> None:
        super().__init__(_("This would erase runs. Say that you want it."))
        self.value, self.found = value, found


@transaction.atomic
def choose_retention_of(
    owner: Owner, value: Value, *, by: Actor, enforce: bool = False, agreed: bool = False
) -> None:
    """Erase these runs so many days after their end; None: never. Of an organisation: those of its teams.

    WouldErase, and nothing changed, when that takes runs which stay as things are and nobody agreed.
    """
    before = under_present_rule(owner).runs
    if isinstance(owner, Project):
        choose_retention(owner, value if isinstance(value, int) else None, by=by)
    else:
        choose(owner, SETTING, value, by=by, enforce=enforce)
    _require_agreement(owner, before, agreed=agreed)


@transaction.atomic
def unset_retention_of(owner: Owner, *, by: Actor, agreed: bool = False) -> None:
    """Take the choice back: what is said above holds, or that runs stay."""
    before = under_present_rule(owner).runs
    if isinstance(owner, Project):
        unset_retention(owner, by=by)
    else:
        unset(owner, SETTING, by=by)
    _require_agreement(owner, before, agreed=agreed)


def _require_agreement(owner: Owner, before: int, *, agreed: bool) -> None:
    found = under_present_rule(owner)
    if found.runs > before and not agreed:
        raise WouldErase(_value_of(owner), found)


def _value_of(owner: Owner) -> Value:
    """The rule that holds now. An organisation that says nothing has none, and its teams choose."""
    if isinstance(owner, Organisation):
        said = own_of(owner).get(SETTING)
        return said.value if said else None
    if isinstance(owner, Project):
        return held_by(_fresh(owner), effective(owner.entity, SETTING)).days
    return effective(owner, SETTING).value


def _fresh(project: Project) -> Project:
    return Project.objects.only("pk", "entity_id", "run_retention").get(pk=project.pk)


def under_present_rule(owner: Owner) -> Foreseen:
    """What the next pass erases of these, as things are."""
    if isinstance(owner, Project):
        return _counted(
            {owner.entity_id: effective(owner.entity, SETTING)}, Project.objects.filter(pk=owner.pk)
        )
    entities = [owner] if isinstance(owner, Entity) else list(Entity.objects.filter(organisation=owner))
    held = {pk: each[SETTING] for pk, each in effective_of(entities, [SETTING]).items()}
    return _counted(held, Project.objects.filter(entity__in=list(held)))


def _counted(held: Mapping[int, Effective], projects: QuerySet[Project]) -> Foreseen:
    """In these projects, by what holds in their entities. One question more for each different number of days."""
    by_days: dict[int, list[int]] = defaultdict(list)
    own = 0
    for project in projects.only("pk", "entity_id", "run_retention"):
        rule = held_by(project, held[project.entity_id])
        own += rule.is_own
        if rule.days is not None:
            by_days[rule.days].append(project.pk)
    runs = in_projects = 0
    entities: set[int] = set()
    for days, ids in by_days.items():
        old = Run.objects.filter(ended_before(clock.now() - timedelta(days=days)), project__in=ids)
        each = old.order_by().values("project__entity")
        for row in each.annotate(runs=Count("pk"), projects=Count("project", distinct=True)):
            runs, in_projects = runs + row["runs"], in_projects + row["projects"]
            entities.add(row["project__entity"])
    return Foreseen(runs, in_projects, len(entities), own)
