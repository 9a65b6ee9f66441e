from __future__ import annotations

from datetime import timedelta

import pytest

from apps.blobs.models import Blob
from apps.core import clock
from apps.core.errors import Conflict
from apps.vault import orphans
from apps.vault.models import Grant, Node, Tombstone
from apps.vault.tree import create_blob_key
from apps.vault.types import NodeKind
from tests.factories.vault import entity_key, project_key, run_key

pytestmark = pytest.mark.django_db


def test_a_key_nobody_owns_is_swept_once_it_is_old_enough() -> None:
    lone = entity_key()

    assert orphans.sweep_orphans(before=clock.now() - timedelta(days=1)) == 0
    assert orphans.sweep_orphans(before=clock.now()) == 1
    assert not Node.objects.filter(pk=lone).exists()


def test_a_key_with_something_below_it_is_left() -> None:
    project = project_key()
    create_blob_key(run := run_key(project))

    assert orphans.find_orphans(NodeKind.PROJECT, before=clock.now()) == []
    assert orphans.find_orphans(NodeKind.RUN, before=clock.now()) == []
    assert Grant.objects.filter(owner_id=run).exists()


def test_blob_keys_without_a_blob_are_swept_and_others_kept() -> None:
    owner = run_key()
    kept, lone = create_blob_key(owner), create_blob_key(owner)
    Blob.objects.create(vault_node=kept, created_at=clock.now())

    assert orphans.find_orphans(NodeKind.BLOB, before=clock.now()) == [lone]


def test_too_many_orphans_are_a_reason_to_stop() -> None:
    entities = [entity_key() for _ in range(21)]

    with pytest.raises(Conflict, match="21 of 21 entity keys have no row in the main database"):
        orphans.find_orphans(NodeKind.ENTITY, before=clock.now())
    assert orphans.sweep_orphans(before=clock.now()) == 0
    assert Node.objects.filter(pk__in=entities).count() == 21


def test_rows_without_a_key_are_counted_and_erased_ones_are_not() -> None:
    for key in (keys := [create_blob_key(run_key()) for _ in range(3)]):
        Blob.objects.create(vault_node=key, created_at=clock.now())
    assert orphans.count_keyless() == {}

    Grant.objects.filter(blob_id__in=keys[:2]).delete()
    Tombstone.objects.create(node_id=keys[0], kind=NodeKind.BLOB, scope_id=keys[0], erased_at=clock.now())

    assert orphans.count_keyless() == {"blobs.Blob": 1}
