"""What is left of blobs that were deleted: asked of the rows and of the store, for who has to prove that nothing is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from django.db.models import Model, QuerySet

from apps.blobs.models import Blob, BlobPart
from apps.blobs.services import pointed_at
from apps.blobs.store import default_store

_AT_ONCE = 500


def keys_of(rows: Sequence[Model], field: str) -> list[UUID]:
    """The keys of the blobs that these rows point at."""
    return list(_pointed_at_by(rows, field).values_list("vault_node", flat=True))


def names_of(rows: Sequence[Model], field: str) -> Iterator[list[str]]:
    """The names under which the bytes of these blobs lie, so many at once: one blob may have thousands of parts."""
    blobs = dict(_pointed_at_by(rows, field).values_list("pk", "object_name"))
    parts = BlobPart.objects.filter(blob__in=list(blobs)).order_by("pk")
    names, after = list(blobs.values()), 0
    while found := list(parts.filter(pk__gt=after).values_list("pk", "object_name")[:_AT_ONCE]):
        if len(names) + len(found) > _AT_ONCE:
            yield names
            names = []
        names, after = [*names, *(name for _, name in found)], found[-1][0]
    yield names


def _pointed_at_by(rows: Sequence[Model], field: str) -> QuerySet[Blob]:
    return Blob.objects.filter(pk__in={getattr(row, f"{field}_id") for row in rows} - {None})


def used_objects(names: Collection[str]) -> set[str]:
    """Those of these objects that a row of somebody still points at."""
    own = dict(Blob.objects.filter(object_name__in=names).values_list("object_name", "pk"))
    own |= dict(BlobPart.objects.filter(object_name__in=names).values_list("object_name", "blob"))
    used = pointed_at(set(own.values()))
    return {name for name, blob in own.items() if blob in used}


def used_keys(nodes: Collection[UUID]) -> set[UUID]:
    """Those of these keys whose blob a row of somebody still points at."""
    own = dict(Blob.objects.filter(vault_node__in=nodes).values_list("vault_node", "pk"))
    used = pointed_at(set(own.values()))
    return {node for node, blob in own.items() if blob in used}


def objects_left(names: Collection[str]) -> set[str]:
    """Those of these objects of which the store still keeps anything."""
    return default_store().remains(*names)


def delete_objects(names: Collection[str]) -> None:
    """Take these away with all versions, once more."""
    default_store().delete_all_versions(*names)
