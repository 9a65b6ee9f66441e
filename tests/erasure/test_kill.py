"""Workers that really die: kill -9 in the middle of steps, on a data folder of their own; the sweep of the next one goes on."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.promise("P-09")]
_MAKE = """
    from apps.accounts.actors import Actor
    from apps.erasure.artifacts import erase_artifact, erase_versions
    from apps.erasure.services import erase_project, erase_run
    from tests.erasure.conftest import full_run
    from tests.factories import artifacts, people, work
    alice = people.person("alice")
    by = Actor.person(alice)
    vision = work.project("alice", "vision", by=alice)
    runs = [full_run(vision, name, by=alice) for name in ("first", "second", "kept")]
    other = work.project("alice", "other", by=alice)
    full_run(other, "lost", by=alice)
    first = artifacts.version(vision, "set", {"both": b"both", "own": b"own"}, by=by)
    artifacts.version(vision, "kept", {"both": b"both"}, by=by)
    whole = artifacts.version(vision, "whole", {"both": b"both", "more": b"more"}, by=by)
    for run in runs[:2]: erase_run(run, by=by)
    erase_versions([first], by=by)
    erase_artifact(whole.collection, by=by)
    erase_project(other, by=by, at_once=True)
"""
# Dies, as by kill -9, right after this call of that function.
_DIE = """
    import os, signal
    from apps.erasure import proof, services, steps, tasks
    from apps.erasure.models import ErasureJob
    from apps.core import clock
    from datetime import timedelta
    ErasureJob.objects.update(busy_until=clock.now() - timedelta(hours=1))
    from apps.vault import epochs, receipts
    owner, name = {owner}, "{name}"
    if owner is receipts:
        tasks.sweep()
        epochs.run()
    real = getattr(owner, name)
    def mortal(*args, **kwargs):
        real(*args, **kwargs)
        print("died after", name, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, mortal)
    tasks.sweep()
"""
_GO_ON = """
    from datetime import timedelta
    from apps.blobs.models import Blob
    from apps.blobs.store import default_store
    from apps.core import clock
    from apps.erasure import tasks
    from apps.erasure.models import ErasureJob
    from apps.artifacts.models import StoredFile, Version
    from apps.artifacts.queries import read_stored
    from apps.runs.models import Run
    from apps.runs.queries import open_run
    from apps.vault.models import Grant, Node
    ErasureJob.objects.filter(done_at=None).update(busy_until=clock.now() - timedelta(hours=1))
    tasks.sweep()
    from apps.vault import epochs
    epochs.run()
    tasks.sweep()
    (kept,) = Run.everything.all()
    (version,) = Version.everything.all()
    (stored,) = StoredFile.objects.all()
    objects = {found.name for found in default_store().list()}
    from apps.erasure.verify_receipt import check_chain
    from apps.vault.receipts import links
    from apps.vault.signing import public_key
    print(open_run(kept).head.name, b"".join(read_stored(version, stored)).decode(),
        sorted(ErasureJob.objects.values_list("step", "runs", "versions")),
        objects == set(Blob.objects.values_list("object_name", flat=True)), len(objects),
        Node.objects.filter(kind="run").count(), Node.objects.filter(kind="project").count(),
        set(Grant.objects.values_list("owner_id", flat=True)) == {kept.vault_node, version.vault_node},
        check_chain(links(after=0, count=9), public_key())[0])
"""


@pytest.fixture
def instance() -> Iterator[LiveServer]:
    """An instance that nothing runs on but what is started here."""
    server = LiveServer().prepare()
    yield server
    server.remove()


def run(instance: LiveServer, code: str) -> str:
    return instance.python("-c", f"import django\ndjango.setup()\n{textwrap.dedent(code)}").strip()


def test_workers_killed_in_the_middle_of_steps_are_carried_on(instance: LiveServer) -> None:
    run(instance, _MAKE)
    for owner, name in (
        ("steps", "delete_with_rows"),
        ("services", "_note_done"),
        ("steps", "hand_on_files"),
        ("steps", "forget_nodes"),
        ("proof", "objects_left"),
        ("receipts", "append"),
    ):
        with pytest.raises(RuntimeError, match=f"died after {name}"):
            run(instance, _DIE.format(owner=owner, name=name))

    said = run(instance, _GO_ON)

    # Two segments and two files of the one run are left, a file and a list of the one version, and their keys and the project's.
    done = "('done', 0, 1), ('done', 0, 1), ('done', 1, 0), ('done', 1, 0), ('done', 1, 0)"
    assert said == f"kept both [{done}] True 6 1 1 True 5"
