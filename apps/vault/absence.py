"""Asked after an erasure: whether the vault still holds anything of these keys. Reads rows, opens nothing, trusts nobody."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apps.vault.models import Grant, Node, Tombstone
from apps.vault.types import ROOT_ID


def nodes_left(nodes: Collection[UUID]) -> set[UUID]:
    """Those of these nodes that have a row, a grant, or anything that lies below them."""
    found = set(Node.objects.filter(pk__in=nodes).values_list("pk", flat=True))
    found |= set(Grant.objects.filter(owner_id__in=nodes).values_list("owner_id", flat=True))
    lower = Node.objects.filter(parent_id__in=nodes).values_list("parent_id", flat=True)
    return found | {parent for parent in lower if parent is not None}


def blobs_left(blobs: Collection[UUID]) -> set[UUID]:
    """Those of these blobs that somebody is still granted."""
    return set(Grant.objects.filter(blob_id__in=blobs).values_list("blob_id", flat=True))


def without_tombstone(nodes: Collection[UUID]) -> set[UUID]:
    """Those of these nodes of which nothing says that they were erased."""
    return set(nodes) - set(Tombstone.objects.filter(node_id__in=nodes).values_list("node_id", flat=True))


def below(nodes: Collection[UUID]) -> set[UUID]:
    """What lies right below these nodes."""
    return set(Node.objects.filter(parent_id__in=nodes).values_list("pk", flat=True))


def all_above(nodes: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """What each of these nodes lies below, from its parent to the one right under the root. Where any of it is not there, it is not told."""
    parents: dict[UUID, UUID] = {}
    asked = set(nodes)
    while asked:
        found = Node.objects.filter(pk__in=asked, parent_id__isnull=False)
        parents |= {pk: parent for pk, parent in found.values_list("pk", "parent_id") if parent is not None}
        asked = {parents[each] for each in asked & parents.keys()} - parents.keys() - {ROOT_ID}
    told = {}
    for node in set(nodes) & parents.keys():
        way = [parents[node]]
        while way[-1] in parents:
            way.append(parents[way[-1]])
        if way.pop() == ROOT_ID:
            told[node] = way
    return told
