from __future__ import annotations

from typing import TYPE_CHECKING

from apps.runs.table import select_runs
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Fields, Info, Source
from apps.wandb_protocol.graphql.paging import page, page_size, position_after

if TYPE_CHECKING:
    from apps.projects.types import OpenProject


def runs(
    project: Source,
    _: Info,
    filters: str | None = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Source:
    """The page of the project's runs that pass the filters, in the order asked for."""
    held: OpenProject = project["_project"]
    start = position_after(after)
    found = select_runs(held.project, filters=filters, order=order, offset=start, limit=page_size(first))
    nodes = [translate.run_facts(opened) | {"project": project} for opened in found.runs]
    return page(nodes, start=start, total=found.total)


def run_count(project: Source, _: Info, filters: str | None = None) -> int:
    held: OpenProject = project["_project"]
    return select_runs(held.project, filters=filters, order=None, offset=0, limit=0).total


FIELDS: Fields = {"Project.runs": runs, "Project.buckets": runs, "Project.runCount": run_count}
