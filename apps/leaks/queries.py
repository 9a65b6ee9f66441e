from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from apps.artifacts.queries.code import those_there
from apps.core.ids import is_public_id
from apps.leaks.models import Finding
from apps.leaks.notes import open_finding
from apps.leaks.types import OpenFinding, State
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.vault.tree import open_keys
from apps.vault.types import NodeId


def findings_of(run: Run) -> list[OpenFinding]:
    """What was found in a run that was fetched with RUN_WRITE: open ones first, each lot in the order they were found.

    What stood in a version that was erased went with it, whoever erased it.
    """
    rows = list(Finding.objects.filter(run=run).order_by("pk"))
    key = run_key(run) if rows else None
    opened = [open_finding(row, key) for row in rows if key is not None]
    in_versions = {each.spot.version for each in opened if each.spot.version}
    gone = in_versions - those_there(in_versions) if in_versions else in_versions
    opened = [replace(each, state=State.ERASED) if each.spot.version in gone else each for each in opened]
    return sorted(opened, key=lambda each: each.state is not State.OPEN)


def count_open(run: Run) -> int:
    """How many findings of a run nobody has decided about."""
    if not Finding.objects.filter(run=run, state=State.OPEN.value).exists():
        return 0
    return sum(each.state is State.OPEN for each in findings_of(run))


def open_in_version(runs: Sequence[Run], public_id: str) -> list[tuple[Run, OpenFinding]]:
    """What was found in a version that these runs made, each fetched with RUN_WRITE, and nobody has decided about."""
    rows = Finding.objects.filter(run__in=[each.pk for each in runs], state=State.OPEN.value)
    told: dict[int, list[Finding]] = {}
    for row in rows.order_by("pk"):
        told.setdefault(row.run_id, []).append(row)
    keys = open_keys(NodeId(run.vault_node) for run in runs if run.pk in told)  # together
    if not told or not those_there([public_id]):
        return []
    return [
        (run, found)
        for run in runs
        if (key := keys.get(NodeId(run.vault_node))) is not None
        for found in (open_finding(row, key) for row in told[run.pk])
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
