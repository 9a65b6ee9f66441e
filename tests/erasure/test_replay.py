"""A main database that is older than the vault: what was erased since is erased again, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Link, Version
from apps.artifacts.services import create_registry, link_version, update_registry
from apps.core import clock
from apps.erasure import replay
from apps.erasure.models import ErasureJob
from apps.erasure.replay import erase_again, erase_again_if_older
from apps.files.models import RunFile
from apps.files.services import store_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.models import Epoch, Grant, Node, Tombstone
from apps.vault.tree import discard_blob_key, erase_node, owners_of
from apps.vault.types import NodeId
from tests.erasure.conftest import files_of, full_run
from tests.factories import artifacts, people, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


def test_whatever_lost_its_key_is_erased_again_and_all_else_stays(
    full: Run, other: Run, vision: Project, alice: User
) -> None:
    by = Actor.person(alice)
    gone_version, kept_version = (
        artifacts.version(vision, name, {"a": b"a"}, by=by) for name in ("v", "kept")
    )
    whole = artifacts.version(vision, "whole", {"a": b"a"}, by=by).collection
    elsewhere = work.project("alice", "elsewhere", by=alice)
    inside = full_run(elsewhere, "inside", by=alice)
    lost, kept = files_of(other)
    for row in (full, inside, elsewhere, gone_version, whole):
        erase_node(NodeId(row.vault_node))
    assert lost.blob is not None
    discard_blob_key(NodeId(lost.blob.vault_node))

    assert erase_again() == 5  # the run in the project goes with it

    assert list(Run.objects.filter(project__erased_at=None)) == [other]
    assert list(Project.objects.filter(pk__in=[vision.pk, elsewhere.pk])) == [vision]
    assert not Version.objects.filter(pk=gone_version.pk).exists()
    assert Version.objects.filter(pk=kept_version.pk).exists()
    assert not Collection.objects.filter(pk=whole.pk).exists()
    assert list(RunFile.objects.filter(run=other, blob__isnull=False)) == [kept]
    assert set(ErasureJob.objects.values_list("asked_by", flat=True)) == {"system"}
    assert erase_again() == 0


def test_it_is_looked_for_when_the_vault_knows_of_something_later(full: Run) -> None:
    assert erase_again_if_older() == 0
    erase_node(NodeId(full.vault_node))
    long_ago = clock.now() - timedelta(hours=1)
    Tombstone.objects.update(erased_at=long_ago)
    Epoch.objects.update(asked_at=long_ago)
    assert erase_again_if_older() == 0, "this database has seen acts since"

    Tombstone.objects.update(erased_at=clock.now())
    assert erase_again_if_older() == 1
    assert not Run.objects.filter(pk=full.pk).exists()


def test_a_collection_of_a_registry_is_erased_again_though_its_aliases_cannot_be_read(
    vision: Project, lab: Entity, alice: User
) -> None:
    by = Actor.person(alice)
    registry = create_registry(
        people.organisation("institute", admin=alice, teams=[lab]), name="models", by=by
    )
    update_registry(registry, by=by, protected=["production"])
    version = artifacts.version(vision, "net", {"w": b"one"}, by=by, type_name="model")
    portfolio = link_version(version, registry, name="prod", aliases=["production"], by=by).collection
    erase_node(NodeId(portfolio.vault_node))

    assert (erase_again(), erase_again()) == (1, 0)

    assert not Link.objects.exists() and not Collection.objects.filter(pk=portfolio.pk).exists()
    assert Version.objects.filter(pk=version.pk).exists()


def test_files_from_after_all_that_the_vault_knows_stay_for_it_is_the_vault_that_is_old(
    full: Run, other: Run
) -> None:
    erase_node(NodeId(full.vault_node))
    files = files_of(other)
    # A copy of the vault is put back that was written an hour before they came.
    Grant.objects.filter(blob_id__in=[file.blob.vault_node for file in files if file.blob]).delete()
    long_ago = clock.now() - timedelta(hours=1)
    Tombstone.objects.update(erased_at=long_ago)
    Epoch.objects.update(asked_at=long_ago, started_at=None)
    Grant.objects.update(created_at=long_ago)
    Node.objects.update(dirty_at=None)

    assert erase_again() == 1

    assert not Run.objects.filter(pk=full.pk).exists()
    assert files_of(other) == files


def test_a_file_that_is_saved_again_while_its_old_key_is_missed_stays(
    other: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, kept = files_of(other)
    assert saved.blob is not None
    discard_blob_key(NodeId(saved.blob.vault_node))

    def meanwhile(blobs: Sequence[NodeId]) -> dict[NodeId, list[NodeId]]:
        answer = owners_of(blobs)
        store_file(RunFile.objects.get(pk=saved.pk), io.BytesIO(b"saved again"))
        return answer

    monkeypatch.setattr(replay, "owners_of", meanwhile)

    assert erase_again() == 0
    assert files_of(other) == [saved, kept]
