from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from apps.artifacts.queries.code import those_there
from apps.core.ids import is_public_id
from apps.leaks.models import Finding
from apps.leaks.notes import open_finding
from apps.leaks.standing import as_they_stand, told
from apps.leaks.types import OpenFinding, State
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

_MOST_RUNS = 200  # of a project with findings; beyond them it is said that there may be more
_RUNS_AT_ONCE = 100


def findings_of(run: Run) -> list[OpenFinding]:
    """What was found in a run that was fetched with RUN_WRITE: open ones first, each lot in the order they were found.

    What stood in a version, a file or a value of the config that is gone went with it, whoever took it away.
    """
    rows = list(Finding.objects.filter(run=run).order_by("pk"))
    found = as_they_stand(list(told(rows, {run.pk: run_key(run)}))) if rows else []
    return sorted((each.finding for each in found), key=lambda each: each.state is not State.OPEN)


def count_open(run: Run) -> int:
    """How many findings of a run nobody has decided about."""
    if not Finding.objects.filter(run=run, state=State.OPEN.value).exists():
        return 0
    return sum(each.state is State.OPEN for each in findings_of(run))


@dataclass(frozen=True, slots=True)
class Undecided:
    """How many findings nobody has decided about, in each run that has any. `is_partial` when other runs may have more."""

    of_run: dict[Run, int]
    is_partial: bool = False

    @property
    def count(self) -> int:
        return sum(self.of_run.values())


def open_in_project(project: Project) -> Undecided:
    """What nobody has decided about in the runs of a project that was fetched with PROJECT_SHARE: in so many of them as are counted
    in a moment. Whether there is any at all is certain."""
    rows = Finding.objects.filter(run__project=project, run__erased_at=None, state=State.OPEN.value)
    ids = list(rows.order_by("run").values_list("run", flat=True).distinct())
    found: dict[Run, int] = {}
    for start in range(0, len(ids), _RUNS_AT_ONCE):
        if len(found) >= _MOST_RUNS:
            return Undecided(found, is_partial=True)
        found |= _open_in_runs(ids[start : start + _RUNS_AT_ONCE])
    return Undecided(found)


def _open_in_runs(ids: list[int]) -> dict[Run, int]:
    rows = Finding.objects.filter(run__in=ids, state=State.OPEN.value)
    held = Run.objects.select_related("project__entity").filter(pk__in=ids)
    runs = {run.pk: run for run in held.order_by("pk")}
    opened = open_keys(NodeId(run.vault_node) for run in runs.values())
    keys = {pk: opened[node] for pk, run in runs.items() if (node := NodeId(run.vault_node)) in opened}
    standing = Counter(each.run for each in as_they_stand(list(told(rows, keys))) if each.is_open)
    return {run: standing[pk] for pk, run in runs.items() if standing[pk]}


def count_open_in(project: Project) -> int:
    """How many findings of a project nobody has decided about, as far as they are counted."""
    return open_in_project(project).count


def open_in_version(runs: Sequence[Run], public_id: str) -> list[tuple[Run, OpenFinding]]:
    """What was found in a version that these runs made, each fetched with RUN_WRITE, and nobody has decided about."""
    rows = Finding.objects.filter(run__in=[each.pk for each in runs], state=State.OPEN.value)
    of_run: dict[int, list[Finding]] = {}
    for row in rows.order_by("pk"):
        of_run.setdefault(row.run_id, []).append(row)
    keys = open_keys(NodeId(run.vault_node) for run in runs if run.pk in of_run)  # together
    if not of_run or not those_there([public_id]):
        return []
    return [
        (run, found)
        for run in runs
        if (key := keys.get(NodeId(run.vault_node))) is not None
        for found in (open_finding(row, key) for row in of_run[run.pk])
        if found.spot.version == public_id
    ]


def count_masked(run: Run) -> int:
    """How many values of a run were masked on the way in; of very many as many as are noted."""
    return Finding.objects.filter(run=run, state=State.MASKED.value).count()


def find_finding(run: Run, public_id: str) -> Finding | None:
    """One finding of a run that was fetched for what is to be done with it; None when there is no such."""
    found = Finding.objects.filter(run=run, public_id=public_id).first() if is_public_id(public_id) else None
    if found is not None:
        found.run = run
    return found
