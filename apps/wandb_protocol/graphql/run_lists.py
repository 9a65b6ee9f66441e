from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.projects.gate import require
from apps.runs.table import select_runs
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in, budget_of
from apps.wandb_protocol.graphql.paging import page, page_size, position_after

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject


def runs(
    project: Source,
    info: Info,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Source:
    """The page of the project's runs that pass the filters, in the order asked for."""
    held = _read(project, info)
    start, budget = position_after(after), budget_of(info)
    budget.list_of(page_size(first))
    found = select_runs(
        held,
        filters=filters,
        order=order,
        offset=start,
        limit=page_size(first),
        seen_by=actor_in(info),
        patience=budget.patience,
    )
    budget.runs(found.runs)
    around = {"project": project, "_authors": {opened.run.created_by_id for opened in found.runs} - {None}}
    nodes = [translate.run_facts(opened) | around for opened in found.runs]
    return page(nodes, start=start, total=found.total)


def run_count(project: Source, info: Info, filters: str | None = None) -> int:
    held = _read(project, info)
    budget = budget_of(info)
    budget.list_of(0)
    return select_runs(held, filters=filters, limit=0, seen_by=actor_in(info), patience=budget.patience).total


def description(project: Source, info: Info) -> str:
    """Words of the project: whoever writes a run there and asks for them has looked at it."""
    _read(project, info)
    held: OpenProject = project["_project"]
    return held.description


def _read(project: Source, info: Info) -> Project:
    """The project, for reading. One that a run led to was held for writing, which is noted as no look at it."""
    held: OpenProject = project["_project"]
    if project.get("_is_unread"):
        require(actor_in(info), Permission.RUN_READ, held.project)
    return held.project


FIELDS: Fields = {
    "Project.runs": runs,
    "Project.buckets": runs,
    "Project.runCount": run_count,
    "Project.description": description,
}
