"""What broken-off uploads and deletions leave behind, cleared away a day later."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TypeVar

from django.db.models import Exists, OuterRef, QuerySet

from apps.blobs.errors import StoreDenied, is_away
from apps.blobs.models import Blob, BlobPart, BlobState
from apps.blobs.parts import drop_surplus_part, surplus_parts
from apps.blobs.services import delete_blob, users_of_blobs
from apps.blobs.store import default_store
from apps.blobs.types import Swept
from apps.core import clock
from apps.core.errors import Conflict

log = logging.getLogger(__name__)

_GRACE = timedelta(days=1)
_BATCH = 500
_FEW = 20
_Row = TypeVar("_Row", Blob, BlobPart)


def sweep_orphans() -> Swept:
    """Finish deletions, and clear away uploads never finished, blobs nobody points at, objects without a row and parts of what
    was then sent whole. One that cannot be taken away keeps none of the others; a store that is away ends the sweep."""
    before = clock.now() - _GRACE
    return Swept(
        uploads=_tried("uploads", lambda: default_store().abort_uploads(before=before)),
        blobs=sum(_tried(f"blob={blob.pk}", partial(_delete, blob)) for blob in _ownerless_blobs(before)),
        objects=_tried("objects", lambda: _sweep_objects(before)),
        parts=sum(_tried(f"part={part.pk}", partial(_drop, part)) for part in _some_of(surplus_parts())),
    )


def _tried(what: str, take: Callable[[], int]) -> int:
    """How much this takes away, if it can."""
    try:
        return take()
    except (OSError, StoreDenied) as error:
        if is_away(error):
            raise
        log.warning("not swept, tried again at the next sweep: %s error=%s", what, type(error).__name__)
        return 0


def _ownerless_blobs(before: datetime) -> list[Blob]:
    kinds = [
        Blob.objects.filter(state=BlobState.LEAVING),
        Blob.objects.filter(state=BlobState.UPLOADING, created_at__lt=before),
        Blob.objects.filter(state=BlobState.STORED, created_at__lt=before),
    ]
    for model, field in users_of_blobs():
        # One that is pointed at cannot be deleted: it would stand before others.
        users = model._base_manager.filter(**{field: OuterRef("pk")})
        kinds = [found.filter(~Exists(users)) for found in kinds]
    return [blob for found in kinds for blob in _some_of(found)]


def _some_of(rows: QuerySet[_Row]) -> QuerySet[_Row]:
    """As many as one sweep takes, in no order: those that cannot be taken away would stand before the others at each."""
    return rows.order_by("?")[:_BATCH]


def _drop(part: BlobPart) -> int:
    drop_surplus_part(part)
    return 1


def _delete(blob: Blob) -> int:
    try:
        delete_blob(blob)
    except Conflict:
        return 0  # somebody began to use it since the query
    return 1


def _sweep_objects(before: datetime) -> int:
    """Objects whose row is gone. In doubt nothing: many of them mean that the main database is the wrong one."""
    store = default_store()
    objects = store.list()
    seen, strays = 0, list[str]()
    while batch := list(islice(objects, _BATCH)):
        names = {found.name for found in batch}
        known = {
            name
            for model in (Blob, BlobPart)
            for name in model._base_manager.filter(object_name__in=names).values_list(
                "object_name", flat=True
            )
        }
        strays += [found.name for found in batch if found.name not in known and found.stored_at < before]
        seen += len(batch)
    if len(strays) > max(_FEW, seen // 10):
        log.error(
            "%d of %d stored objects have no row; is this the right database? Nothing was swept.",
            len(strays),
            seen,
        )
        return 0
    # Together, which takes few requests; where that breaks off each by itself, so that those behind it go too.
    return _tried("objects", partial(_take, strays)) or sum(
        _tried(f"object={name}", partial(_take, [name])) for name in strays
    )


def _take(names: Sequence[str]) -> int:
    default_store().delete_all_versions(*names)
    return len(names)
