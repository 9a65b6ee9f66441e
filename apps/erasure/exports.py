"""Exports, erased like anything else: revoked, called off while they are made, or because their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.blobs.errors import StoreFull
from apps.core import clock
from apps.core.errors import Invalid, NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.services import check_count, new_job, take_exports
from apps.erasure.types import Cause, Scope
from apps.exports.closing import exports_holding
from apps.exports.models import Export
from apps.exports.queries import kept_for
from apps.exports.types import ExportState
from apps.runs.models import Run

_MOST_AT_A_GO = 200


@transaction.atomic
def erase_exports(
    exports: Sequence[Export], *, by: Actor, cause: Cause = Cause.ASKED, only: Q | None = None
) -> ErasureJob:
    """Erase exports of one entity, each fetched by `get_export`: those of which `only` is true still. One that is being made is
    made no further."""
    check_count(exports)
    if len({export.entity_id for export in exports}) != 1:
        raise Invalid(_("Exports of one owner are erased together."))
    job = new_job(Scope.EXPORTS, exports[0].entity, asked=len(exports), by=by, cause=cause)
    rows = Export.objects.filter(only or Q(), pk__in=[export.pk for export in exports])
    if not take_exports(job, rows, by=by):
        raise NotFound(_("There is no such export, or it is not shared with you."))
    return job


def erase_exports_of(run: Run, *, by: Actor) -> None:
    """A part of a run was erased: exports hold it still."""
    exports = list(exports_holding(Q(run=run)).select_related("entity"))
    if exports:
        with suppress(NotFound):  # they went meanwhile, with something else that they held
            erase_exports(exports, by=by)


def erase_old_exports() -> int:
    """Erase the exports whose time is over, those that failed as long ago, and those for which there was no room; how many."""
    now = clock.now()
    failed = Q(state=ExportState.FAILED.value)
    over = (
        Q(state=ExportState.READY.value, expires_at__lte=now)
        | failed & Q(turn_at__lte=now - kept_for())  # it may have waited for days before
        | failed & Q(trouble=StoreFull.__name__)  # what is written of it takes the room that is wanted
    )
    by_entity: dict[int, list[Export]] = {}
    for export in Export.objects.filter(over).select_related("entity").order_by("pk")[:_MOST_AT_A_GO]:
        by_entity.setdefault(export.entity_id, []).append(export)
    erased = 0
    for exports in by_entity.values():
        with suppress(NotFound):  # they went meanwhile with what they held, or somebody had them go on
            erase_exports(exports, by=Actor.system(), cause=Cause.RETENTION, only=over)
            erased += len(exports)
    return erased
