from __future__ import annotations

from enum import StrEnum
from graphlib import TopologicalSorter
from typing import NewType
from uuid import UUID

NodeId = NewType("NodeId", UUID)

# There is one root in a vault, so its id can be the same everywhere; what tells vaults apart is the root key.
ROOT_ID = NodeId(UUID(int=0))
# So is the one below which lies what people write to the operators.
OPERATOR_ID = NodeId(UUID(int=1))


class NodeKind(StrEnum):
    """What a key belongs to. `BLOB` keys hang in no place of the tree: they are granted to their owners."""

    ROOT = "root"
    ENTITY = "entity"
    PROJECT = "project"
    RUN = "run"
    COLLECTION = "collection"
    VERSION = "version"
    EXPORT = "export"
    IMPORT = "import"
    OPERATOR = "operator"
    REQUEST = "request"
    BLOB = "blob"


PARENTS: dict[NodeKind, frozenset[NodeKind]] = {
    NodeKind.ENTITY: frozenset({NodeKind.ROOT}),
    NodeKind.PROJECT: frozenset({NodeKind.ENTITY}),
    NodeKind.RUN: frozenset({NodeKind.PROJECT}),
    NodeKind.COLLECTION: frozenset({NodeKind.PROJECT, NodeKind.ENTITY}),
    NodeKind.VERSION: frozenset({NodeKind.COLLECTION}),
    NodeKind.EXPORT: frozenset({NodeKind.ENTITY, NodeKind.PROJECT, NodeKind.RUN}),
    NodeKind.IMPORT: frozenset({NodeKind.ENTITY}),
    NodeKind.OPERATOR: frozenset({NodeKind.ROOT}),
    NodeKind.REQUEST: frozenset({NodeKind.OPERATOR}),
}

# Each kind after every kind that may lie below it: the order in which an epoch goes up the tree.
UPWARDS: list[NodeKind] = list(TopologicalSorter(PARENTS).static_order())[::-1]


class EpochState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
