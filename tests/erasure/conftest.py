from __future__ import annotations

import io

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance
from apps.files.models import RunFile
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Lines, Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.erasure.rich import rich_run
from tests.factories import work
from tests.factories.vault import end_epochs


def full_run(project: Project, name: str, *, by: User) -> Run:
    """A run with a segment, hot lines, two files and a withheld one."""
    run = work.run(project, name, by=by, config_text='{"lr": 1}', summary_text='{"loss": 1}')
    log(run, 0)
    store.compact(run)
    log(run, 3)
    names = ["out/a.txt", "out/b.txt", "code/main.py"]
    for each in announce_files(run, names):
        if each.file is not None:
            store_file(each.file, io.BytesIO(each.name.encode()))
    return run


def log(run: Run, first: int) -> None:
    lines = [f'{{"_step": {first + n}, "loss": {n}}}' for n in range(3)]
    streams = {Stream.HISTORY: Lines(first, lines), Stream.OUTPUT: Lines(first, ["said"])}
    store.append(run, StreamRequest(streams=streams))


@pytest.fixture
def full(vision: Project, alice: User) -> Run:
    return full_run(vision, "full", by=alice)


@pytest.fixture
def other(vision: Project, alice: User) -> Run:
    return full_run(vision, "other", by=alice)


@pytest.fixture
def rich(vision: Project, alice: User) -> Run:
    return rich_run(vision, by=alice)


@pytest.fixture
def lenient(lab: Entity, alice: User) -> Entity:
    """The lab, whose runs, files and artifacts can be taken back for three days."""
    choose(lab, SettingName.GRACE_DAYS, 3, by=Actor.person(alice))
    return lab


@pytest.fixture
def own(lab: Entity, bob: User) -> Run:
    """A run in bob's own project; he is a member of the lab besides."""
    return full_run(work.project("bob", "own", by=bob), "mine", by=bob)


def files_of(run: Run) -> list[RunFile]:
    return list(RunFile.objects.filter(run=run, blob__isnull=False).order_by("pk"))


def finish(job: ErasureJob) -> ErasureJob:
    """Take a job to its end, the epoch it waits for being over."""
    advance(job.pk)
    end_epochs()
    advance(job.pk)
    job.refresh_from_db()
    return job
