"""What a job and its receipt count: each thing once, as it was asked for, whoever deletes it."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.blobs.store import default_store
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance, erase_files
from apps.files.models import Thumbnail
from apps.runs.models import Run
from tests.erasure.conftest import files_of, finish

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


def test_a_small_picture_that_is_due_goes_with_its_file_and_is_not_counted_as_one(
    full: Run, by: Actor
) -> None:
    files = files_of(full)
    Thumbnail.objects.create(file=files[0])

    job = finish(erase_files(files[:1], by=by))

    assert (job.asked, job.files, job.rows) == (1, 1, 2)


def test_what_two_workers_delete_is_counted_by_one(
    full: Run, by: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = files_of(full)
    size = sum(file.blob.stored_size or 0 for file in files if file.blob)
    job = erase_files(files, by=by)
    real, others = type(default_store()).delete_all_versions, [0]

    def slow(store: Any, *names: str) -> None:
        """The first objects take longer than the lease, and another worker goes on with the same rows."""
        others[0] += 1
        if others[0] == 1:
            ErasureJob.objects.update(busy_until=None)
            advance(job.pk)
        real(store, *names)

    monkeypatch.setattr(type(default_store()), "delete_all_versions", slow)
    job = finish(job)

    assert (job.files, job.rows, job.stored_bytes) == (len(files), len(files), size)
