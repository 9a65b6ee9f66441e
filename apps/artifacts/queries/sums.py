"""What a list of collections says of each: how many versions, and the newest of them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, OuterRef, Subquery

from apps.artifacts.models import Collection, Version
from apps.artifacts.types import CollectionSum, VersionState


def sums_of(collections: Iterable[Collection]) -> dict[int, CollectionSum]:
    """By the collection's row, in two questions however many there are. Those without a committed version are left out."""
    rows = Version.objects.filter(
        collection__in=[each.pk for each in collections], state=VersionState.COMMITTED
    )
    counts = dict(rows.order_by().values_list("collection").annotate(n=Count("id")))
    last = Version.objects.filter(collection=OuterRef("collection"), state=VersionState.COMMITTED)
    newest = rows.filter(number=Subquery(last.order_by("-number").values("number")[:1]))
    return {row.collection_id: CollectionSum(counts.get(row.collection_id, 1), row) for row in newest}
