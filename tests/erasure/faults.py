"""A world with two tenants whose workers die: run by test_faults.py in a process of its own, which forks.

Each erasure goes on in one child after the other. A child dies (`os._exit`) at the first place where nobody has died yet;
when there is none left, after as many as chance says: so one dies at the same place again, and who carries on dies as well,
and now and then two come to the same erasure at once.
"""

from __future__ import annotations

import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Version
from apps.artifacts.services import create_registry
from apps.blobs.models import Blob, BlobPart
from apps.blobs.store import default_store
from apps.core import background, clock
from apps.erasure import exchange, ladder, letting_go, proof, services, steps, stones, tasks
from apps.erasure.accounts import erase_account
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.organisations import erase_organisation
from apps.erasure.parts import erase_parts
from apps.erasure.plan import parts_of
from apps.erasure.proof import StillThere
from apps.erasure.services import erase_files, erase_project, erase_runs
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope, Step
from apps.erasure.verify_receipt import check_chain
from apps.files.models import RunFile
from apps.files.queries import list_files
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run, Segment
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import open_run
from apps.runs.services import finish_run
from apps.runs.types import RunState, Stream
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.teams.types import EntityKind
from apps.vault import epochs, receipts
from apps.vault.models import Epoch, Grant, Receipt
from apps.vault.readiness import make_ready, verify
from apps.vault.signing import public_key
from tests.erasure.conftest import full_run
from tests.erasure.tenant import Going, Tenant
from tests.factories import artifacts, people, work
from tests.vault.attacker import Attacker

_DIED, _BUSY = 9, 3
_SCOPES = (
    Scope.RUNS,
    Scope.PROJECT,
    Scope.FILES,
    Scope.VERSIONS,
    Scope.ARTIFACT,
    Scope.PART,
    Scope.TEAM,
    Scope.ACCOUNT,
    Scope.ORGANISATION,
)
_EPOCH = ("given", "batch", "moved", "taken", "durable", "verified", "copied", "destroyed")
# What is called on the way: a worker dies right after it.
_INSIDE: tuple[tuple[Any, str], ...] = (
    (services, "_claim"),
    (services, "record"),
    (exchange, "create_node"),
    (exchange, "write_blob"),
    (exchange, "grant_all"),
    (exchange, "reseal"),  # in the middle of the transaction that exchanges everything
    (exchange._Exchange, "carry_out"),
    (letting_go, "cut_links"),
    (letting_go, "leave_versions"),
    (letting_go, "leave_collection"),
    (steps, "note_heads"),
    (steps, "note_blob_keys"),
    (steps, "note_blobs"),
    (steps, "erase_nodes"),
    (steps, "discard_keys_of"),
    (steps, "demand"),
    (steps, "delete_with_rows"),
    (steps, "hand_on_files"),
    (steps, "give_back_files"),
    (steps, "forget_nodes"),
    (steps, "leave_stones"),
    (steps, "clear_names"),
    (steps, "withdraw_all_to"),
    (stones, "delete_accounts"),
    (steps, "let_all_teams_go"),
    (proof, "nodes_left"),
    (proof, "used_objects"),
    (proof, "objects_left"),
    (receipts, "append"),
)


class Mortal:
    """The places of this life, and when it ends."""

    def __init__(self, unseen: set[str], gap: int) -> None:
        self.unseen, self.gap, self.says = unseen, gap, -1

    def passes(self, name: str) -> None:
        self.gap -= 1
        if name in self.unseen or self.gap < 0:
            os.write(self.says, name.encode())
            os._exit(_DIED)


def places() -> set[str]:
    ladder_places = {f"{step} {edge}" for step in ladder.STEPS for edge in ("begins", "ends", "noted")}
    inside = {name for _, name in _INSIDE} | {"object deleted", "receipt written"}
    return ladder_places | inside | {f"epoch {name}" for name in _EPOCH}


