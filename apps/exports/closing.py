"""The end of exports, as far as it is theirs: from here on nobody finds them. The eraser does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.accounts.actors import Actor
from apps.artifacts.models import RunVersion, Version
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.exports.models import Export, ExportItem
from apps.exports.queries import whose
from apps.runs.models import Run


def telling_of_runs(runs: Sequence[Run] | QuerySet[Run]) -> Q:
    """What an export holds of these runs: themselves, and versions of which it says that one of them read or made it."""
    beside = RunVersion.objects.filter(run__in=runs).values("version")
    return Q(run__in=runs) | Q(version__in=beside)


def telling_of_versions(versions: Sequence[int] | QuerySet[Version]) -> Q:
    """What an export holds of these versions: themselves, and runs of which it says that they read or made one."""
    beside = RunVersion.objects.filter(version__in=versions).values("run")
    return Q(version__in=versions) | Q(run__in=beside)


def exports_holding(what: Q) -> QuerySet[Export]:
    """Exports with an item of which this holds, whether it is written already or not."""
    return Export.objects.filter(pk__in=ExportItem.objects.filter(what).values("export"))


def close_exports(
    exports: QuerySet[Export], *, job: UUID, called: str, cause: str, at: datetime, by: Actor
) -> int:
    """Mark them for an erasure, in the transaction that records it; how many were there. Whoever writes a piece of one just
    then writes it for nobody."""
    # Without a claim on their ids: whoever plans an export points at its row, and waits for what is being erased.
    locked = exports.select_for_update(of=("self",), no_key=True).select_related("entity").order_by("pk")
    found = list(locked)
    for export in found:
        record(EventKind.EXPORT_ERASED, **whose(export), by=by, job=called, cause=cause)
    Export.objects.filter(pk__in=[export.pk for export in found]).update(erased_at=at, erasure_job=job)
    return len(found)
