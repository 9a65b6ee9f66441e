from __future__ import annotations

from apps.core.ids import is_public_id
from apps.leaks.models import Finding
from apps.leaks.notes import open_finding
from apps.leaks.types import OpenFinding, State
from apps.runs.models import Run
from apps.runs.queries import run_key


def findings_of(run: Run) -> list[OpenFinding]:
    """What was found in a run that was fetched with RUN_WRITE: open ones first, each lot in the order they were found."""
    rows = list(Finding.objects.filter(run=run).order_by("pk"))
    key = run_key(run) if rows else None
    opened = [open_finding(row, key) for row in rows if key is not None]
    return sorted(opened, key=lambda each: each.state is not State.OPEN)


def count_open(run: Run) -> int:
    """How many findings of a run nobody has decided about."""
    return Finding.objects.filter(run=run, state=State.OPEN.value).count()


def count_masked(run: Run) -> int:
    """How many values of a run were masked on the way in; of very many as many as are noted."""
    return Finding.objects.filter(run=run, state=State.MASKED.value).count()


def find_finding(run: Run, public_id: str) -> Finding | None:
    """One finding of a run that was fetched for what is to be done with it; None when there is no such."""
    found = Finding.objects.filter(run=run, public_id=public_id).first() if is_public_id(public_id) else None
    if found is not None:
        found.run = run
    return found
