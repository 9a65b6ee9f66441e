"""The files of a run that are code: what was kept because its owner switched code saving on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum

from apps.code_saving.policy import is_code
from apps.files.models import RunFile
from apps.files.queries import NAME_LABEL, open_files
from apps.files.types import OpenFile
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.teams.models import Entity
from apps.vault.seal import unseal_text


@dataclass(frozen=True, slots=True)
class CodeSum:
    files: int
    runs: int
    size: int


def code_files(run: Run) -> list[OpenFile]:
    """The stored files of a run that are code, by name."""
    _look_at(run)
    ids = _stored(RunFile.objects.filter(run=run)).values_list("pk", flat=True)
    return sorted(open_files(run, ids).values(), key=lambda each: each.name)


def files_and_code(run: Run) -> tuple[int, int]:
    """How many files of the run are stored, and how many of them are code, with one question.

    No name is opened but of files from before it was noted which are code.
    """
    stored = RunFile.objects.filter(run=run, blob__isnull=False).order_by()
    counts = dict(stored.values_list("is_code").annotate(Count("pk")))
    if None in counts:
        _look_at(run)
        return files_and_code(run)
    return sum(counts.values()), counts.get(True, 0)


def code_files_of(entity: Entity) -> QuerySet[RunFile]:
    """All stored code of an entity's runs, for who asked its gate."""
    for run in Run.objects.filter(
        project__entity=entity, files__is_code=None, files__blob__isnull=False
    ).distinct():
        _look_at(run)
    # A run that is being erased takes its files along: they bear no mark of their own. One that is closed for a moment keeps them.
    stays = Q(run__erased_at=None) | Q(run__is_back_soon=True)
    return _stored(RunFile.objects.filter(stays, run__project__entity=entity))


def sum_of_code(entity: Entity) -> CodeSum:
    """How much code of an entity is stored."""
    return CodeSum(
        **code_files_of(entity)
        .order_by()
        .aggregate(files=Count("pk"), runs=Count("run", distinct=True), size=Sum("size", default=0))
    )


def _stored(files: QuerySet[RunFile]) -> QuerySet[RunFile]:
    return files.filter(is_code=True, blob__isnull=False)


def _look_at(run: Run) -> None:
    """Note which files are code, where that was not noted when they were announced."""
    unknown = list(RunFile.objects.filter(run=run, is_code=None).values_list("pk", "uuid", "sealed_name"))
    if not unknown:
        return
    key = run_key(run)
    found: dict[bool, list[int]] = {True: [], False: []}
    for pk, uuid, sealed in unknown:
        found[is_code(unseal_text(key, bytes(sealed), label=NAME_LABEL, row=uuid))].append(pk)
    for answer, ids in found.items():
        _note(ids, is_code=answer)


def _note(ids: Iterable[int], *, is_code: bool) -> None:
    held = list(ids)
    for start in range(0, len(held), 500):
        RunFile.objects.filter(pk__in=held[start : start + 500]).update(is_code=is_code)
