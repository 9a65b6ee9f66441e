"""Workers that really die, by kill -9, while they bring what was handed in: all of it is there once, and nothing is left of it."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator

import pytest

from tests.live import LiveServer

pytestmark = [pytest.mark.live, pytest.mark.promise("P-08")]
CANARY = "kanarie-1c9d44-in-an-import"
# Right behind what is stored, and behind the end of all; OWNLOG_DEATHS=all for all. Each dies in what those before it left: bring_lines
# in the last of the runs, so that the files of one are brought behind it. A worker that dies at any of them within one process is
# test_services.py's.
_PLACES = [
    ("services", "claim", 0),
    ("bringing", "bring_project", 0),
    ("bringing", "bring_run", 1),
    ("bringing", "bring_lines", 7),
    ("bringing", "bring_files", 0),
    ("bringing", "bring_version", 0),
    ("bringing", "bring_role", 1),
    ("services", "_finish", 0),
    ("handed_in", "erase_node", 0),
]
_ASKED = _PLACES if os.environ.get("OWNLOG_DEATHS") == "all" else _PLACES[3:8:4]
_MAKE = f"""
    from apps.accounts.actors import Actor
    from apps.imports.handed_in import hand_in
    from apps.imports.types import Clash
    from apps.runs.services import finish_run
    from apps.runs.types import RunState, Stream
    from apps.teams.models import Entity
    from tests.exports.conftest import full_run, keep, log
    from tests.factories import artifacts, people, work
    from tests.imports.conftest import archive_of
    alice = people.person("alice")
    by = Actor.person(alice)
    vision = work.project("alice", "vision", by=alice)
    for n in range(4):
        run = full_run(vision, f"run{{n}}", by=alice)
        log(run, Stream.HISTORY, ['{{"_step": 3, "said": "{CANARY}"}}'], 3)
        log(run, Stream.OUTPUT, ["{CANARY}"], 2)
        keep(run, **{{"{CANARY}.txt": b"{CANARY}" * 1000}})
        artifacts.version(vision, "set", {{"a": b"{CANARY}%d" % n}}, by=by, run=run)
        finish_run(run, state=RunState.FINISHED, by=by)
    hand_in(Entity.objects.get(user=alice), [archive_of(vision, alice)], clash=Clash.RENAME, by=by)
"""
# Dies, as by kill -9, behind the so-manieth call of that function.
_DIE = """
    import os, signal
    from datetime import timedelta
    from apps.core import clock
    from apps.imports import bringing, handed_in, services, tasks
    from apps.imports.models import Import
    Import.objects.filter(ended_at=None).update(busy_until=clock.now() - timedelta(hours=1), tries=0)
    owner, name, left = {owner}, "{name}", {nth}
    real = getattr(owner, name)
    def mortal(*args, **kwargs):
        global left
        left -= 1
        made = real(*args, **kwargs)
        if left < 0:
            print("died after", name, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return made
    setattr(owner, name, mortal)
    tasks.sweep()
"""
_GO_ON = """
    from datetime import timedelta
    from apps.accounts.models import User
    from apps.core import clock
    from apps.imports import tasks
    from apps.imports.models import Import, ImportItem
    from apps.projects.models import Project
    from apps.vault.models import Node
    from tests.imports.conftest import archive_of, files_of
    from tests.imports.test_equality import public_ids, told
    Import.objects.filter(ended_at=None).update(busy_until=clock.now() - timedelta(hours=1))
    tasks.sweep()
    (job,) = Import.objects.all()
    there, brought = Project.objects.order_by("pk")
    ids = dict(zip(public_ids(brought), public_ids(there), strict=True))
    before, after = (files_of(archive_of(each, User.objects.get())) for each in (there, brought))
    after = {path: data.replace(b'"vision-2"', b'"vision"') for path, data in after.items()}
    after = {path.replace("projects/vision-2", "projects/vision"): data for path, data in after.items()}
    left = [job.archive, job.vault_node, *ImportItem.objects.all(), *Node.objects.filter(kind="import")]
    print(job.state, job.runs, job.versions, left, told(after, ids) == told(before, {}), len(before) > 60)
"""


@pytest.fixture
def instance() -> Iterator[LiveServer]:
    """An instance that nothing runs on but what is started here."""
    server = LiveServer().prepare()
    yield server
    server.remove()


def run(instance: LiveServer, code: str) -> str:
    return instance.python("-c", f"import django\ndjango.setup()\n{textwrap.dedent(code)}").strip()


def test_workers_killed_while_they_bring_are_carried_on_and_leave_nothing_twice(instance: LiveServer) -> None:
    run(instance, _MAKE)
    for owner, name, nth in _ASKED:
        with pytest.raises(RuntimeError, match=f"died after {name}"):
            run(instance, _DIE.format(owner=owner, name=name, nth=nth))

        holding = [
            path
            for path in instance.folder.rglob("*")
            if path.is_file() and CANARY.encode() in path.read_bytes()
        ]
        assert holding == []

    said = run(instance, _GO_ON)

    assert said == "done 4 4 [None, None] True True"