def make_mortal(life: Mortal) -> None:
    """Every place of this process tells `life` that it was passed."""

    def after(owner: Any, attribute: str, name: str) -> None:
        real = getattr(owner, attribute)

        def call(*args: Any, **kwargs: Any) -> Any:
            found = real(*args, **kwargs)
            life.passes(name)
            return found

        setattr(owner, attribute, call)

    def both_sides(step: Step, real: Callable[[ErasureJob, Any], None]) -> Callable[[ErasureJob, Any], None]:
        def call(job: ErasureJob, beat: Any) -> None:
            life.passes(f"{step} begins")
            real(job, beat)
            life.passes(f"{step} ends")

        return call

    def noted(job: ErasureJob) -> None:
        step = job.step
        note_done(job)
        life.passes(f"{step} noted")

    note_done = services._note_done
    services._note_done = noted
    for step, real in list(ladder.STEPS.items()):
        ladder.STEPS[step] = both_sides(step, real)
    for owner, attribute in _INSIDE:
        after(owner, attribute, attribute)
    # In the middle of transactions: what was deleted in the store is not yet committed to any table, and the other way round.
    after(type(default_store()), "delete_all_versions", "object deleted")
    after(Receipt, "save", "receipt written")


@contextmanager
def child(life: Mortal | None, act: Callable[[], object]) -> Iterator[Callable[[], tuple[int, str]]]:
    """A process of its own that does this while the block goes on. How it ended, and where it died, is for asking then."""
    connections.close_all()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _live(life, write, act)
    os.close(write)

    def ended() -> tuple[int, str]:
        with os.fdopen(read) as said:
            name = said.read()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), name

    yield ended


def _live(life: Mortal | None, write: int, act: Callable[[], object]) -> None:
    code = 1
    try:
        if life is not None:
            life.says = write
            make_mortal(life)
        act()
        code = 0
    except StillThere:
        code = _BUSY
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(code)


def go_on(life: Mortal | None = None) -> None:
    """What the workers do by themselves, without a single message of the queue: sweep, epoch, sweep."""
    for job_id in services.due_jobs():
        services.advance(job_id)
    epochs.run((lambda name: life.passes(f"epoch {name}")) if life else None)
    tasks.sweep()


def free() -> None:
    """Time goes by: whoever held something and died is taken for dead."""
    over = clock.now() - timedelta(seconds=1)
    ErasureJob.objects.filter(done_at=None).update(busy_until=over)
    Epoch.objects.filter(state="running").update(busy_until=over)


def _take_turns_of_one_step() -> None:
    def noted(job: ErasureJob) -> None:
        note_done(job)
        raise services._TimeIsOver

    note_done = services._note_done
    services._note_done = noted


# ── The story ──


