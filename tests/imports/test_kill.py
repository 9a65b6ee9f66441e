"""Workers that really die, by kill -9, while they bring what was handed in, at chosen places or at random: all of it is there once, and
nothing is left of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deaths import ALL_PLACES, ROUNDS, copy_of, holding, inside, killed_at_random
from tests.live import LiveServer
from tests.turns import turn

pytestmark = [pytest.mark.live, pytest.mark.promise("P-08")]
CANARY = "kanarie-1c9d44-in-an-import"
# One a day, right behind what is stored, and behind the end of all; OWNLOG_DEATHS=all for all. Then each dies in what those before it
# left: bring_lines in the last of the runs, so that the files of one are brought behind it. A worker that dies at any of them within one
# process is test_services.py's.
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
_ASKED = _PLACES if ALL_PLACES else [_PLACES[turn(len(_PLACES))]]
_ACTS = 980  # of a worker that brings all of it, about
# What is handed in was made elsewhere: its ids are nobody's here, and stay.
_MAKE = f"""
    from apps.accounts.actors import Actor
    from apps.imports.handed_in import hand_in
    from apps.imports.types import Clash
    from apps.runs.services import finish_run
    from apps.runs.types import RunState, Stream
    from apps.teams.models import Entity
    from tests.exports.conftest import full_run, keep, log
    from tests.factories import artifacts, people, work
    from tests.imports.conftest import archive_of, with_ids
    from tests.imports.test_equality import public_ids
    alice = people.person("alice")
    by = Actor.person(alice)
    vision = work.project("alice", "vision", by=alice)
    for n in range(4):
        run = full_run(vision, f"run{{n}}", by=alice)
        log(run, Stream.HISTORY, ['{{"_step": 3, "said": "{CANARY}"}}'], 3)
        log(run, Stream.OUTPUT, ["{CANARY}"], 2)
        keep(run, **{{"{CANARY}.txt": b"{CANARY}" * 1000, "media/images/a_0.png": bytes(30_000)}})
        artifacts.version(vision, "set", {{"a": b"{CANARY}%d" % n}}, by=by, run=run)
        finish_run(run, state=RunState.FINISHED, by=by)
    archive = with_ids(archive_of(vision, alice), {{each: each[::-1] for each in public_ids(vision)}})
    hand_in(Entity.objects.get(user=alice), [archive], clash=Clash.RENAME, by=by)
"""
_BEGIN = """
    from datetime import timedelta
    from apps.core import clock
    from apps.imports import bringing, handed_in, services, tasks
    from apps.imports.models import Import
    Import.objects.filter(ended_at=None).update(busy_until=clock.now() - timedelta(hours=1), tries=0)
"""
# Dies behind the so-manieth call of that function.
_DIE = (
    _BEGIN
    + """
    import os, signal
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
)
_GO_ON = """
    from datetime import timedelta
    from apps.accounts.models import User
    from apps.core import clock
    from apps.files.models import Thumbnail
    from apps.imports import tasks
    from apps.imports.models import Import, ImportItem
    from apps.projects.models import Project
    from apps.vault.models import Node
    from tests.deaths import left_over
    from tests.imports.conftest import archive_of, files_of
    from tests.imports.rows import rows_of
    from tests.imports.test_equality import public_ids, told
    Import.objects.filter(ended_at=None).update(busy_until=clock.now() - timedelta(hours=1))
    tasks.sweep()
    (job,) = Import.objects.all()
    there, brought = Project.objects.order_by("pk")
    ids = {each: each[::-1] for each in public_ids(there)}
    before, after = (files_of(archive_of(each, User.objects.get())) for each in (there, brought))
    after = {path: data.replace(b'"vision-2"', b'"vision"') for path, data in after.items()}
    after = {path.replace("projects/vision-2", "projects/vision"): data for path, data in after.items()}
    rows = [rows_of(each) for each in (there, brought)]
    for each in rows:
        del each["project"][0]  # its name
    left = [job.archive, job.vault_node, *ImportItem.objects.all(), *Node.objects.filter(kind="import"), *left_over()]
    equal = [told(after, {}) == told(before, ids), rows[0] == rows[1], public_ids(brought) == list(ids.values())]
    print(job.state, job.runs, job.versions, left, *equal, len(before) > 60, Thumbnail.objects.count())
"""
_EQUAL = "done 4 4 [None, None] True True True True 8"


@pytest.fixture(scope="module")
def made() -> Iterator[LiveServer]:
    """An instance to which an archive was handed in, and on which nothing runs."""
    server = LiveServer().prepare()
    inside(server, _MAKE)
    yield server
    server.remove()


@pytest.fixture
def instance(made: LiveServer) -> Iterator[LiveServer]:
    """Another one like it, on which nothing runs but what is started here."""
    with copy_of(made) as instance:
        yield instance


def test_workers_killed_while_they_bring_are_carried_on_and_leave_nothing_twice(instance: LiveServer) -> None:
    for owner, name, nth in _ASKED:
        with pytest.raises(RuntimeError, match=f"died after {name}"):
            inside(instance, _DIE.format(owner=owner, name=name, nth=nth))

        assert holding(instance, CANARY) == []

    assert inside(instance, _GO_ON) == _EQUAL


@pytest.mark.parametrize("number", range(ROUNDS))
def test_workers_killed_at_random_are_carried_on_and_leave_nothing_twice(
    instance: LiveServer, number: int
) -> None:
    killed_at_random(instance, _BEGIN, acts=_ACTS, number=number)

    assert holding(instance, CANARY) == []
    assert inside(instance, _GO_ON) == _EQUAL
