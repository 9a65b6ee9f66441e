"""What a list of collections says of each: how many versions, and the newest of them, as far as the asker may look."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count, OuterRef, Subquery

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Version
from apps.artifacts.queries.links import links_in_any, shown
from apps.artifacts.types import CollectionKind, CollectionSum, VersionState


def sums_of(actor: Actor, collections: Iterable[Collection]) -> dict[int, CollectionSum]:
    """By the row of each of these, which are held already, in few questions however many there are.

    Those without a committed version are left out; of a portfolio counts what is shown to the actor.
    """
    collections = list(collections)
    links = [each for each in collections if each.kind == CollectionKind.PORTFOLIO]
    return _of_sequences(collections) | (_of_portfolios(actor, links) if links else {})


def _of_portfolios(actor: Actor, portfolios: list[Collection]) -> dict[int, CollectionSum]:
    found: dict[int, CollectionSum] = {}
    for link in shown(actor, links_in_any(portfolios)):
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