class Story:
    def __init__(self, deaths: int, seed: int) -> None:
        make_ready()
        self.chance, self.wanted = random.Random(seed), deaths
        self.deaths, self.together, self.unseen = 0, 0, places()
        self.alice = people.person("alice")
        self.by, self.bob = Actor.person(self.alice), Tenant(people.person("bob"))
        # All wait before they begin, but a part, and here a project.
        choose(Entity.objects.get(user=self.alice), SettingName.GRACE_DAYS, 1, by=self.by)
        epochs.run()

    def one_life(self, scope: Scope, number: int) -> None:
        """One erasure from its asking to its end, with as many deaths on the way as come."""
        owner = "alice"
        if scope is Scope.TEAM:
            owner = people.team(f"team-{number}", admin=self.alice).name
        if scope is Scope.ACCOUNT:
            owner = people.person(f"person-{number}").username
        owner_of_it = User.objects.get(username=owner) if scope is Scope.ACCOUNT else self.alice
        project = work.project(owner, f"project-{number}", by=owner_of_it)
        run, kept = (full_run(project, name, by=owner_of_it) for name in ("going", "staying"))
        for content in ({"a": b"both", "b": b"one"}, {"a": b"both", "c": b"two"}):
            made = artifacts.version(project, "data", content, by=Actor.person(owner_of_it))
            self.bob.links(made)
        # Whatever else of bob's leads to what is alice's stays as it is: these versions where others go, and those of lives before.
        self.going = Going.of(versions_that_go(scope, project))
        self.digest = self.bob.digest_of_all(but=self.going)
        ask = self._asking(scope, project, run)
        erased = keys_that_go(scope, project, run)
        attacker = Attacker()
        attacker.copies_the_vault()
        self._dies_or(ask)
        if not ErasureJob.objects.filter(done_at=None).exists():
            ask()
        job = ErasureJob.objects.get(done_at=None)
        assert (job.step == Step.WAIT) == (scope not in {Scope.PROJECT, Scope.PART})
        ErasureJob.objects.filter(step=Step.WAIT).update(due_at=clock.now())  # its days are over
        while self._dies_or(go_on):
            attacker.copies_the_vault()
            if not self.unseen and self.chance.random() < 0.2:
                self._come_together(job)
        while ErasureJob.objects.filter(done_at=None).exists():
            free()
            go_on()
        self._look(job, attacker, erased)
        if scope is Scope.PART:
            back = Run.objects.get(pk=run.pk)
            assert [set(row) for row in store.scan(back, Stream.HISTORY)] == [{"_step"}] * 6
            assert store.console(back, 0, 9) == store.console(kept, 0, 9)
            assert [each.name for each in list_files(back)] == [each.name for each in list_files(kept)]
        if scope not in {Scope.PROJECT, Scope.TEAM, Scope.ACCOUNT}:
            assert open_run(kept).config_text == '{"lr": 1}'

    def _asking(self, scope: Scope, project: Project, run: Run) -> Callable[[], object]:
        if scope is Scope.RUNS:
            return lambda: erase_runs([run], by=self.by)
        if scope is Scope.VERSIONS:
            return lambda: erase_versions(
                [Version.objects.get(collection__project=project, number=0)], by=self.by
            )
        if scope is Scope.ARTIFACT:
            return lambda: erase_artifact(
                Collection.objects.get(project=project, versions__number=1), by=self.by
            )
        if scope is Scope.PART:
            run = finish_run(run, state=RunState.FINISHED, by=self.by)
            return lambda: erase_parts(run, [RunPart(PartKind.METRIC, "loss")], by=self.by)
        if scope is Scope.FILES:
            files = list(RunFile.objects.filter(run=run, blob__isnull=False))
            return lambda: erase_files(files, by=self.by)
        if scope is Scope.ACCOUNT:
            user = User.objects.get(entity=project.entity)
            return lambda: erase_account(user, by=Actor.person(user))
        if scope is Scope.ORGANISATION:
            held = people.organisation(f"of-{bytes(project.name_index).hex()[:8]}", admin=self.alice)
            create_registry(held, name="models", by=self.by)
            return lambda: erase_organisation(held, by=self.by)
        if scope is Scope.TEAM:
            return lambda: erase_team(project.entity, by=self.by)
        return lambda: erase_project(project, by=self.by, at_once=True)

    def _dies_or(self, act: Callable[..., object]) -> bool:
        """Whether the worker died on its way."""
        # First once at each place, then wherever chance has it.
        life = Mortal(self.unseen, 999 if self.unseen else self.chance.choice((0, 1, 2, 3, 5, 8, 13)))
        with child(life, lambda: act(life) if act is go_on else act()) as ended:
            code, name = ended()
        free()
        assert code in {0, _DIED, _BUSY}, (code, name)
        self.unseen.discard(name)
        self.deaths += code == _DIED
        return code == _DIED

    def _come_together(self, job: ErasureJob) -> None:
        """Two workers who each take the other for dead and take a step, to whom the message was delivered twice."""

        def rude() -> None:
            _take_turns_of_one_step()
            for _ in range(2):
                ErasureJob.objects.filter(done_at=None).update(busy_until=None)
                services.advance(job.pk)

        with child(None, rude) as one, child(None, rude) as other:
            codes = {one()[0], other()[0]}
        assert codes <= {0, _BUSY}, codes
        self.together += 1

    def _look(self, job: ErasureJob, attacker: Attacker, erased: set[UUID]) -> None:
        job.refresh_from_db()
        assert Receipt.objects.filter(job=job.public_id).count() == 1
        number, _digest = check_chain(receipts.links(after=0, count=9_999), public_key())
        assert number == ErasureJob.objects.count()
        assert not Remainder.objects.exists()
        assert not any(part.rows_of(job).exists() for part in parts_of(Scope(job.scope)))
        names = {
            *Blob.objects.values_list("object_name", flat=True),
            *BlobPart.objects.values_list("object_name", flat=True),
        }
        assert {found.name for found in default_store().list()} == names
        attacker.copies_the_vault()
        assert attacker.can_open().isdisjoint(erased)
        assert self.bob.digest_of_all(but=self.going) == self.digest and self.bob.reads_well()


