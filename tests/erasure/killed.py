"""What lies in an instance that is killed while everything of one tenant is erased: run by test_killed_whole.py, in processes of
their own beside the instance's. Nothing of what it keeps for later is read by the instance."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import DatabaseError

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version
from apps.artifacts.queries import read_stored
from apps.artifacts.services import create_registry
from apps.blobs.models import Blob, BlobPart
from apps.blobs.store import default_store
from apps.core import background, clock
from apps.core.errors import OwnlogError
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.models import ErasureJob, Remainder
from apps.erasure.organisations import erase_organisation
from apps.erasure.plan import all_parts_of
from apps.erasure.proof import StillThere
from apps.erasure.services import erase_files, erase_project, erase_run, erase_runs
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope
from apps.files.models import RunFile
from apps.leaks import services as leaks
from apps.leaks.models import Scan
from apps.projects.models import Project
from apps.projects.queries import find_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.services import finish_run
from apps.runs.types import RunState, Stream
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.vault import receipts
from apps.vault.models import Grant, Node, Receipt
from apps.vault.readiness import verify
from apps.vault.signing import public_key
from tests.erasure.conftest import full_run
from tests.erasure.faults import go_on, keys_that_go
from tests.erasure.tenant import Tenant
from tests.factories import artifacts, people, work
from tests.live import API_KEY

_LONGEST_SECONDS = 120.0


def make(folder: Path, rounds: int) -> None:
    """Alice's things, a round's for each kill, all of them asked for and waiting; and what bob has. How to have them begin is
    written down, with what has to be gone in the end."""
    background.enqueue = lambda *_args, **_ids: None
    alice, bob = User.objects.get(username="alice"), User.objects.get(username="bob")
    choose(alice.entity, SettingName.GRACE_DAYS, 1, by=Actor.person(alice))
    tenant = Tenant(bob)
    for run in tenant.runs:  # to where nothing is left that the instance's own workers would do to them
        store.compact(finish_run(run, state=RunState.FINISHED, by=tenant.by))
        assert leaks.scan(Run.objects.get(pk=run.pk))
    # What has just come is looked at once more after a minute.
    Scan.objects.filter(run__in=tenant.runs).update(looked_until=clock.now() + timedelta(days=1))
    asked = [_Round(alice, number) for number in range(rounds)]
    going = set[UUID]().union(*(each.keys for each in asked))
    blobs = Blob.objects.filter(vault_node__in=going)
    kept = {
        "requests": [each.requests for each in asked],
        "keys": [key.hex for key in going],
        "objects": list(blobs.values_list("object_name", flat=True)),
        "bob": tenant.digest(),
    }
    (folder / "asked.json").write_text(json.dumps(kept))


class _Round:
    """One thing of each scope, asked for."""

    def __init__(self, alice: User, number: int) -> None:
        self.by, self.number, self.keys, self.requests = Actor.person(alice), number, set[UUID](), list[Any]()
        place = work.project("alice", f"round-{number}", by=alice)
        names = ("one", "two", "three", "cut", "filed", "kept")
        runs = {name: full_run(place, name, by=alice) for name in names}
        for content in ({"a": b"both", "b": b"one"}, {"a": b"both", "c": b"two"}):
            artifacts.version(place, "data", content, by=self.by)
        whole = work.project("alice", f"whole-{number}", by=alice)
        made = artifacts.version(whole, "whole", {"d": b"more"}, by=self.by)
        gone = work.project("alice", f"gone-{number}", by=alice)
        lost = full_run(gone, "lost", by=alice)
        artifacts.version(gone, "data", {"e": b"and more"}, by=self.by)
        team = people.team(f"team-{number}", admin=alice)
        of_team = work.project(team.name, "theirs", by=alice)
        in_team = full_run(of_team, "theirs", by=alice)
        registries = people.organisation(f"registries-{number}", admin=alice)
        create_registry(registries, name="models", by=self.by)
        cut = finish_run(runs["cut"], state=RunState.FINISHED, by=self.by)

        self._notes((Scope.RUNS, place, runs["one"]), (Scope.RUNS, place, runs["two"]))
        self._notes((Scope.RUNS, place, runs["three"]), (Scope.PART, place, cut))
        self._notes((Scope.FILES, place, runs["filed"]), (Scope.VERSIONS, place, runs["kept"]))
        self._notes(
            (Scope.ARTIFACT, whole, lost), (Scope.PROJECT, gone, lost), (Scope.TEAM, of_team, in_team)
        )
        self._notes((Scope.ORGANISATION, place, lost))
        files = list(RunFile.objects.filter(run=runs["filed"], blob__isnull=False))
        first = Version.objects.get(collection__project=place, number=0)
        for job in (
            erase_run(runs["one"], by=self.by),
            erase_runs([runs["two"], runs["three"]], by=self.by),
            erase_files(files, by=self.by),
            erase_versions([first], by=self.by),
            erase_artifact(made.collection, by=self.by),
            erase_project(gone, by=self.by),
            erase_team(team, by=self.by),
            erase_organisation(registries, by=self.by),
        ):
            self.requests.append(["POST", f"erasures/{job.public_id}/now", API_KEY, None])
        self.requests.append(
            ["DELETE", f"projects/alice/round-{number}/runs/cut/parts?metric=loss", API_KEY, None]
        )
        self._asks_for_a_person()

    def _asks_for_a_person(self) -> None:
        person = people.person(f"person-{self.number}")
        choose(person.entity, SettingName.PROJECT_GRACE_DAYS, 0, by=Actor.person(person))
        own = work.project(person.username, "own", by=person)
        self._notes((Scope.ACCOUNT, own, full_run(own, "own", by=person)))
        words = {"name": person.username, "password": people.PASSWORD}
        self.requests.append(["POST", "account/erase", people.api_key(person), words])

    def _notes(self, *going: tuple[Scope, Project, Run]) -> None:
        for scope, place, run in going:
            self.keys |= keys_that_go(scope, place, run)


def finish(folder: Path) -> None:
    """Beside the instance's own workers, until everything is done; then all that has to be so, and receipts for others to check."""
    moved_at, before = time.monotonic(), None
    troubles = set[str]()
    while ErasureJob.objects.filter(done_at=None).exists():
        try:
            go_on()
        except (StillThere, DatabaseError, OwnlogError) as error:  # two come together
            troubles.add(type(error).__name__)
        left = list(
            ErasureJob.objects.filter(done_at=None)
            .order_by("pk")
            .values_list("pk", "scope", "step", "trouble")
        )
        if left != before:  # a busy machine is no reason to be red, as long as something moves
            moved_at, before = time.monotonic(), left
        assert time.monotonic() < moved_at + _LONGEST_SECONDS, (left, troubles)
        if left:
            time.sleep(0.2)
    asked = json.loads((folder / "asked.json").read_text())
    _look_at_what_is_gone({UUID(key) for key in asked["keys"]}, set(asked["objects"]))
    for number in range(len(asked["requests"])):
        _look_at_what_stays(number)
    tenant = Tenant(User.objects.get(username="bob"), is_there=True)
    assert tenant.digest() == asked["bob"] and tenant.reads_well()
    assert verify().damaged == ()
    for name, document in _receipts():
        (folder / name).write_text(json.dumps(document))
    print(json.dumps(sorted(ErasureJob.objects.values_list("scope", flat=True))))


