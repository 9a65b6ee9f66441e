from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

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


def open_in_project(project: Project) -> dict[Run, int]:
    """How many findings nobody has decided about in each run of a project that was fetched with PROJECT_SHARE; runs without any are absent."""
    rows = Finding.objects.filter(run__project=project, state=State.OPEN.value)
    if not rows:  # most projects
        return {}
    held = Run.objects.select_related("project__entity").filter(pk__in=rows.values("run"))
    runs = {run.pk: run for run in held.order_by("pk")}
    opened = open_keys(NodeId(run.vault_node) for run in runs.values())
    keys = {pk: opened[node] for pk, run in runs.items() if (node := NodeId(run.vault_node)) in opened}
    standing = Counter(each.run for each in as_they_stand(list(told(rows, keys))) if each.is_open)
    return {run: standing[pk] for pk, run in runs.items() if standing[pk]}


def count_open_in(project: Project) -> int:
    """How many findings of a project nobody has decided about."""
    return sum(open_in_project(project).values())


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
