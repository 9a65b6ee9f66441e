"""What is to be exported, found by the names that are typed on the instance's machine: whoever types there asks no gate."""

from __future__ import annotations

from collections.abc import Sequence

from apps.accounts.actors import Actor
from apps.core.errors import Invalid, NotFound
from apps.exports.models import Export
from apps.exports.services import export_account, export_entity, export_project, export_runs
from apps.exports.types import Tables
from apps.projects.models import Project
from apps.projects.queries import NO_PROJECT, find_project
from apps.runs.models import Run
from apps.runs.queries import find_run
from apps.teams.queries import entity_by_name


def ask_for_account(name: str, *, by: Actor, tables: Tables) -> Export:
    """NotFound for what is no person's name."""
    own = entity_by_name(name)
    if own.user_id is None:
        raise NotFound("There is no such account.")
    projects = Project.objects.filter(entity=own).select_related("entity").order_by("pk")
    return export_account(own, projects, by=by, tables=tables)


def ask(place: str, runs: Sequence[str], *, by: Actor, tables: Tables) -> Export:
    """NotFound for what is not there."""
    name, slash, project = place.partition("/")
    entity = entity_by_name(name)
    if not slash:
        if runs:
            raise Invalid("Runs are in a project: ENTITY/PROJECT ID…")
        projects = Project.objects.filter(entity=entity).select_related("entity").order_by("pk")
        return export_entity(entity, projects, by=by, tables=tables)
    found = find_project(entity, project)
    if found is None:
        raise NotFound(NO_PROJECT)
    if not runs:
        return export_project(found, by=by, tables=tables)
    return export_runs([_run(found, each) for each in dict.fromkeys(runs)], by=by, tables=tables)


def _run(project: Project, name: str) -> Run:
    found = find_run(project, name)
    if found is None:
        raise NotFound("There is no such run. Runs are named by the id that stands in their address.")
    return found
