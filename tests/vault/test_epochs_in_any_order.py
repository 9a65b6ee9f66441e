"""Whatever is made, given, erased and copied in whatever order, and wherever processes die: epochs keep their word."""

from __future__ import annotations

import os
import random
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from apps.vault import epochs
from apps.vault.tree import (
    create_blob_key,
    create_node,
    drop_grants,
    erase_node,
    grant,
    open_blob_key,
    open_keys,
)
from apps.vault.types import PARENTS, NodeId, NodeKind
from tests.factories.vault import Instance, finish
from tests.vault.attacker import Attacker
from tests.vault.emptied import Died, dying_at, empty_vault, empty_vault_in

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "vault"]),
    pytest.mark.promise("P-09"),
]


@pytest.fixture(autouse=True)
def vault(settings: Settings, tmp_path: Path) -> Path:
    empty_vault_in(tmp_path, settings)
    return tmp_path


# ── Whatever happens in whatever order ──

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["make", "make", "blob", "give", "erase", "take", "copy", "epoch", "die"]),
        st.integers(0, 2**16),
    ),
    min_size=5,
    max_size=40,
)


class History:
    """What was made, given and erased, and what has to be readable of it."""

    def __init__(self) -> None:
        self.attacker = Attacker()
        self.nodes: dict[NodeId, tuple[NodeKind, NodeId | None]] = {}
        self.grants: set[tuple[NodeId, NodeId]] = set()
        self.blobs: set[NodeId] = set()
        self.gone: set[UUID] = set()

    def act(self, name: str, choice: int) -> None:
        pick = random.Random(choice)
        getattr(self, name)(pick)

    def make(self, pick: random.Random) -> None:
        kind = pick.choice(
            [NodeKind.ENTITY, NodeKind.PROJECT, NodeKind.RUN, NodeKind.COLLECTION, NodeKind.VERSION]
        )
        above: list[NodeId | None] = [node for node, (has, _) in self.nodes.items() if has in PARENTS[kind]]
        if kind is NodeKind.ENTITY:
            above = [None]
        if above:
            parent = pick.choice(above)
            self.nodes[create_node(kind, parent=parent)] = kind, parent

    def blob(self, pick: random.Random) -> None:
        if owners := list(self.nodes):
            owner = pick.choice(owners)
            blob = create_blob_key(owner)
            self.blobs.add(blob)
            self.grants.add((blob, owner))

    def give(self, pick: random.Random) -> None:
        if self.grants:
            blob, owner = pick.choice(sorted(self.grants))
            other = pick.choice(list(self.nodes))
            grant(blob, owner, other)
            self.grants.add((blob, other))

    def erase(self, pick: random.Random) -> None:
        if self.nodes:
            node = pick.choice(list(self.nodes))
            erase_node(node)
            below = {node}
            while more := {each for each, (_, parent) in self.nodes.items() if parent in below} - below:
                below |= more
            self.gone |= below
            self.nodes = {each: of for each, of in self.nodes.items() if each not in below}
            self._forget({pair for pair in self.grants if pair[1] in below})

    def take(self, pick: random.Random) -> None:
        if self.grants:
            blob, owner = pick.choice(sorted(self.grants))
            drop_grants(owner, [blob])
            self._forget({(blob, owner)})

    def _forget(self, pairs: set[tuple[NodeId, NodeId]]) -> None:
        self.grants -= pairs
        left = {blob for blob, _ in self.grants}
        self.gone |= {blob for blob, _ in pairs if blob not in left}

    def copy(self, _: random.Random) -> None:
        self.attacker.copies_the_vault()

    def epoch(self, _: random.Random) -> None:
        epochs.run(lambda _: self.attacker.copies_the_vault())
        self.check()

    def die(self, pick: random.Random) -> None:
        try:
            epochs.run(dying_at(pick.randrange(12)))
        except Died:
            self.attacker.copies_the_vault()

    def check(self) -> None:
        self.attacker.copies_the_vault()
        assert self.gone.isdisjoint(self.attacker.can_open())
        assert open_keys(self.nodes).keys() == self.nodes.keys()
        for blob, owner in self.grants:
            assert open_blob_key(blob, owner).node_id == blob


