"""What a rule on how long runs are kept would erase, and that nobody chooses one that erases without having agreed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.core import clock
from apps.core.errors import Conflict
from apps.erasure.retention import ended_before
from apps.projects.models import Project
from apps.projects.retention import SETTING, held_by
from apps.runs.models import Run
from apps.teams.choices import Value
from apps.teams.models import Entity
from apps.teams.queries import effective
from apps.teams.services import choose, unset


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Runs whose time would be over at once, the projects they lie in, and how many projects have a rule of their own."""

    runs: int = 0
    projects: int = 0
    with_own_rule: int = 0


class WouldErase(Conflict):
    """The choice would erase runs at the next pass, and nobody has agreed to that."""

    code = "would_erase"

    def __init__(self, value: Value, found: Foreseen) -> None:
        super().__init__(_("This would erase runs. Say that you want it."))
        self.value, self.found = value, found


@transaction.atomic
def choose_retention_of(entity: Entity, value: Value, *, by: Actor, agreed: bool = False) -> None:
    """Erase the entity's runs so many days after their end; None: never. WouldErase, and nothing changed, when that
    takes runs which stay as things are and nobody agreed."""
    before = _under_present_rule(entity).runs
    choose(entity, SETTING, value, by=by)
    _require_agreement(entity, before, agreed=agreed)


@transaction.atomic
def unset_retention_of(entity: Entity, *, by: Actor, agreed: bool = False) -> None:
    """Take the entity's choice back: what its organisation says holds, or that runs stay."""
    before = _under_present_rule(entity).runs
    unset(entity, SETTING, by=by)
    _require_agreement(entity, before, agreed=agreed)


def _require_agreement(entity: Entity, before: int, *, agreed: bool) -> None:
    found = _under_present_rule(entity)
    if found.runs > before and not agreed:
        raise WouldErase(effective(entity, SETTING).value, found)


def _under_present_rule(entity: Entity) -> Foreseen:
    return foreseen(entity, effective(entity, SETTING).value)


def foreseen(entity: Entity, value: Value) -> Foreseen:
    """As if the entity had this rule already. One question more for each different number of days."""
    held = replace(effective(entity, SETTING), value=value)
    by_days: dict[int, list[int]] = defaultdict(list)
    own = 0
    for project in Project.objects.filter(entity=entity).only("pk", "run_retention"):
        rule = held_by(project, held)
        own += rule.is_own
        if rule.days is not None:
            by_days[rule.days].append(project.pk)
    runs = projects = 0
    for days, ids in by_days.items():
        found = _old(ids, days)
        runs, projects = runs + found["runs"], projects + found["projects"]
    return Foreseen(runs, projects, own)


def _old(projects: list[int], days: int) -> dict[str, int]:
    before = clock.now() - timedelta(days=days)
    rows = Run.objects.filter(Q(project__in=projects) & ended_before(before))
    return rows.aggregate(runs=Count("pk"), projects=Count("project", distinct=True))
