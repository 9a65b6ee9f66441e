"""Archives that are handed in: sealed while they wait, brought by workers that may die, gone once they are read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.accounts.models import User
from apps.blobs.models import Blob
from apps.core import clock
from apps.core.errors import TooMuch
from apps.imports import bringing, tasks
from apps.imports.errors import Broken
from apps.imports.handed_in import advance
from apps.imports.models import Import
from apps.imports.queries import words_of
from apps.imports.types import ImportState
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.vault.models import Node
from apps.vault.types import NodeKind
from tests.exports.conftest import full as full
from tests.imports.conftest import files_of, listing, zipped
from tests.imports.handing import Died, handed, mortal
from tests.imports.test_broken import CRAFTED

pytestmark = pytest.mark.django_db


def test_what_is_handed_in_is_brought_and_then_gone(archive: bytes, home: Entity, alice: User) -> None:
    blobs = set(Blob.objects.values_list("pk", flat=True))
    job = handed(archive, home, alice)
    sealed = job.archive
    assert sealed is not None and sealed.plain_size == len(archive)
    (node,) = Node.objects.filter(kind=NodeKind.IMPORT).values_list("pk", flat=True)
    assert node == job.vault_node

    advance(job.pk)

    done = Import.objects.get()
    assert (done.state, done.runs, done.archive, done.vault_node) == (ImportState.DONE, 3, None, None)
    assert not Node.objects.filter(kind=NodeKind.IMPORT).exists()
    assert sealed.pk not in blobs and not Blob.objects.filter(pk=sealed.pk).exists()
    assert Run.objects.filter(project__entity=home).count() == 3


def test_an_archive_that_is_none_is_refused_at_once_and_not_kept(home: Entity, alice: User) -> None:
    blobs = Blob.objects.count()

    with pytest.raises(Broken):
        handed(b"no archive" * 500, home, alice)

    assert (Import.objects.count(), Blob.objects.count()) == (0, blobs)
    assert not Node.objects.filter(kind=NodeKind.IMPORT).exists()


def test_what_is_wrong_inside_is_said_to_who_asked_and_sealed(
    archive: bytes, home: Entity, alice: User
) -> None:
    crafted = zipped(listing(CRAFTED["a run of a state that is none"](files_of(archive))))
    job = handed(crafted, home, alice)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.trouble, job.archive) == (ImportState.GIVEN_UP, "broken", None)
    assert "unusable of “state”" in words_of(job)
    assert b"state" not in bytes(job.sealed_words or b"")
    assert not Project.objects.filter(entity=home).exists()


def test_workers_that_die_again_and_again_come_to_its_end(archive: bytes, home: Entity, alice: User) -> None:
    job = handed(archive, home, alice)
    for name, nth in (("bring_run", 1), ("bring_files", 1), ("bring_version", 0), ("bring_link", 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bringing, name, mortal(getattr(bringing, name), nth))
            # As by kill -9: nobody says that it let go.
            patch.setattr("apps.imports.services._let_go", lambda _job: None)
            with pytest.raises(Died):
                advance(job.pk)
        advance(job.pk)  # it is taken for busy still
        assert Import.objects.get().state == ImportState.RUNNING
        Import.objects.update(busy_until=clock.now() - timedelta(seconds=1))

    tasks.sweep()

    job.refresh_from_db()
    assert (job.state, job.runs, job.versions) == (ImportState.DONE, 3, 2)
    assert Run.objects.filter(project__entity=home).count() == 3


def test_one_that_kills_every_worker_is_given_up(archive: bytes, home: Entity, alice: User) -> None:
    job = handed(archive, home, alice)
    Import.objects.update(tries=8)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.archive) == (ImportState.GIVEN_UP, None)


def test_the_same_handed_in_twice_is_one_import(archive: bytes, home: Entity, alice: User) -> None:
    first = handed(archive, home, alice)
    again = handed(archive, home, alice)

    assert (again.pk, Import.objects.count(), Node.objects.filter(kind=NodeKind.IMPORT).count()) == (
        first.pk,
        1,
        1,
    )


def test_a_person_has_few_at_once(archive: bytes, home: Entity, alice: User) -> None:
    for n in range(3):
        job = handed(zipped(listing(files_of(archive), asked=n)), home, alice)

    with pytest.raises(TooMuch):
        handed(archive, home, alice)
    advance(job.pk)
    handed(archive, home, alice)
