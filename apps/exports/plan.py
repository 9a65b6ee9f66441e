"""What an export has to write, worked out when its first turn begins: each thing in stretches that a worker writes at one go."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from apps.artifacts.models import Collection
from apps.artifacts.queries.versions import committed
from apps.artifacts.types import CollectionKind, VersionState
from apps.exports.models import Export, ExportItem
from apps.exports.types import ItemKind
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import gone_or_back_soon

_STRETCH_BYTES = 64 * 1024 * 1024
_STRETCH_FILES = 1000
_BATCH = 1000
# About what one of them takes to read, in bytes of a file: measured on runs of 1 000 steps with 10 metrics.
_RUN_WEIGHT, _LINE_WEIGHT, _SMALL_WEIGHT = 32 * 1024, 128, 4 * 1024


def head_of_run(run: Run) -> ExportItem:
    weight = _RUN_WEIGHT + _LINE_WEIGHT * (run.history_lines + run.event_lines + run.output_lines)
    return ExportItem(kind=ItemKind.RUN.value, project_id=run.project_id, run=run, weight=weight)


def head_of_project(project: Project) -> ExportItem:
    return ExportItem(kind=ItemKind.PROJECT.value, project=project, weight=_SMALL_WEIGHT)


def expand(export: Export) -> None:
    """Note all that lies below what was asked for. Called in the transaction that begins the export.

    Unavailable while a run of a project is closed for a moment: it would be missing, and nothing would say so.
    """
    heads = list(ExportItem.objects.filter(export=export).order_by("pk"))
    held: list[ExportItem] = []
    for item in _below(heads):
        item.export = export
        held.append(item)
        if len(held) == _BATCH:
            ExportItem.objects.bulk_create(held)
            held.clear()
    ExportItem.objects.bulk_create(held)


def _below(heads: list[ExportItem]) -> Iterator[ExportItem]:
    runs = [head.run_id for head in heads if head.kind == ItemKind.RUN]
    if runs:
        yield from _files(Q(run__in=runs))
    for head in heads:
        if head.kind == ItemKind.PROJECT and head.project_id is not None:
            yield from _in_project(head.project_id)


def _in_project(project: int) -> Iterator[ExportItem]:
    there = Q(erased_at=None) | Q(is_back_soon=True)
    bare = Run.everything.filter(there, project=project).order_by("pk")
    bare = bare.only("pk", "project_id", "is_back_soon", "history_lines", "event_lines", "output_lines")
    for run in bare.iterator(chunk_size=_BATCH):
        if run.is_back_soon:
            raise gone_or_back_soon(run.pk)
        yield head_of_run(run)
    # Those of a run that was closed since belong to one that is noted.
    yield from _files(Q(run__project=project) & (Q(run__erased_at=None) | Q(run__is_back_soon=True)))
    has_some = Q(versions__state=VersionState.COMMITTED) | Q(kind=CollectionKind.PORTFOLIO.value)
    found = Collection.objects.filter(has_some, project=project).distinct().order_by("pk").only("pk")
    for collection in found:
        yield ExportItem(
            kind=ItemKind.COLLECTION.value, project_id=project, collection=collection, weight=_SMALL_WEIGHT
        )
    versions = committed().filter(collection__project=project).order_by("pk")
    for pk, count, size in versions.values_list("pk", "file_count", "size"):
        for first in range(0, max(count, 1), _STRETCH_FILES):
            last = min(first + _STRETCH_FILES, count)
            weight = _SMALL_WEIGHT + size * (last - first) // max(count, 1)
            yield ExportItem(
                kind=ItemKind.VERSION.value,
                project_id=project,
                version_id=pk,
                first=first,
                last=last,
                weight=weight,
            )


def _files(which: Q) -> Iterator[ExportItem]:
    """The stored files of these runs, in stretches of one run each."""
    rows = RunFile.objects.filter(which, blob__isnull=False).order_by("run", "pk")
    stretch: ExportItem | None = None
    count = 0
    for pk, run, project, size in rows.values_list("pk", "run", "run__project", "size").iterator(
        chunk_size=_BATCH
    ):
        is_full = stretch is not None and (count >= _STRETCH_FILES or stretch.weight >= _STRETCH_BYTES)
        if stretch is None or stretch.run_id != run or is_full:
            if stretch is not None:
                yield stretch
            stretch = ExportItem(
                kind=ItemKind.FILES.value, project_id=project, run_id=run, first=pk, last=pk, weight=0
            )
            count = 0
        stretch.last, stretch.weight, count = pk, stretch.weight + size + _SMALL_WEIGHT, count + 1
    if stretch is not None:
        yield stretch
