"""An epoch over 100 000 keys that lie under one, while others read and write, on SQLite and on PostgreSQL.

`python -m bench.epoch [sqlite] [postgresql]` measures and prints. The floor is the bare work: as many pairs of secrets opened
and wrapped again, and one UPDATE of as many rows.
"""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.figures import Figure
from bench.report import report
from bench.server import DATABASES, prepared

if TYPE_CHECKING:
    from apps.vault.types import NodeId

KEYS, AT_ONCE = 100_000, 20
OTHERS = {"reads": "the longest wait of who reads", "writes": "the longest wait of who writes"}


def measure(world: object = None, *, databases: Sequence[str] = DATABASES) -> list[Figure]:
    """100 000 keys below one, another erased; beside it a process that opens twenty of them over and over and one that adds to them. The floor: as many secrets opened and wrapped again, and one UPDATE of as many rows."""
    figures = []
    for database in databases:
        with prepared(database) as server:
            told = json.loads(server.python("-m", "bench.epoch", "inside", timeout=600).splitlines()[-1])
        figures.append(
            Figure("epoch over 100 000 keys", told["epoch"], "s", told["floor"], 5.0, database=database)
        )
        figures += [
            Figure(f"epoch, {words}", told[name], "ms", None, 200.0, database=database)
            for name, words in OTHERS.items()
        ]
    return figures


# ── Inside the instance's environment ──


def inside() -> None:
    """An epoch with others beside it, then the floor; prints seconds, and milliseconds of the others."""
    from apps.vault import epochs

    project = _made()
    with _beside(project) as waits:
        took = _seconds(epochs.run)
    print(json.dumps({"epoch": took, "floor": _seconds(_wrap_bare) + _seconds(_update_bare), **waits}))


def _made() -> NodeId:
    """A project with so many keys, of which one more was erased."""
    from django.db import transaction

    from apps.core import clock
    from apps.vault.keys import OpenedKeys
    from apps.vault.models import Node
    from apps.vault.rows import DATABASE, Rows
    from apps.vault.tree import create_node, erase_node
    from apps.vault.types import NodeKind
    from apps.vault.wraps import SECRET_BYTES, node_place, wrap

    project = create_node(NodeKind.PROJECT, parent=create_node(NodeKind.ENTITY, parent=None))
    lies_under, above = Rows([project], OpenedKeys()).newest_wrap(project)
    now = clock.now()

    def made() -> Node:
        node, wrap_id, content_id = uuid4(), uuid4(), uuid4()
        place = node_place(node.hex, NodeKind.RUN, project.hex, lies_under, wrap_id.hex, content_id.hex)
        return Node(
            id=node,
            kind=NodeKind.RUN,
            parent_id=project,
            lies_under=UUID(lies_under),
            wrap_id=wrap_id,
            content_id=content_id,
            secrets=wrap(above, os.urandom(2 * SECRET_BYTES), place),
            created_at=now,
        )

    with transaction.atomic(using=DATABASE):
        Node.objects.bulk_create((made() for _ in range(KEYS)), batch_size=2_000)
    erase_node(create_node(NodeKind.RUN, parent=project))
    return project


@contextmanager
def _beside(project: NodeId) -> Iterator[dict[str, float]]:
    """Others at work in processes of their own. Afterwards the longest wait of each is there."""
    others = {name: _started(name, project) for name in OTHERS}
    waits: dict[str, float] = {}
    yield waits
    for name, other in others.items():
        waits[name] = float(other.communicate("end\n")[0])


def _started(name: str, project: NodeId) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.epoch", name, project.hex]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "ready\n"
    return other


def beside(name: str, project: NodeId) -> None:
    """Read or write until told to end, not as fast as it can: what it waits for shall be the epoch, not a processor."""
    from apps.vault.keys import keys_in_use
    from apps.vault.models import Node
    from apps.vault.tree import create_node, open_keys
    from apps.vault.types import NodeId, NodeKind

    there = [NodeId(pk) for pk in Node.objects.filter(parent_id=project).values_list("pk", flat=True)[:1000]]

    def reads() -> None:
        with keys_in_use():
            assert len(open_keys(random.sample(there, AT_ONCE))) == AT_ONCE

    def writes() -> None:
        create_node(NodeKind.RUN, parent=project)

    act = {"reads": reads, "writes": writes}[name]
    act()
    print("ready", flush=True)
    longest = 0.0
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        longest = max(longest, _seconds(act))
    print(longest * 1000)


def _wrap_bare() -> None:
    old, new = AESGCM(os.urandom(32)), AESGCM(os.urandom(32))
    nonce, place = os.urandom(12), os.urandom(200)
    wrapped = old.encrypt(nonce, os.urandom(64), place)
    for _ in range(KEYS):
        new.encrypt(nonce, old.decrypt(nonce, wrapped, place), place)


def _update_bare() -> None:
    from apps.vault.models import Node

    assert Node.objects.filter(kind="run").update(lies_under=uuid4(), secrets=os.urandom(93)) >= KEYS


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    words = sys.argv[1:]
    if {"inside", *OTHERS}.isdisjoint(words):
        report("epoch", measure(databases=words or DATABASES))
    else:
        import django

        django.setup()
        beside(words[0], UUID(words[1])) if words[1:] else inside()  # type: ignore[arg-type]
