"""What is to be exported, found by the names that a door was given: each fetched for exporting it."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.core.errors import NotFound
from apps.exports.models import Export
from apps.exports.queries import own_account, projects_to_export
from apps.exports.services import export_account, export_entity, export_project, export_runs
from apps.exports.types import Tables
from apps.projects.queries import get_project
from apps.runs.queries import find_run
from apps.teams.queries import get_entity


def ask_for_account(actor: Actor, *, tables: Tables = Tables.PARQUET) -> Export:
    """Ask for an export of the actor's own account with everything of theirs."""
    own = own_account(actor)
    return export_account(own, projects_to_export(actor, own), by=actor, tables=tables)


def ask_for(
    actor: Actor,
    *,
    entity: str,
    project: str | None = None,
    runs: Sequence[str] | None = None,
    tables: Tables = Tables.PARQUET,
) -> Export:
    """Ask for an export of everything of an entity, of a project, or of some of its runs by their names."""
    if project is None:
        owner = get_entity(actor, Permission.ENTITY_READ, name=entity)
        return export_entity(owner, projects_to_export(actor, owner), by=actor, tables=tables)
    held = get_project(actor, Permission.PROJECT_EXPORT, entity=entity, name=project)
    if runs is None:
        return export_project(held, by=actor, tables=tables)
    found = [find_run(held, name) for name in dict.fromkeys(runs)]
    there = [run for run in found if run is not None]
    if len(there) < len(found):
        raise NotFound(_("One of these runs is not there."))
    return export_runs(there, by=actor, tables=tables)
