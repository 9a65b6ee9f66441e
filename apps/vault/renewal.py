"""Gives nodes a new wrap secret, and wraps what lies under them anew, in batches that nobody waits for.

Meanwhile a node has two wrap secrets: whoever adds something below takes the newer one, whoever reads follows what the
row names. Content secrets stay, so nothing that is sealed has to be sealed again. Each step is one transaction and may be
repeated: what a step has done is no longer found by it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.db.models import Q

from apps.vault import roots
from apps.vault.errors import KeyGone
from apps.vault.keys import OpenedKeys
from apps.vault.models import Epoch, Grant, Node
from apps.vault.moving import move_some
from apps.vault.rows import DATABASE, Rows, mark_dirty
from apps.vault.types import ROOT_ID, UPWARDS, EpochState, NodeId, NodeKind
from apps.vault.wraps import SECRET_BYTES, node_place, wrap

_AT_ONCE = 500  # nodes that are renewed together
_ROUNDS = 50  # without a step forward; then somebody else is at it, or a row is damaged

# What happens between two steps: the lease is renewed, and a test may die here.
Step = Callable[[str], None]


class Stuck(Exception):
    """Rows below a node stay under its old secret however often they are asked for: another worker is at it."""


def renew_dirty(step: Step) -> tuple[int, int]:
    """Renew every dirty node and all above it, from the leaves up to the root, whose new secret goes under the next
    generation of the root key. How many nodes were renewed, and how many secrets wrapped anew."""
    renewed = rewrapped = 0
    for kind in UPWARDS:
        for some in _some_at_once(kind):
            _give_next(some)
            step("given")
            rewrapped += _move_all(some, step)
            step("moved")
            _take_next(some, is_root=kind is NodeKind.ROOT)
            step("taken")
            renewed += len(some)
    return renewed, rewrapped


def _some_at_once(kind: NodeKind) -> Iterator[list[NodeId]]:
    """The dirty nodes of this kind now, and those in which an earlier worker died. Marks that come later are the next epoch's."""
    found = (
        Node.objects.filter(Q(dirty_at__isnull=False) | Q(next_wrap_id__isnull=False), kind=kind)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    ids = iter([NodeId(node) for node in found])
    while some := list(islice(ids, _AT_ONCE)):
        yield some


def _give_next(node_ids: Sequence[NodeId]) -> None:
    """A second wrap secret for each. In the same transaction the dirt goes from the node to its parent: a crash loses none."""
    with transaction.atomic(using=DATABASE, durable=True):
        nodes = list(Node.objects.select_for_update().filter(pk__in=node_ids).order_by("pk"))
        rows = Rows([node.pk for node in nodes], OpenedKeys())
        ended = list[datetime | None]()
        for node in nodes:
            try:
                above, pair = rows.open_pair(NodeId(node.pk))
            except KeyGone:  # below an erased key: noise, which is cleared away
                ended.append(node.dirty_at)
                node.dirty_at = node.next_wrap_id = node.next_content_id = node.next_secrets = None
                continue
            if node.next_wrap_id is not None:
                # A worker died after this step. Dirt that came since stays: what was erased may lie under the second secret.
                continue
            if node.parent_id is None:
                ended.append(node.dirty_at)
            node.dirty_at = None
            node.next_wrap_id, node.next_content_id = uuid4(), node.content_id
            renewed = os.urandom(SECRET_BYTES) + pair[SECRET_BYTES:]
            node.next_secrets = wrap(above, renewed, _place(node, node.lies_under, node.next_wrap_id))
        Node.objects.bulk_update(
            nodes, ["dirty_at", "next_wrap_id", "next_content_id", "next_secrets"], batch_size=100
        )
        parents = {node.parent_id for node in nodes if node.next_wrap_id and node.parent_id}
        mark_dirty(parents)
        _keep_last(ended)


def _keep_last(marks: Iterable[datetime | None]) -> None:
    """Of marks that go on to no node above: what is known of the last moment in which anything went (`erased.known_until`) is
    never less than it was, also where the epoch began before it and is carried on."""
    last = max((each for each in marks if each is not None), default=None)
    if last is not None:
        is_later = Q(marks_until=None) | Q(marks_until__lt=last)
        Epoch.objects.filter(is_later, state=EpochState.RUNNING).update(marks_until=last)


def _move_all(node_ids: Sequence[NodeId], step: Step) -> int:
    """Wrap everything that lies under these nodes' old secrets under their new ones."""
    moved = rounds = 0
    while True:
        nodes = _still_there(list(Node.objects.filter(pk__in=node_ids, next_wrap_id__isnull=False)))
        some = move_some(nodes)
        if some is None:
            return moved
        before = moved
        for count in some:
            moved += count
            step("batch")
        rounds = 0 if moved > before else rounds + 1
        if rounds > _ROUNDS:
            raise Stuck


def _still_there(nodes: list[Node]) -> list[Node]:
    """Without those above which a key was erased meanwhile: what lies below them is noise, and they keep one secret."""
    rows, gone = Rows([node.pk for node in nodes], OpenedKeys()), set()
    for node in nodes:
        try:
            rows.open_pair(NodeId(node.pk))
        except KeyGone:
            gone.add(node.pk)
    if gone:
        with transaction.atomic(using=DATABASE, durable=True):
            these = Node.objects.filter(pk__in=gone)
            _keep_last(these.select_for_update().order_by("pk").values_list("dirty_at", flat=True))
            these.update(dirty_at=None, next_wrap_id=None, next_content_id=None, next_secrets=None)
    return [node for node in nodes if node.pk not in gone]


def _next_generation() -> int:
    """The newest generation of the root key that opens nothing yet: made now, or by a worker that died before it was used."""
    in_use = Node.objects.values_list("lies_under", flat=True).get(pk=ROOT_ID).int
    newest = roots.provider().current() or 0
    return newest if newest > in_use else roots.provider().rotate()


def _take_next(node_ids: Sequence[NodeId], *, is_root: bool) -> None:
    """The second wrap secret is the only one from now on; the old one is in no row any more."""
    with transaction.atomic(using=DATABASE, durable=True):
        nodes = list(
            Node.objects.select_for_update()
            .filter(pk__in=node_ids, next_wrap_id__isnull=False)
            .order_by("pk")
        )
        some, old = [node.pk for node in nodes], [node.wrap_id for node in nodes]
        if (
            Node.objects.filter(parent_id__in=some, lies_under__in=old).exists()
            or Grant.objects.filter(owner_id__in=some, lies_under__in=old).exists()
        ):
            raise Stuck
        for node in nodes:
            secrets, wrap_id = node.next_secrets, node.next_wrap_id
            if secrets is None or wrap_id is None:
                continue
            if is_root:
                generation = (
                    _next_generation()
                )  # asked while the root's row is held: two workers cannot go back and forth
                node.lies_under = UUID(int=generation)
                pair = Rows([ROOT_ID], OpenedKeys()).open_next_pair(ROOT_ID)
                root_key = AESGCM(roots.provider().get(generation))
                secrets = wrap(root_key, pair, _place(node, node.lies_under, wrap_id))
            node.secrets, node.wrap_id = secrets, wrap_id
            node.next_secrets = node.next_wrap_id = node.next_content_id = None
        Node.objects.bulk_update(
            nodes,
            ["secrets", "wrap_id", "lies_under", "next_secrets", "next_wrap_id", "next_content_id"],
            batch_size=100,
        )


def _place(node: Node, lies_under: UUID, wrap_id: UUID) -> bytes:
    parent = None if node.parent_id is None else node.parent_id.hex
    return node_place(node.pk.hex, node.kind, parent, lies_under.hex, wrap_id.hex, node.content_id.hex)