@examples(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(ACTS)
def test_exactly_what_was_erased_is_unreadable_in_any_history(acts: list[tuple[str, int]]) -> None:
    empty_vault()
    history = History()

    for name, choice in acts:
        history.act(name, choice)

    history.epoch(random.Random(0))


# ── Processes that really die ──

_MAKE = """
    from apps.vault.readiness import make_ready
    from apps.vault.tree import create_blob_key, erase_node, open_keys
    from tests.factories.vault import project_key, run_key
    from tests.vault.attacker import Attacker
    make_ready()
    project = project_key()
    kept, erased = [run_key(project) for _ in range(3)], [run_key(project) for _ in range(2)]
    blobs = [create_blob_key(run) for run in kept]
    attacker = Attacker()
    attacker.copies_the_vault()
    was = {run: key.data for run, key in open_keys(kept).items()}
"""
_DIE_EVERYWHERE = """
    import sys
    from datetime import timedelta
    from django.db import connections
    from apps.core import clock
    from apps.vault import epochs, readiness, roots
    from apps.vault.models import Epoch
    def dying_at(number):
        left = [number]
        def step(name):
            left[0] -= 1
            if left[0] < 0: os._exit(9)
        return step
    def forked(act):
        connections.close_all()
        child = os.fork()
        if child == 0:
            try: act(); os._exit(0)
            except BaseException as error: print(repr(error), file=sys.stderr, flush=True); os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    def free(): Epoch.objects.filter(state="running").update(busy_until=clock.now() - timedelta(seconds=1))
    points = 0
    for number in range(100):
        extra = run_key(project); create_blob_key(extra); attacker.copies_the_vault(); erase_node(extra); erased.append(extra)
        first = forked(lambda: epochs.run(dying_at(number)))
        attacker.copies_the_vault(); free()
        second = forked(lambda: epochs.run(dying_at(number // 2)))  # and again while it is carried on
        attacker.copies_the_vault(); free()
        points += (first == 9) + (second == 9)
        assert {first, second} <= {0, 9}, (first, second)
        assert {run: key.data for run, key in open_keys(kept).items()} == was
        epochs.run()
        assert len(roots.provider().generations()) == 1
        assert attacker.can_open().isdisjoint(erased)
        if first == 0: break
    assert readiness.verify().damaged == ()
    print(points, {run: key.data for run, key in open_keys(kept).items()} == was)
"""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    made = Instance(tmp_path_factory.mktemp("instance"))
    made.migrate()
    return made


def test_processes_that_die_at_any_step_of_an_epoch_are_carried_on(instance: Instance) -> None:
    erase = "\n    for run in erased: erase_node(run)\n"

    points, same = instance.run(_MAKE + erase + _DIE_EVERYWHERE).split()

    assert same == "True"
    assert int(points) >= 15


def test_three_processes_at_once_run_one_epoch(instance: Instance) -> None:
    instance.run("from apps.vault.readiness import make_ready; make_ready()")
    before = instance.run(_ONE_MORE_ERASED)

    ends = [finish(process) for process in [instance.start(_RUN) for _ in range(3)]]

    assert set(ends) <= {"busy", "done"} and "done" in ends
    damaged, generation = instance.run(_LOOK).split()
    assert damaged == "()"
    assert int(generation) > int(before)
    assert [name for name in os.listdir(instance.folder / "keys") if name.startswith("root-")] == [
        f"root-{generation}.key"
    ]


_ONE_MORE_ERASED = """
    from apps.vault.readiness import require_fit
    from apps.vault.tree import erase_node
    from tests.factories.vault import run_key
    erase_node(run_key())
    print(require_fit())
"""
_RUN = "from apps.vault import epochs; print('done' if epochs.run() else 'busy')"
_LOOK = "from apps.vault import readiness; print(readiness.verify().damaged, readiness.require_fit())"
