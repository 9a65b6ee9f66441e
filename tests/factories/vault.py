from __future__ import annotations

from apps.vault.tree import create_node
from apps.vault.types import NodeId, NodeKind


def entity_key() -> NodeId:
    return create_node(NodeKind.ENTITY, parent=None)


def project_key(entity: NodeId | None = None) -> NodeId:
    return create_node(NodeKind.PROJECT, parent=entity or entity_key())


def run_key(project: NodeId | None = None) -> NodeId:
    return create_node(NodeKind.RUN, parent=project or project_key())
