"""Random histories of a whole instance: exactly what somebody asked to be erased is unreadable, all else reads.

People's work is made, shared between versions, given another key, erased, backed up and put back, by the product's own services,
in whatever order. Somebody holds every copy of the vault that there ever was, and the root key of today. An epoch may die on the
way. Each day others: `OWNLOG_HISTORIES=2000` asks as many, `OWNLOG_HISTORIES_SEED=number` those of that day.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django.fixtures import Settings

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version
from apps.artifacts.queries import find_entries, read_stored
from apps.backups import main, mark, restoring
from apps.backups.restoring import restore
from apps.backups.taking import back_up
from apps.erasure import proof, steps
from apps.erasure.artifacts import erase_versions
from apps.erasure.models import ErasureJob
from apps.erasure.parts import erase_parts
from apps.erasure.proof import StillThere
from apps.erasure.services import advance, erase_files, erase_project, erase_runs, go_on_after_epoch
from apps.erasure.teams import erase_team
from apps.erasure.types import Step
from apps.files.models import RunFile
from apps.files.queries import read_file
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import open_run
from apps.runs.services import finish_run
from apps.runs.types import Lines, RunState, Stream, StreamRequest
from apps.teams.models import Entity
from apps.vault import epochs, grants, renewal, tree
from apps.vault.models import Epoch, Grant, Tombstone
from apps.vault.tree import keys_in_use, open_keys
from apps.vault.types import EpochState, NodeId
from tests.factories import artifacts, people, work
from tests.turns import seed as todays_seed
from tests.vault.attacker import Attacker
from tests.vault.emptied import Died, dying_at, empty_vault, empty_vault_in

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "vault"]),
    pytest.mark.promise("P-09"),
    # A suite on servers begins with tables that no migration made, and a restore asks for those (tests/backups does).
    pytest.mark.embedded,
]
_IS_ASKED = "OWNLOG_HISTORIES" in os.environ
_HISTORIES = int(os.environ.get("OWNLOG_HISTORIES", "5"))
_SEED = todays_seed("OWNLOG_HISTORIES_SEED")
_CONTENTS = [b"one", b"two", b"three"]  # few, so that versions of a project often share a file
_KEPT_BACKUPS = 3
_MOST_RESTORES = 2  # of a history: they take longest


@dataclass(frozen=True)
class Thing:
    """A team, project, run, file or version that somebody made: what has to be read of it, and the keys it was under."""

    kind: str
    name: str
    pk: int
    inside: str  # the name of what it lies in, or nothing
    key: UUID  # of a file, its blob's
    text: str = ""
    blobs: dict[str, UUID] = field(default_factory=dict)  # of a version, by what is in them
    has_loss: bool = False  # of a run


class Histories(RuleBasedStateMachine):
    folder: Path  # of this test
    nothing: Path  # a backup of a main database in which there is nobody

    def __init__(self) -> None:
        super().__init__()
        self.numbers = count()
        self.things: dict[str, Thing] = {}
        self.backups: list[tuple[Path, dict[str, Thing]]] = []
        self.gone: set[UUID] = set()  # asked to be erased
        self.gone_for_good: set[UUID] = set()  # an epoch has passed since
        self.attacker, self.restores = Attacker(), 0
        self.place = self.folder / os.urandom(4).hex()
        self.place.mkdir()

    @initialize()
    def begin(self) -> None:
        main.put_back(self.nothing)
        empty_vault()
        self.alice: User = people.person("alice")
        self.by = Actor.person(self.alice)
        self.make_project(0)

    # ── What people do ──

    @rule()
    def make_team(self) -> None:
        if sum(each.kind == "team" for each in self.things.values()) < 2:
            name = self.new_name("team")
            made = people.team(name, admin=self.alice)
            self.add(Thing("team", name, made.pk, "", made.vault_node))

    @rule(choice=st.integers(0, 99))
    def make_project(self, choice: int) -> None:
        name, owners = self.new_name("project"), ["", *self.named("team")]
        owner = owners[choice % len(owners)]
        made = work.project(owner or "alice", name, by=self.alice)
        self.add(Thing("project", name, made.pk, owner, made.vault_node))

    @precondition(lambda self: self.named("project"))
    @rule(choice=st.integers(0, 99))
    def make_run(self, choice: int) -> None:
        """One that has ended, so that parts of it can be erased."""
        project, name = self.pick("project", choice), self.new_name("run")
        made = work.run(
            Project.objects.get(pk=project.pk), name, by=self.alice, config_text=json.dumps({"c": name})
        )
        lines = [json.dumps({"_step": step, "loss": step, "acc": 1}) for step in range(2)]
        store.append(made, StreamRequest(streams={Stream.HISTORY: Lines(0, lines)}))
        finish_run(made, state=RunState.FINISHED, by=self.by)
        self.add(Thing("run", name, made.pk, project.name, made.vault_node, name, has_loss=True))

    @precondition(lambda self: self.named("run"))
    @rule(choice=st.integers(0, 99))
    def save_file(self, choice: int) -> None:
        run, name = self.pick("run", choice), self.new_name("file")
        (room,) = announce_files(Run.objects.get(pk=run.pk), [f"{name}.txt"])
        assert room.file is not None
        made = store_file(room.file, io.BytesIO(name.encode()))
        assert made.blob is not None
        self.add(Thing("file", name, made.pk, run.name, made.blob.vault_node, name))

    @precondition(lambda self: self.named("project"))
    @rule(choice=st.integers(0, 99), contents=st.sets(st.sampled_from(_CONTENTS), min_size=1))
    def log_version(self, choice: int, contents: set[bytes]) -> None:
        """Of what is in the project already, the bytes are not sent again: the version is granted them."""
        place, name = self.pick("project", choice), self.new_name("version")
        files = {f"{content.decode()}.txt": content for content in sorted(contents)}
        made = artifacts.version(Project.objects.get(pk=place.pk), name, files, by=self.by)
        entries = find_entries(made, files)
        stored = StoredFile.objects.select_related("blob").in_bulk([entry.stored or 0 for entry in entries])
        blobs = {entry.path.partition(".")[0]: stored[entry.stored or 0].blob.vault_node for entry in entries}
        self.add(Thing("version", name, made.pk, place.name, made.vault_node, name, blobs))

    # ── What they erase ──

    @precondition(lambda self: self.things)
    @rule(choice=st.integers(0, 999))
    def erase(self, choice: int) -> None:
        self.erase_one(list(self.things.values())[choice % len(self.things)])

    @precondition(lambda self: self.named("run", "file", "version"))
    @rule(choice=st.integers(0, 999))
    def erase_something_small(self, choice: int) -> None:
        """Otherwise most of what is made would go with a project."""
        self.erase_one(self.pick("run", choice, "file", "version"))

    def erase_one(self, thing: Thing) -> None:
        going = list(self.and_below(thing.name))
        keys = self.keys_of(going)
        self.attacker.copies_the_vault()
        assert keys <= self.attacker.can_open(), "what is not there yet proves nothing by being unreadable"
        self.by_the_workers(lambda: self.ask_to_erase(thing))
        for each in going:
            del self.things[each.name]
        self.gone |= keys - self.keys_of(self.things.values())
        self.all_else_reads()

    def ask_to_erase(self, thing: Thing) -> None:
        match thing.kind:
            case "team":
                erase_team(Entity.objects.get(pk=thing.pk), by=self.by, at_once=True)
            case "project":
                erase_project(Project.objects.get(pk=thing.pk), by=self.by, at_once=True)
            case "run":
                erase_runs([Run.objects.get(pk=thing.pk)], by=self.by, at_once=True)
            case "file":
                erase_files([RunFile.objects.get(pk=thing.pk)], by=self.by, at_once=True)
            case "version":
                erase_versions([Version.objects.get(pk=thing.pk)], by=self.by, at_once=True)

    @staticmethod
    def by_the_workers(ask: Callable[[], object]) -> None:
        """As it goes with workers: what the proof still finds, of what a backup that was put back has lost, is told once more, and the
        next turn finds nothing."""
        try:
            ask()
        except StillThere:
            (job,) = ErasureJob.objects.filter(step=Step.PROVE)
            advance(job.pk)

    @precondition(lambda self: self.with_loss())
    @rule(choice=st.integers(0, 99))
    def erase_a_metric(self, choice: int) -> None:
        """All that stays of the run moves to another key, its files with it."""
        some = self.with_loss()
        run = some[choice % len(some)]
        self.attacker.copies_the_vault()
        segments = self.granted(run.key) - {each.key for each in self.and_below(run.name)}
        assert run.key in self.attacker.can_open()
        parts = [RunPart(PartKind.METRIC, "loss")]
        self.by_the_workers(lambda: erase_parts(Run.objects.get(pk=run.pk), parts, by=self.by))
        self.gone |= {run.key} | segments
        key = Run.objects.get(pk=run.pk).vault_node
        self.things[run.name] = replace(run, key=key, has_loss=False)
        self.all_else_reads()

    # ── What operators do ──

    @rule()
    def pass_an_epoch(self) -> None:
        """And that which was asked for while an earlier one lay broken off, as the workers' next turn would."""
        epochs.run(lambda _: self.attacker.copies_the_vault())
        while Epoch.objects.exclude(state=EpochState.DONE).exists():
            epochs.run()
        go_on_after_epoch()
        self.gone_for_good |= self.gone
        self.attacker_opens_nothing_that_went()
        unfinished = ErasureJob.objects.exclude(step=Step.DONE)
        assert not unfinished.exists(), list(unfinished.values_list("scope", "step", "trouble"))
        self.all_else_reads()

    @rule(number=st.integers(0, 11))
    def die_in_an_epoch(self, number: int) -> None:
        try:
            epochs.run(dying_at(number))
        except Died:
            self.attacker.copies_the_vault()

    @rule()
    def take_a_backup(self) -> None:
        folder = self.place / f"backup-{next(self.numbers)}"
        back_up(folder, self.place / "safe")
        self.backups = [*self.backups[1 - _KEPT_BACKUPS :], (folder, dict(self.things))]

    @precondition(lambda self: self.backups and self.restores < _MOST_RESTORES)
    @rule(choice=st.integers(0, 99))
    def put_a_backup_back(self, choice: int) -> None:
        """The main database and the files of then, the vault of now: what the vault knows to be erased is erased again."""
        self.restores += 1
        folder, then = self.backups[choice % len(self.backups)]
        self.take_a_backup()
        newest, _ = self.backups[-1]
        mark.begin(folder)  # as if it had broken off here once: an instance that is not empty takes none
        restore(folder, self.place / "safe", newest)
        self.attacker.copies_the_vault()
        self.things = dict(then)
        for thing in then.values():
            lost = self.keys_of([thing]) & self.gone
            if lost and thing.name in self.things:
                assert thing.kind != "version" or thing.key in self.gone, (
                    "a version lives as long as what it holds"
                )
                for each in list(self.and_below(thing.name)):
                    del self.things[each.name]
        self.all_else_reads()

    # ── What has to be so after each of these ──

    @invariant()
    def all_else_has_its_keys(self) -> None:
        nodes = {NodeId(each.key) for each in self.things.values() if each.kind != "file"}
        assert open_keys(nodes).keys() == nodes

    def all_else_reads(self) -> None:
        """Asked behind whatever takes something away; what is only added takes nothing."""
        with keys_in_use():
            for thing in self.things.values():
                if read := self.read(thing):
                    assert read == thing.text, thing

    def read(self, thing: Thing) -> str:
        match thing.kind:
            case "run":
                run = Run.objects.get(pk=thing.pk)
                assert [row["acc"] for row in store.scan(run, Stream.HISTORY)] == [1, 1]
                return str(json.loads(open_run(run).config_text)["c"])
            case "file":
                return b"".join(read_file(RunFile.objects.get(pk=thing.pk))).decode()
            case "version":
                version = Version.objects.get(pk=thing.pk)
                for entry in find_entries(version, [f"{name}.txt" for name in thing.blobs]):
                    file = StoredFile.objects.get(pk=entry.stored or 0)
                    assert f"{b''.join(read_stored(version, file)).decode()}.txt" == entry.path
                return thing.text
        return ""

    @invariant()
    def nothing_that_went_reads(self) -> None:
        assert open_keys(map(NodeId, self.gone)) == {}, "a key of what was erased opens"
        assert not Grant.objects.filter(blob_id__in=self.gone).exists()

    @invariant()
    def nothing_that_went_is_shown(self) -> None:
        """Not by a main database either that was put back and knew nothing of it."""
        shown = (
            Entity.objects.filter(vault_node__in=self.gone),
            Project.objects.filter(vault_node__in=self.gone),
            Run.objects.filter(vault_node__in=self.gone, project__erased_at=None),
            Version.objects.filter(vault_node__in=self.gone, collection__project__erased_at=None),
            RunFile.objects.filter(blob__vault_node__in=self.gone, run__erased_at=None),
        )
        assert not any(rows.exists() for rows in shown), "what was erased is shown"

    @invariant()
    def the_attacker_comes_by(self) -> None:
        self.attacker.copies_the_vault()

    def teardown(self) -> None:
        """No history without an erasure and a backup from before it that is put back, and none ends before the epoch that it asks for."""
        if self.things:
            self.pass_an_epoch()
            if not self.restores:
                self.take_a_backup()
            self.erase_one(list(self.things.values())[-1])
        self.pass_an_epoch()
        if not self.restores and self.backups:
            self.put_a_backup_back(len(self.backups) - 1)
            self.nothing_that_went_reads()
            self.nothing_that_went_is_shown()
            self.pass_an_epoch()

    def attacker_opens_nothing_that_went(self) -> None:
        self.attacker.copies_the_vault()
        opened = self.attacker.can_open()
        assert opened.isdisjoint(self.gone_for_good), "an old copy opens what was erased"
        assert opened >= self.keys_of(self.things.values()), "all else opens, or the attacker is a bad one"

    # ── Of what there is ──

    def new_name(self, kind: str) -> str:
        return f"{kind}{next(self.numbers)}"

    def add(self, thing: Thing) -> None:
        self.things[thing.name] = thing

    def named(self, *kinds: str) -> list[str]:
        return [name for name, thing in self.things.items() if thing.kind in kinds]

    def pick(self, kind: str, choice: int, *more: str) -> Thing:
        names = self.named(kind, *more)
        return self.things[names[choice % len(names)]]

    def with_loss(self) -> list[Thing]:
        return [each for each in self.things.values() if each.has_loss]

    def and_below(self, name: str) -> Iterator[Thing]:
        yield self.things[name]
        for each in list(self.things.values()):
            if each.inside == name:
                yield from self.and_below(each.name)

    def keys_of(self, things: Iterable[Thing]) -> set[UUID]:
        some = list(things)
        return {each.key for each in some} | {blob for each in some for blob in each.blobs.values()}

    def granted(self, owner: UUID) -> set[UUID]:
        return set(Grant.objects.filter(owner_id=owner).values_list("blob_id", flat=True))


