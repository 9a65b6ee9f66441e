"""What is in an archive: each thing as the files that it becomes. Docs: docs/export-format.md."""

from __future__ import annotations

from collections.abc import Sequence

from apps.accounts.actors import Actor
from apps.exports.contents.account import account_files
from apps.exports.contents.artifacts import collection_files, version_files
from apps.exports.contents.entities import entity_files
from apps.exports.contents.projects import project_files
from apps.exports.contents.runs import run_files, run_words
from apps.exports.models import ExportItem
from apps.exports.types import Content, ItemKind, Tables


def content_of(item: ExportItem, tables: Tables, asker: Actor) -> Content:
    """The files of one thing, each made when it is read. What was erased since it was planned is left out, and said to be."""
    kind = ItemKind(item.kind)
    if kind is ItemKind.RUN and item.run_id is not None:
        return run_words(item.run_id, tables, asker, _planned(item))
    if kind is ItemKind.FILES and item.run_id is not None:
        return run_files(item.run_id, item.first, item.last)
    if kind is ItemKind.COLLECTION and item.collection_id is not None:
        return collection_files(item.collection_id, asker)
    if kind is ItemKind.VERSION and item.version_id is not None:
        return version_files(item.version_id, item.first, item.last, asker)
    if kind is ItemKind.PROJECT and item.project_id is not None:
        return project_files(item.project_id, asker)
    if kind is ItemKind.ACCOUNT:
        return account_files(item.export.entity)
    return entity_files(item.export.entity, asker)


def _planned(run: ExportItem) -> Sequence[tuple[int, int]]:
    """The rows of a run's files, from one to another, that the export holds: those that came later it does not."""
    files = ExportItem.objects.filter(export=run.export_id, run=run.run_id, kind=ItemKind.FILES.value)
    return list(files.values_list("first", "last"))
