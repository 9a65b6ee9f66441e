"""What is left of blobs that were deleted: asked of the rows and of the store, for who has to prove that nothing is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Model

from apps.blobs.models import Blob, BlobPart
from apps.blobs.services import pointed_at
from apps.blobs.store import default_store


def names_of(rows: Sequence[Model], field: str) -> tuple[list[UUID], list[str]]:
    """The keys of the blobs that these rows point at, and the names under which their bytes lie, parts included."""
    held = {getattr(row, f"{field}_id") for row in rows} - {None}
    blobs = list(Blob.objects.filter(pk__in=held).values_list("vault_node", "object_name"))
    parts = BlobPart.objects.filter(blob__in=held).values_list("object_name", flat=True)
    return [node for node, _ in blobs], [*(name for _, name in blobs), *parts]


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
