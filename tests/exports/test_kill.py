"""Workers that really die, by kill -9 in the middle of a piece or at random; and no plaintext is on the disk meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deaths import ALL_PLACES, ROUNDS, copy_of, holding, inside, killed_at_random
from tests.live import LiveServer
from tests.turns import turn

pytestmark = [pytest.mark.live, pytest.mark.promise("P-08")]
CANARY = "kanarie-7f3a91-in-an-export"
# One a day; OWNLOG_DEATHS=all for all. A worker that dies at any of them within one process is test_worker.py's.
_PLACES = [
    ("services", "expand", 0),
    ("services", "write_blob", 2),
    ("services", "sealed_entries", 1),
    ("writing", "content_of", 3),
    ("services", "_take_in", 2),
    ("services", "write_blob", 4),
]
_ASKED = _PLACES if ALL_PLACES else [_PLACES[turn(len(_PLACES))]]
_ACTS = 320  # of a worker that makes all of it, about
_MAKE = f"""
    from apps.accounts.actors import Actor
    from apps.exports.services import export_project
    from tests.exports.conftest import full_run, keep, log
    from tests.factories import artifacts, people, work
    from apps.runs.types import Stream
    alice = people.person("alice")
    by = Actor.person(alice)
    vision = work.project("alice", "vision", by=alice)
    for n in range(5):
        run = full_run(vision, f"run{{n}}", by=alice)
        log(run, Stream.HISTORY, ['{{"_step": 3, "said": "{CANARY}"}}'], 3)
        log(run, Stream.OUTPUT, ["{CANARY}"], 2)
        keep(run, **{{"{CANARY}.txt": b"{CANARY}" * 1000}})
    artifacts.version(vision, "set", {{"a": b"{CANARY}"}}, by=by)
    print(export_project(vision, by=by).public_id)
"""
_BEGIN = """
    from datetime import timedelta
    from apps.core import clock
    from apps.exports import services, tasks, writing
    from apps.exports.models import Export
    writing._PIECE_BYTES = 0
    Export.objects.update(busy_until=clock.now() - timedelta(hours=1), tries=0)
"""
# Dies at the so-manieth call of that function.
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
    from apps.accounts.actors import Actor
    from apps.accounts.models import User
    from apps.core import clock
    from apps.exports import tasks
    from apps.exports.models import Export
    from apps.exports.services import export_project
    from apps.projects.models import Project
    from tests.deaths import left_over
    from tests.exports.conftest import make, opened
    Export.objects.update(busy_until=clock.now() - timedelta(hours=1))
    tasks.sweep()
    (export,) = Export.objects.all()
    fresh = make(export_project(Project.objects.get(), by=Actor.person(User.objects.get())))
    said = []
    for each in (export, fresh):
        archive = opened(each)
        names = [name for name in archive.namelist() if name not in ("README.html", "manifest.json")]
        said.append({name: archive.read(name) for name in names} | {"": str(len(names)).encode()})
    is_there = any(b"%s" in each for each in said[0].values())
    print(export.state, said[0] == said[1], len(said[0]) > 60, is_there, left_over())
"""


@pytest.fixture(scope="module")
def made() -> Iterator[LiveServer]:
    """An instance on which an export was asked for, and nothing runs."""
    server = LiveServer().prepare()
    inside(server, _MAKE)
    yield server
    server.remove()


@pytest.fixture
def instance(made: LiveServer) -> Iterator[LiveServer]:
    """Another one like it, on which nothing runs but what is started here."""
    with copy_of(made) as instance:
        yield instance


def test_workers_killed_in_the_middle_of_pieces_are_carried_on_and_leave_no_plaintext(
    instance: LiveServer,
) -> None:
    for owner, name, nth in _ASKED:
        with pytest.raises(RuntimeError, match=f"died after {name}"):
            inside(instance, _DIE.format(owner=owner, name=name, nth=nth))

        assert holding(instance, CANARY) == []

    assert inside(instance, _GO_ON % CANARY) == "ready True True True []"


@pytest.mark.parametrize("number", range(ROUNDS))
def test_workers_killed_at_random_are_carried_on_and_leave_nothing(instance: LiveServer, number: int) -> None:
    killed_at_random(instance, _BEGIN, acts=_ACTS, number=number)

    assert holding(instance, CANARY) == []
    assert inside(instance, _GO_ON % CANARY) == "ready True True True []"
