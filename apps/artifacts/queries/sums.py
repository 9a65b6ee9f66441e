"""What a list of collections says of each: how many versions, and the newest of them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, OuterRef, Subquery

from apps.artifacts.models import Collection, Link, Version
from apps.artifacts.types import CollectionKind, CollectionSum, VersionState


def sums_of(collections: Iterable[Collection]) -> dict[int, CollectionSum]:
    """By the collection's row, in four questions however many there are. Those without a committed version are left out."""
    collections = list(collections)
    links = [each for each in collections if each.kind == CollectionKind.PORTFOLIO]
    return _of_sequences(collections) | (_of_portfolios(links) if links else {})


def _of_portfolios(portfolios: list[Collection]) -> dict[int, CollectionSum]:
    rows = Link.objects.filter(collection__in=portfolios, version__state=VersionState.COMMITTED)
    rows = rows.filter(version__collection__project__erased_at=None)
    found: dict[int, CollectionSum] = {}
    for link in rows.select_related("version").order_by("number"):
        before = found.get(link.collection_id)
        versions = before.versions + 1 if before else 1
        found[link.collection_id] = CollectionSum(versions, link.version, link.number)
    return found


def _of_sequences(collections: list[Collection]) -> dict[int, CollectionSum]:
    rows = Version.objects.filter(
        collection__in=[each.pk for each in collections], state=VersionState.COMMITTED
    )
    counts = dict(rows.order_by().values_list("collection").annotate(n=Count("id")))
    last = Version.objects.filter(collection=OuterRef("collection"), state=VersionState.COMMITTED)
    newest = rows.filter(number=Subquery(last.order_by("-number").values("number")[:1]))
    return {
        row.collection_id: CollectionSum(counts.get(row.collection_id, 1), row, row.number or 0)
        for row in newest
    }
