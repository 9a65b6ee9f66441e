"""What lies in an instance before something of it is erased, and somebody beside it who keeps a copy of the vault and tries its keys:
run by test_in_time.py, in processes of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from uuid import UUID

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import background
from apps.erasure.models import ErasureJob
from apps.erasure.services import erase_project
from apps.erasure.types import Scope
from apps.projects.models import Project
from apps.runs.models import Run
from apps.vault import epochs
from apps.vault.errors import KeyGone
from apps.vault.models import Grant, Node
from apps.vault.tree import open_blob_key, open_keys
from apps.vault.types import NodeId
from tests.erasure.conftest import full_run
from tests.erasure.faults import keys_that_go
from tests.factories import artifacts, work
from tests.vault.attacker import Attacker

_EVERY, _LONGEST_SECONDS = 0.05, 240.0


def make() -> None:
    """A project that waits, as one does where nobody chose otherwise."""
    background.enqueue = lambda *_args, **_ids: None
    alice = User.objects.get(username="alice")
    project = work.project("alice", "going", by=alice)
    for name in ("one", "two"):
        full_run(project, name, by=alice)
    artifacts.version(project, "data", {"a": b"both", "b": b"one"}, by=Actor.person(alice))
    print(erase_project(project, by=Actor.person(alice)).public_id)


def watch() -> None:
    """What is seen, a line each, with the moment by the clock that all processes of a machine share."""
    job, project = ErasureJob.objects.get(), Project.everything.get()
    keys = keys_that_go(Scope.PROJECT, project, Run.everything.filter(project=project)[0])
    nodes = [NodeId(node) for node in Node.objects.filter(pk__in=keys).values_list("pk", flat=True)]
    granted = list(Grant.objects.filter(blob_id__in=keys).values_list("blob_id", "owner_id"))
    attacker = Attacker()
    attacker.copies_the_vault()
    _says(all=len(keys), open=_how_many_open(nodes, granted), stolen=len(attacker.can_open() & keys))

    _waits(lambda: _how_many_open(nodes, granted) == 0)
    _says(gone=time.monotonic())

    def epoch_is_done() -> bool:
        job.refresh_from_db()
        return job.epoch is not None and epochs.is_done(job.epoch)

    _waits(epoch_is_done)
    _says(epoch=time.monotonic(), stolen=len(attacker.can_open() & keys))


def _says(**seen: float) -> None:
    print(json.dumps(seen), flush=True)


def _waits(until: Callable[[], bool]) -> None:
    ends = time.monotonic() + _LONGEST_SECONDS
    while not until():
        assert time.monotonic() < ends, "it never came"
        time.sleep(_EVERY)


def _how_many_open(nodes: list[NodeId], granted: list[tuple[UUID, UUID]]) -> int:
    """Nothing is remembered from one try to the next: there is no `keys_in_use` around them."""
    count = len(open_keys(nodes))
    for blob, owner in granted:
        try:
            open_blob_key(NodeId(blob), NodeId(owner))
        except KeyGone:
            continue
        count += 1
    return count
