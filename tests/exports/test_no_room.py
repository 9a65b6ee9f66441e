"""The store takes no more in the middle of an export: that waits and says so, nothing is half stored, and it goes on once there is room."""

from __future__ import annotations

import os
import resource
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from django.db import connections
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.blobs.errors import StoreFull
from apps.blobs.models import Blob
from apps.blobs.store import default_store, s3
from apps.core import background
from apps.core.errors import NotFound
from apps.erasure.exports import erase_exports, erase_old_exports
from apps.erasure.models import ErasureJob
from apps.exports import services, writing
from apps.exports.models import Export, ExportPiece
from apps.exports.services import advance, due_exports, export_project, retry
from apps.exports.types import ExportState
from apps.projects.models import Project
from apps.vault.models import Grant
from tests.erasure.conftest import finish
from tests.erasure.proxy import Fault, proxy, well
from tests.exports.conftest import contents, full_run, keep, make
from tests.remote import s3_client
from tests.servers import present

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-08")]

Full = Callable[[], AbstractContextManager[object]]


@contextmanager
def no_file_grows_past(size: int) -> Iterator[None]:
    """As on a disk with no more room than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def is_half_stored_nowhere(
    vision: Project, alice: User, size: int, full: Full, unfinished: Callable[[], list[Any]]
) -> None:
    keep(full_run(vision, "run", by=alice), **{"large.bin": os.urandom(size)})
    by, objects = Actor.person(alice), {found.name for found in default_store().list()}
    waiting, failing = export_project(vision, by=by), export_project(vision, by=by)

    with full():
        for export, state in ((waiting, ExportState.RUNNING), (failing, ExportState.FAILED)):
            for _turn in range(services._MOST_TRIES + 2):
                if (export.state, export.trouble) != (state, "StoreFull"):
                    with suppress(StoreFull):
                        advance(export.pk)
                    export.refresh_from_db()
            assert (export.state, export.trouble) == (state, "StoreFull")
            pieces = export.pieces.select_related("blob")
            assert Grant.objects.filter(owner_id=export.vault_node).count() == len(pieces) > 0
            objects |= {piece.blob.object_name for piece in pieces}
        assert {found.name for found in default_store().list()} == objects
        assert not Blob.objects.exclude(object_name__in=objects).exists() and unfinished() == []

    assert make(retry(failing, by=by)).state == make(waiting).state == ExportState.READY
    assert contents(waiting) == contents(failing)
    assert len(contents(waiting)["projects/vision/runs/run/files/large.bin"]) == size


@pytest.fixture(autouse=True)
def small_pieces_and_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_PIECE_BYTES", 0)
    monkeypatch.setattr(services, "_MOST_TRIES", 2)


@pytest.mark.embedded
def test_on_a_full_disk(vision: Project, alice: User, settings: Settings, tmp_path: Path) -> None:
    settings.OWNLOG_DATA = tmp_path

    is_half_stored_nowhere(
        vision,
        alice,
        1_000_000,
        lambda: no_file_grows_past(300_000),
        lambda: list((tmp_path / "blobs" / "uploads").iterdir()),
    )


@pytest.mark.enable_socket
@pytest.mark.skipif(present() is None, reason="there is an S3 store on the servers of tests/servers.py alone")
def test_in_a_full_bucket(
    vision: Project, alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some parts of a large piece were taken already."""
    servers, bucket, part = present(), f"full-{secrets.token_hex(4)}", 5 * 2**20
    assert servers is not None
    client = s3_client(servers)
    client.create_bucket(Bucket=bucket)
    in_parts = TransferConfig(multipart_threshold=part, multipart_chunksize=part, use_threads=False)
    monkeypatch.setattr(s3, "_TRANSFER", in_parts)
    with proxy(servers.s3) as server:
        settings.OWNLOG_STORAGE_URL = f"s3://{bucket}?endpoint={server.url}&region=us-east-1"

        @contextmanager
        def full() -> Iterator[None]:
            server.rule = lambda asked: Fault.FULL if asked.part > 1 else None
            yield
            server.rule = well

        is_half_stored_nowhere(
            vision,
            alice,
            part + 1_000_000,
            full,
            lambda: client.list_multipart_uploads(Bucket=bucket).get("Uploads", []),
        )
        assert server.faults > services._MOST_TRIES


@pytest.fixture
def nobody_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "enqueue", lambda *_args, **_named: None)


@pytest.fixture
def failed(nobody_works: None, export: Export) -> Export:
    """There was no room for it."""
    Export.objects.filter(pk=export.pk).update(
        state=ExportState.FAILED.value, trouble=StoreFull.__name__, started_at=None
    )
    return Export.objects.get(pk=export.pk)


def test_one_that_is_called_off_does_not_go_on(failed: Export, alice: User) -> None:
    by = Actor.person(alice)
    job = erase_exports([failed], by=by)

    for _ in range(2):
        with pytest.raises(NotFound):
            retry(failed, by=by)
        finish(job)

    assert not Export.everything.exists()
    assert not Event.objects.filter(kind="export.asked", facts__what="again").exists()


def test_one_that_goes_on_is_called_off_all_the_same(failed: Export, alice: User) -> None:
    by = Actor.person(alice)
    asked = Export.objects.get(pk=failed.pk)
    retry(failed, by=by)

    job = erase_exports([asked], by=by)

    assert list(due_exports()) == []
    advance(failed.pk)
    assert not ExportPiece.objects.exists()
    finish(job)
    assert not Export.everything.exists()


def test_one_that_somebody_has_go_on_is_not_erased_for_want_of_room(
    failed: Export, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once_it_goes_on(*args: Any, **named: Any) -> ErasureJob:
        retry(failed, by=Actor.person(alice))
        return erase_exports(*args, **named)

    monkeypatch.setattr("apps.erasure.exports.erase_exports", once_it_goes_on)

    assert (erase_old_exports(), ErasureJob.objects.count()) == (0, 0)
    assert make(failed).state == ExportState.READY


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_at_one_moment_it_is_called_off_whether_it_goes_on_or_not(failed: Export, alice: User) -> None:
    together = threading.Barrier(2)

    def act(does: Callable[[], object]) -> str:
        together.wait()
        try:
            does()
        except NotFound:
            return "there is none"
        finally:
            connections.close_all()
        return "done"

    by = Actor.person(alice)
    with ThreadPoolExecutor(2) as pool:
        ended = pool.submit(act, lambda: erase_exports([failed], by=by))
        again = pool.submit(act, lambda: retry(Export.everything.get(pk=failed.pk), by=by))
        assert ended.result() == "done" and again.result() in {"done", "there is none"}

    assert list(due_exports()) == []
    finish(ErasureJob.objects.get())
    assert not Export.everything.exists()
