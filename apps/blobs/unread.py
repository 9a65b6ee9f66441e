"""Whether an object that cannot be read is one alone, or the store is away. A volume that is not mounted has an empty folder in its
place, which says of each file that it is missing."""

from __future__ import annotations

import time

from apps.blobs.errors import ObjectMissing, StoreUnreachable
from apps.blobs.models import Blob, BlobPart, BlobState
from apps.blobs.store import default_store

_FEW = 3
_SECONDS = 5.0  # a store that answers later than that is not well


def is_one_alone(error: Exception) -> bool:
    """Whether this came of reading one object, and others can be read that were stored before it. Those that came since are asked for the
    first of all alone: they may lie in what was put in the store's place. Where there is no other nobody can tell, and it is taken for alone."""
    name = _name(error)
    return bool(name) and _is_any_read(_others(name))


def _name(error: Exception) -> str:
    if isinstance(error, ObjectMissing):
        return error.object_name
    return error.unread if isinstance(error, StoreUnreachable) else ""


def _others(name: str) -> list[str]:
    whole = Blob.objects.filter(object_name=name).values_list("pk", flat=True)
    pk = (
        whole.first() or BlobPart.objects.filter(object_name=name).values_list("blob", flat=True).first() or 0
    )
    # One that came in parts has no object of its own.
    names = Blob.objects.filter(state=BlobState.STORED, part_count=0).values_list("object_name", flat=True)
    before = names.filter(pk__lt=pk)
    # Its neighbours, and the oldest.
    found = [*before.order_by("-pk")[:_FEW], *before.order_by("pk")[:_FEW]]
    return found or list(names.filter(pk__gt=pk).order_by("pk")[:_FEW])


def _is_any_read(names: list[str]) -> bool:
    store, ends = default_store(), time.monotonic() + _SECONDS
    for name in names:
        try:
            for _piece in store.read_range(name, 0, 1):
                pass
        except (ObjectMissing, StoreUnreachable):
            if time.monotonic() > ends:
                return False
        else:
            return True
    return not names
