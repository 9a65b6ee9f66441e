"""A main database that is older than the vault: what was erased since is erased again, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Version
from apps.core import clock
from apps.erasure.models import ErasureJob
from apps.erasure.replay import erase_again, erase_again_if_older
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.vault.models import Epoch, Tombstone
from apps.vault.tree import discard_blob_key, erase_node
from apps.vault.types import NodeId
from tests.erasure.conftest import files_of, full_run
from tests.factories import artifacts, work

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
