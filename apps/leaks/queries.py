from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.leaks.models import Finding
from apps.leaks.notes import open_finding
from apps.leaks.types import OpenFinding, State
from apps.runs.models import Run
from apps.runs.queries import get_run_by_id, run_key

NO_FINDING = _("There is no such finding, or it is not shared with you.")


def findings_of(run: Run) -> list[OpenFinding]:
    """What was found in a run that was fetched with RUN_WRITE: open ones first, each lot in the order they were found."""
    rows = list(Finding.objects.filter(run=run).order_by("pk"))
    key = run_key(run) if rows else None
    opened = [open_finding(row, key) for row in rows if key is not None]
    return sorted(opened, key=lambda each: each.state is not State.OPEN)


def count_open(run: Run) -> int:
    """How many findings of a run nobody has decided about."""
    return Finding.objects.filter(run=run, state=State.OPEN.value).count()


def get_finding(actor: Actor, permission: Permission, *, run: Run, public_id: str) -> Finding:
    """One finding of a run, for this purpose. What does not exist and what is not shared look the same."""
    found = Finding.objects.filter(run=run, public_id=public_id).first() if is_public_id(public_id) else None
    if found is None:
        raise NotFound(NO_FINDING)
    found.run = get_run_by_id(actor, permission, public_id=run.public_id)
    return found
