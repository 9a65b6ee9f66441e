"""Erasing a project of many stored bytes: from the end of its grace until all of it is gone and proven.

`python -m bench.erasure_bytes local|s3 [GIBIBYTES [SMALL_FILES]]` measures and prints; 20 and 200 000 where nothing is said. It takes
minutes and that much room on the disk, so `make bench` leaves it out. The files lie at the store's own paths with the rows and grants
that the product makes of them; what is in them is not sealed, for an erasure reads none of it. On the local store the large ones are
room that the file system has given them, which takes as long to give back as room that was written.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.report import report
from tests import servers
from tests.live import LiveServer

if TYPE_CHECKING:
    from apps.blobs.models import Blob
    from apps.erasure.models import ErasureJob
    from apps.runs.models import Run

GIB, LARGE, SMALL = 2**30, 64 * 2**20, 4096
LARGEST_GIB, MANY = 20, 200_000
PROMISED_GIB, PROMISED_SECONDS = 100, 3600.0
_IN_RUN, _AT_ONCE = 2_000, 1_000
_GIVEN_UP_AFTER = 4 * 3600
_TOOK = "took "


def figures_of(kind: str, gib: int, small: int) -> list[Figure]:
    """One worker's time at a project of large files of 64 MiB and small ones of 4 KiB, each kind by itself; 100 GiB are reckoned from both: a large file takes what it takes for each file, whatever else there is."""
    with ExitStack() as stack:
        env = {}
        if kind == "s3":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ownlog-bench-")))
            url = stack.enter_context(servers.s3(folder))
            env = {
                "OWNLOG_STORAGE_URL": f"s3://bytes?endpoint={url}&region=us-east-1",
                "OWNLOG_STORAGE_ACCESS_KEY": "testing",
                "OWNLOG_STORAGE_SECRET_KEY": "testing",
            }
        server = LiveServer(env=env)
        stack.callback(server.remove)
        server.prepare()
        server.account("alice")
        large = _erased(server, gib * GIB // LARGE, LARGE)
        many = _erased(server, small, SMALL)
    size, count = gib * GIB // LARGE, PROMISED_GIB * GIB // LARGE
    return [
        Figure(f"{kind}: {gib} GiB in {size} files gone and proven after", large, "s"),
        Figure(f"{kind}: {small} files of 4 KiB gone and proven after", many, "s"),
        Figure(f"{kind}: for each large file", 1000 * large / size, "ms"),
        Figure(f"{kind}: for each small file", 1000 * many / small, "ms"),
        Figure(f"{kind}: 100 GiB in files of 64 MiB would take", large / size * count, "s", None, PROMISED_SECONDS),
        Figure(f"{kind}: and an hour is enough for so many files of 4 KiB", PROMISED_SECONDS * small / many, "files", more_is_better=True),
    ]  # fmt: skip


def _erased(server: LiveServer, count: int, size: int) -> float:
    said = server.python(
        "-m", "bench.erasure_bytes", "inside", str(count), str(size), timeout=_GIVEN_UP_AFTER
    )
    return next(float(line.removeprefix(_TOOK)) for line in said.splitlines() if line.startswith(_TOOK))


# ── In the instance's own environment ──


def inside(count: int, size: int) -> float:
    import django

    django.setup()
    from apps.accounts.actors import Actor
    from apps.accounts.models import User
    from apps.blobs.store import default_store
    from apps.core import background
    from apps.erasure import services
    from tests.factories import work

    background.enqueue = lambda *_args, **_ids: None  # this is the only worker
    alice = User.objects.get(username="alice")
    project = work.project("alice", f"bytes-{size}", by=alice)
    began = time.monotonic()
    for number, first in enumerate(range(0, count, _IN_RUN)):
        _fill(work.run(project, f"run-{number}", by=alice), min(_IN_RUN, count - first), size)
    print(f"{count} files of {size} bytes made in {time.monotonic() - began:.0f} s", file=sys.stderr)
    job = services.erase_project(project, by=Actor.person(alice), at_once=True)
    while job.proven_at is None:
        services.advance(job.pk)
        job.refresh_from_db()
        _say(job)
    assert not list(default_store().list())
    return (job.proven_at - job.asked_at).total_seconds()


def _say(job: ErasureJob) -> None:
    print(f"{job.step}: {job.files} files, {job.stored_bytes} bytes", file=sys.stderr, flush=True)


def _fill(run: Run, count: int, size: int) -> None:
    from apps.blobs.models import Blob, BlobState
    from apps.core import clock
    from apps.files.models import RunFile
    from apps.vault.tree import create_blob_keys
    from apps.vault.types import NodeId

    for some in _stretches(count):
        keys = create_blob_keys(NodeId(run.vault_node), some)
        known = {
            "state": BlobState.STORED,
            "plain_size": size,
            "stored_size": size,
            "created_at": clock.now(),
        }
        blobs = Blob.objects.bulk_create(Blob(vault_node=key, **known) for key in keys)
        RunFile.objects.bulk_create(
            RunFile(run=run, name_index=os.urandom(16), sealed_name=os.urandom(80), blob=blob, size=size)
            for blob in blobs
        )
        _put(blobs, size)


def _put(blobs: Sequence[Blob], size: int) -> None:
    """Their objects: not one by one with a wait for the disk, as the product does."""
    from apps.blobs.store import default_store
    from apps.blobs.store.local import LocalStore
    from apps.blobs.store.s3 import S3Store

    store = default_store()
    if isinstance(store, S3Store):
        if not store.client.list_buckets()["Buckets"]:
            store.client.create_bucket(Bucket=store.bucket)
        for blob in blobs:
            store.put(blob.object_name, [bytes(size)])
        return
    assert isinstance(store, LocalStore)
    for blob in blobs:
        path = store._path(blob.object_name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as file:
            if size > SMALL:
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.write(bytes(size))


def _stretches(count: int) -> Iterator[int]:
    for first in range(0, count, _AT_ONCE):
        yield min(_AT_ONCE, count - first)


def main(words: list[str]) -> None:
    kind, *numbers = words
    if kind == "inside":
        print(f"{_TOOK}{inside(*map(int, numbers))}")
        return
    gib, small = [*map(int, numbers), *(LARGEST_GIB, MANY)[len(numbers) :]]
    report(f"erasure_bytes_{kind}", figures_of(kind, gib, small))


if __name__ == "__main__":
    main(sys.argv[1:])