def _look_at_what_is_gone(keys: set[UUID], objects: set[str]) -> None:
    assert keys and objects
    assert not Node.objects.filter(pk__in=keys).exists()
    assert not Grant.objects.filter(blob_id__in=keys).exists()
    assert not Grant.objects.filter(owner_id__in=keys).exists()
    assert not objects & {found.name for found in default_store().list()}
    assert not Blob.objects.filter(object_name__in=objects).exists()
    assert not Remainder.objects.exists()
    for job in ErasureJob.objects.all():
        left = [
            part.model._meta.label for part in all_parts_of(Scope(job.scope)) if part.rows_of(job).exists()
        ]
        assert not left, (job.scope, left)
    # Whatever anybody still points at is there.
    names = set(
        Blob.objects.filter(stored_size__isnull=False, part_count=0).values_list("object_name", flat=True)
    )
    names |= set(BlobPart.objects.values_list("object_name", flat=True))
    assert names <= {found.name for found in default_store().list()}


def _look_at_what_stays(number: int) -> None:
    place = find_project(Entity.objects.get(name="alice"), f"round-{number}")
    assert place is not None
    runs = {open_run(run).head.name: run for run in Run.objects.filter(project=place)}
    assert set(runs) == {"cut", "filed", "kept"}, set(runs)
    assert all(open_run(run).config_text == '{"lr": 1}' for run in runs.values())
    assert [row["loss"] for row in store.scan(runs["kept"], Stream.HISTORY)] == [0, 1, 2] * 2
    assert [set(row) for row in store.scan(runs["cut"], Stream.HISTORY)] == [{"_step"}] * 6
    assert not RunFile.everything.filter(run=runs["filed"], blob__isnull=False).exists()
    (version,) = Version.everything.filter(collection__project=place)
    stored = [b"".join(read_stored(version, each)) for each in StoredFile.objects.filter(project=place)]
    assert sorted(stored) == [b"both", b"two"]


def _receipts() -> Iterable[tuple[str, Any]]:
    """Of each erasure exactly one."""
    jobs = list(ErasureJob.objects.values_list("public_id", flat=True))
    assert sorted(Receipt.objects.values_list("job", flat=True)) == sorted(jobs)
    yield "log.json", {"items": receipts.links(after=0, count=9_999)}
    yield "key.json", public_key()
    for job in jobs:
        found = receipts.receipt_of(job)
        assert found is not None
        yield f"receipt-{job}.json", found