@pytest.fixture
def _histories_begin_here(settings: Settings, tmp_path: Path) -> None:
    empty_vault_in(tmp_path, settings)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    main.as_of_now().write(nothing)
    Histories.folder, Histories.nothing = tmp_path, nothing


@pytest.mark.usefixtures("_histories_begin_here")
def test_exactly_what_was_asked_is_unreadable_and_all_else_reads_in_any_history() -> None:
    run_state_machine_as_test(
        seed(_SEED)(Histories),
        settings=examples(
            max_examples=_HISTORIES,
            stateful_step_count=30,
            deadline=None,
            database=None,
            # A shorter one is looked for by whoever asks for more of them: it takes longer than a test may.
            phases=[Phase.generate, *([Phase.shrink] if _IS_ASKED else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )


def one_of_each() -> None:
    """A short history, with nothing left to chance."""
    life: Any = Histories()
    for act in (
        life.begin,
        lambda: life.make_run(0),
        lambda: life.save_file(0),
        lambda: life.log_version(0, {b"one", b"two"}),
        life.take_a_backup,
        lambda: life.erase_one(life.things[life.named("version")[0]]),
        lambda: life.erase_one(life.things[life.named("run")[0]]),
        life.pass_an_epoch,
        lambda: life.put_a_backup_back(0),
        life.pass_an_epoch,
    ):
        act()
        life.all_else_has_its_keys()
        life.nothing_that_went_reads()
        life.nothing_that_went_is_shown()


def nothing(*_: object, **__: object) -> int:
    return 0


def nobody(*_: object, **__: object) -> set[UUID]:
    return set()


Places = list[tuple[Any, str, Callable[..., object]]]
_SHRED: Places = [
    (owner, name, nothing) for owner in (steps, proof) for name in ("erase_nodes", "forget_nodes")
]
# What is taken out, by its names wherever it is called, with the proof that would notice; and what the history then finds.
PARTS: dict[str, tuple[Places, str]] = {
    "nothing": ([], ""),
    "erasing again after a restore": ([(restoring, "erase_again", nothing)], "what was erased is shown"),
    "tombstones": (
        [(Tombstone.objects, "bulk_create", nothing), (proof, "without_tombstone", nobody)],
        "what was erased is shown",
    ),
    "destroying keys": ([*_SHRED, (proof, "_ask_all", nothing)], "a key of what was erased opens"),
    "marking those above": (
        [(owner, "mark_dirty", nothing) for owner in (tree, grants)],
        "an old copy opens what was erased",
    ),
    "new secrets in an epoch": (
        [(renewal, "renew_dirty", lambda _: (0, 0))],
        "an old copy opens what was erased",
    ),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.usefixtures("_histories_begin_here")
def test_a_history_finds_what_is_missing_where_a_part_is_taken_out(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    places, found = PARTS[part]
    for owner, name, instead in places:
        monkeypatch.setattr(owner, name, instead)
    if not found:
        one_of_each()
        return
    with pytest.raises(AssertionError, match=found):
        one_of_each()