def versions_that_go(scope: Scope, project: Project) -> QuerySet[Version]:
    versions = Version.objects.filter(collection__project=project)
    if scope is Scope.VERSIONS:
        return versions.filter(number=0)
    return (
        versions if scope in {Scope.ARTIFACT, Scope.PROJECT, Scope.TEAM, Scope.ACCOUNT} else versions.none()
    )


def keys_that_go(scope: Scope, project: Project, run: Run) -> set[UUID]:
    """The keys of what is erased, and those of files that nobody else is granted."""
    versions, whole = (
        Version.objects.filter(collection__project=project),
        Collection.objects.filter(project=project),
    )
    in_project = [
        project.vault_node,
        *_keys_of(Run.objects.filter(project=project)),
        *_keys_of(versions),
        *_keys_of(whole),
    ]
    if scope is Scope.ORGANISATION:  # of which there is one at a time
        places = Entity.objects.filter(kind=EntityKind.ORGANISATION)
        return {*_keys_of(places), *_keys_of(Project.objects.filter(entity__in=places))}
    owners = set(
        {
            Scope.RUNS: [run.vault_node],
            Scope.FILES: [run.vault_node],
            Scope.PART: [run.vault_node],
            Scope.PROJECT: in_project,
            Scope.TEAM: [project.entity.vault_node, *in_project],
            Scope.ACCOUNT: [project.entity.vault_node, *in_project],
            Scope.VERSIONS: _keys_of(versions_that_go(scope, project)),
            Scope.ARTIFACT: [*_keys_of(versions), *_keys_of(whole)],
        }[scope]
    )
    granted = set(Grant.objects.filter(owner_id__in=owners).values_list("blob_id", flat=True))
    if scope is Scope.FILES:
        files = RunFile.objects.filter(run=run, blob__isnull=False)
        granted, owners = set(files.values_list("blob__vault_node", flat=True)), set()
    if scope is Scope.PART:  # only the file of the history that holds the metric
        held = Segment.objects.filter(run=run, stream=Stream.HISTORY.value)
        return {run.vault_node, *held.values_list("blob__vault_node", flat=True)}
    others = Grant.objects.filter(blob_id__in=granted).exclude(owner_id__in=owners or {run.vault_node})
    return owners | (granted - set(others.values_list("blob_id", flat=True)))


def _keys_of(rows: QuerySet[Any]) -> list[UUID]:
    return list(rows.values_list("vault_node", flat=True))


def live_through(deaths: int, *, seed: int) -> None:
    background.enqueue = lambda *_args, **_ids: None  # whatever is sent is lost
    story, lives = Story(deaths, seed), 0
    print(f"seed {seed}")
    while story.deaths < deaths or story.together < 3:
        story.one_life(_SCOPES[lives % len(_SCOPES)], lives)
        lives += 1
        assert lives < deaths + 20, f"nobody ever dies at {sorted(story.unseen)}"
    assert verify().damaged == ()
    never = ",".join(sorted(story.unseen)).replace(" ", "_") or "-"
    print(story.deaths, never, lives, Receipt.objects.count(), story.together)
