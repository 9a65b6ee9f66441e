"""What waits, written down in the vault as well, and found there by a main database that is older than the request.

Until an erasure begins the vault would not know of it: nothing is deleted there. The sweep makes both say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from apps.accounts.actors import Actor
from apps.core import clock
from apps.core.errors import NotFound
from apps.erasure.accounts import close_account
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.organisations import close_organisation
from apps.erasure.plan import HEADS
from apps.erasure.services import erase_files, erase_project, erase_runs, waiting_again
from apps.erasure.teams import erase_team
from apps.erasure.types import Cause, Scope, Step
from apps.erasure.ways_back import make_way_back
from apps.teams.models import Organisation
from apps.teams.services import entity_of_registries
from apps.vault.waiting import Waits, forget_waiting, remember_waiting, remembered

_ANOTHER_MAY_BE_PUT_BACK = timedelta(days=30)
_Act = Callable[..., ErasureJob]
_ONE: dict[Scope, _Act] = {
    Scope.PROJECT: erase_project,
    Scope.TEAM: erase_team,
    Scope.ACCOUNT: close_account,
    Scope.ORGANISATION: close_organisation,
    Scope.ARTIFACT: erase_artifact,
}
_SEVERAL: dict[Scope, _Act] = {
    Scope.RUNS: erase_runs,
    Scope.FILES: erase_files,
    Scope.VERSIONS: erase_versions,
}


def remember() -> None:
    """Have the vault know of each erasure that waits, and of none that does not any more. One that this database does not
    know of stays: it is closed once more by `wait_again`."""
    known = {each.job: each.due_at for each in remembered()}
    waiting = ErasureJob.objects.filter(step=Step.WAIT).order_by("pk")
    remember_waiting(_as_it_waits(job) for job in waiting if known.get(job.public_id) != job.due_at)
    over = ErasureJob.objects.filter(public_id__in=list(known)).exclude(step=Step.WAIT)
    forget_waiting(list(over.values_list("public_id", flat=True)))


def _as_it_waits(job: ErasureJob) -> Waits:
    rows = HEADS[Scope(job.scope)]._base_manager.filter(erasure_job=job.uuid)
    things = tuple(rows.order_by("pk").values_list("public_id", flat=True))
    return Waits(job.public_id, job.scope, job.asked_by, job.asked_at, job.begins_at, things)


def wait_again() -> int:
    """Close what waits by the vault and is open here, with the moment that it had; how many erasures.

    At the start, and with each sweep: a database may be put back under an instance that runs, and what lay in something that
    is erased as well is open again once that was taken back. What is not here at all is forgotten in the end.
    """
    waiting = {each.job: each for each in remembered()}
    known = ErasureJob.objects.filter(public_id__in=list(waiting)).values_list("public_id", flat=True)
    for job in known:
        del waiting[job]
    closed = sum(_closed_again(each) for each in waiting.values())
    forget_waiting([each.job for each in waiting.values() if _is_nowhere(each)])
    return closed


def _is_nowhere(waits: Waits) -> bool:
    """Long over, and nothing of it is here: this database is from before there was any. For some time another one may be put
    back yet, from after that."""
    is_long_over = waits.due_at < clock.now() - _ANOTHER_MAY_BE_PUT_BACK
    rows = HEADS[Scope(waits.scope)]._base_manager.filter(public_id__in=waits.things)
    return is_long_over and not rows.exists()


def _closed_again(waits: Waits) -> bool:
    scope = Scope(waits.scope)
    things: list[Any] = list(HEADS[scope]._default_manager.filter(public_id__in=waits.things))
    if scope is Scope.ORGANISATION and not things:
        # It had no registries in this database, and so nothing that they would lie in; its public id is the same.
        named = Organisation.objects.filter(public_id__in=waits.things)
        things = [entity_of_registries(organisation) for organisation in named]
    if not things:
        return False
    try:
        with transaction.atomic(), waiting_again(waits):
            if scope is Scope.ACCOUNT and waits.asked_by == Actor.system().audit_id:
                # Nobody asked for it, and the link that was mailed is not known here: another one goes out before it begins (`idle`).
                make_way_back(close_account(things[0], by=Actor.system(), cause=Cause.RETENTION))
            else:
                _erase(scope, things)
    except NotFound:  # closed with what it lay in
        return False
    return True


def _erase(scope: Scope, things: list[Model]) -> ErasureJob:
    by = Actor.system()
    return _ONE[scope](things[0], by=by) if scope in _ONE else _SEVERAL[scope](things, by=by)
