"""Somebody who holds every copy of the vault ever made, and all root keys that exist today."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.vault import roots
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.models import Grant, Node
from apps.vault.types import NodeId
from apps.vault.wraps import SECRET_BYTES, grant_place, node_place, unwrap


@dataclass
class Attacker:
    nodes: set[tuple[Any, ...]] = field(default_factory=set)
    grants: set[tuple[Any, ...]] = field(default_factory=set)

    def copies_the_vault(self) -> None:
        columns = ("pk", "kind", "parent_id", "lies_under", "content_id")
        for row in Node.objects.values_list(*columns, "wrap_id", "secrets"):
            self.nodes.add((*row[:-1], bytes(row[-1])))
        renewed = Node.objects.filter(next_wrap_id__isnull=False)
        for row in renewed.values_list(*columns, "next_wrap_id", "next_secrets"):
            self.nodes.add((*row[:-1], bytes(row[-1])))
        for grant in Grant.objects.values_list("blob_id", "owner_id", "lies_under", "content_id", "secret"):
            self.grants.add((*grant[:-1], bytes(grant[-1])))

    def can_open(self) -> set[UUID]:
        """The ids of all nodes and blobs whose content secret can be had by any way through any of the copies."""
        return {key.node_id for key in self.keys()}

    def keys(self) -> list[OpenKey]:
        """What they open with: a run that was given another key has two."""
        provider = roots.provider()
        known = {UUID(int=each).hex: AESGCM(provider.get(each)) for each in provider.generations()}
        opened: list[OpenKey] = []
        left, came = list(self.nodes), True
        while came:
            came, waiting = False, []
            for row in left:
                node, kind, parent, lies_under, content_id, wrap_id, secrets = row
                cipher = known.get(lies_under.hex)
                if cipher is None:
                    waiting.append(row)
                    continue
                above = None if parent is None else parent.hex
                place = node_place(node.hex, kind, above, lies_under.hex, wrap_id.hex, content_id.hex)
                try:
                    pair = unwrap(cipher, secrets, place, node_id=node.hex)
                except Tampered:
                    continue
                known[wrap_id.hex] = AESGCM(pair[:SECRET_BYTES])
                opened.append(OpenKey(NodeId(node), content_id.bytes, pair[SECRET_BYTES:]))
                came = True
            left = waiting
        for blob, owner, lies_under, content_id, secret in self.grants:
            if cipher := known.get(lies_under.hex):
                place = grant_place(blob.hex, owner.hex, lies_under.hex, content_id.hex)
                opened.append(
                    OpenKey(NodeId(blob), content_id.bytes, unwrap(cipher, secret, place, node_id=blob.hex))
                )
        return opened
