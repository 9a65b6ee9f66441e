"""`manage.py erase`: says what would go, asks for its name, and the record says who asked."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.actors import OPERATOR_ID, Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Version
from apps.artifacts.services import create_registry, link_version, update_registry
from apps.audit.models import Event
from apps.erasure import services
from apps.erasure.management.commands import erase
from apps.erasure.models import ErasureJob
from apps.erasure.types import Step
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState, Stream
from apps.teams.models import Entity
from apps.vault import epochs
from tests.erasure.conftest import files_of, finish
from tests.factories import artifacts, people
from tests.factories.vault import end_epochs

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-09")]
Ask = Callable[..., str]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The command with what somebody types; what it printed. Real epochs are for tests of their own."""
    monkeypatch.setattr(epochs, "run", end_epochs)

    def run(*words: str, types: str = "") -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO(types))
        out = io.StringIO()
        call_command("erase", *words, stdout=out)
        return out.getvalue()

    return run


def test_a_run_goes_once_its_name_was_typed_and_the_record_says_it_was_an_operator(
    ask: Ask, full: Run, other: Run
) -> None:
    said = ask("run", "lab/vision", "full", types="full\n")

    job = ErasureJob.objects.get()
    assert (job.step, job.asked_by, job.runs, job.files) == (Step.DONE, OPERATOR_ID, 1, 2)
    assert "runs: 1\nof them running: 1\nfiles: 2\n" in said
    assert said.endswith(f"erasure {job.public_id}: done, 1 run, 2 files, {job.stored_bytes} bytes\n")
    assert list(Run.everything.all()) == [other]
    assert Event.objects.get(kind="run.erased").by == OPERATOR_ID


@pytest.mark.parametrize("types", ["", "y\n", "other\n"])
def test_nothing_goes_without_its_name(ask: Ask, full: Run, types: str) -> None:
    with pytest.raises(CommandError, match="Nothing was erased"):
        ask("run", "lab/vision", "full", types=types)

    assert (ErasureJob.objects.count(), Run.objects.filter(pk=full.pk).count()) == (0, 1)


def test_a_dry_run_counts_and_erases_nothing(ask: Ask, full: Run) -> None:
    said = ask("project", "lab/vision", "--dry-run")

    assert said.startswith("runs: 1\nof them running: 1\nfiles of runs: 2\nversions of artifacts: 0\n")
    assert said.endswith("Nothing was erased.\n")
    assert ErasureJob.objects.count() == 0


def test_several_are_named_by_how_many_they_are_and_workers_may_do_the_rest(
    ask: Ask, full: Run, other: Run
) -> None:
    with pytest.raises(CommandError, match="'2'"):
        ask("run", "lab/vision", "full", "other", "--yes", "full")
    ask("run", "lab/vision", "full", "other", "full", "--yes", "2", "--no-wait")

    job = ErasureJob.objects.get()
    assert (job.step, job.asked, Run.objects.count(), Run.everything.count()) == (Step.SHRED, 2, 0, 2)


def test_a_project_goes_by_its_whole_name(ask: Ask, full: Run, vision: Project) -> None:
    said = ask("project", "lab/vision", "--yes", "lab/vision", "--now")

    assert "take it back" not in said
    assert not Project.everything.filter(pk=vision.pk).exists()
    assert not Run.everything.filter(pk=full.pk).exists()


def test_where_its_owner_may_take_it_back_it_waits_and_the_command_says_so(
    ask: Ask, full: Run, vision: Project
) -> None:
    said = ask("project", "lab/vision", types="lab/vision\n")

    job = ErasureJob.objects.get()
    assert job.step == Step.WAIT and job.due_at is not None
    assert said.endswith(
        f"Its owner can take it back until {job.due_at:%Y-%m-%d %H:%M} UTC; then the workers do the rest.\n"
    )
    assert Project.everything.get(pk=vision.pk).erased_at == job.asked_at


def test_files_versions_and_artifacts_go_too(ask: Ask, full: Run, vision: Project, alice: User) -> None:
    by = Actor.person(alice)
    artifacts.version(vision, "ds", {"a.txt": b"one"}, by=by)
    artifacts.version(vision, "ds", {"b.txt": b"two"}, by=by)
    artifacts.version(vision, "weights", {"w": b"three"}, by=by)

    ask("file", "lab/vision/full", "out/a.txt", "--yes", "out/a.txt")
    said = ask("version", "lab/vision", "ds:v0", "--yes", "ds:v0")
    ask("artifact", "lab/vision", "weights", "--yes", "weights")

    assert len(files_of(full)) == RunFile.everything.filter(run=full, blob__isnull=False).count() == 1
    assert [each.number for each in Version.everything.all()] == [1]
    assert Collection.everything.count() == 1
    assert "versions: 1\nfiles that nothing else holds: 1\n" in said


def test_a_collection_of_a_registry_goes_also_while_a_protected_alias_leads_there(
    ask: Ask, vision: Project, lab: Entity, alice: User
) -> None:
    by = Actor.person(alice)
    registry = create_registry(
        people.organisation("institute", admin=alice, teams=[lab]), name="models", by=by
    )
    update_registry(registry, by=by, protected=["production"])
    version = artifacts.version(vision, "net", {"w": b"one"}, by=by, type_name="model")
    link_version(version, registry, name="prod", aliases=["production"], by=by)

    ask("artifact", f"{registry.entity.name}/wandb-registry-models", "prod", "--yes", "prod")

    assert list(Collection.everything.values_list("pk", flat=True)) == [version.collection_id]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "lab/vision", "absent"), "no such run"),
        (("run", "lab/vision"), "Nothing was chosen"),
        (("run", "lab", "full"), "ENTITY/PROJECT"),
        (("run", "lab/absent", "full"), "no such project"),
        (("run", "nobody-here/vision", "full"), "no such"),
        (("project", "lab/vision", "full"), "ENTITY/PROJECT alone"),
        (("file", "lab/vision/full", "absent.txt"), "no such file"),
        (("version", "lab/vision", "ds"), "NAME:v3"),
        (("version", "lab/vision", "ds:v0"), "no such artifact"),
        (("artifact", "lab/vision", "a", "b"), "one by one"),
    ],
)
def test_what_names_nothing_is_refused(ask: Ask, full: Run, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        ask(*words, "--yes", words[-1])

    assert ErasureJob.objects.count() == 0


def test_where_it_breaks_off_the_command_says_so_and_the_sweep_goes_on(
    ask: Ask, full: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(job_id: int) -> None:
        raise OSError

    monkeypatch.setattr(erase, "advance", broken)
    with pytest.raises(CommandError, match=r"broke off \(OSError\)"):
        ask("run", "lab/vision", "full", "--yes", "full")
    assert Run.objects.count() == 0

    (pk,) = services.due_jobs()
    assert finish(ErasureJob.objects.get(pk=pk)).step == Step.DONE


def test_a_job_that_a_worker_is_at_is_waited_for(
    ask: Ask, full: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def elsewhere(job_id: int) -> None:
        if waited:
            services.advance(job_id)

    monkeypatch.setattr(erase, "advance", elsewhere)
    monkeypatch.setattr("time.sleep", waited.append)
    ask("run", "lab/vision", "full", "--yes", "full")

    assert waited.count(erase._BETWEEN_LOOKS_SECONDS) == 1  # the others are rests between batches
    assert ErasureJob.objects.get().step == Step.DONE


def test_a_part_of_a_run_goes_once_the_run_has_ended(ask: Ask, full: Run, alice: User) -> None:
    with pytest.raises(CommandError, match="still going on"):
        ask("metric", "lab/vision/full", "loss", "--yes", "loss")
    finish_run(full, state=RunState.FINISHED, by=Actor.person(alice))
    with pytest.raises(CommandError, match="nothing of this name"):
        ask("metric", "lab/vision/full", "lr", "--yes", "lr")
    assert ask("config", "lab/vision/full", "lr", "--dry-run").startswith("values of the history: 0\n")

    said = ask("metric", "lab/vision/full", "loss", types="loss\n")

    job = ErasureJob.objects.get()
    assert (job.step, job.scope, job.values, job.asked_by) == (Step.DONE, "part", 6, OPERATOR_ID)
    assert "values of the history: 6\nfiles: 0\n" in said
    assert f"erasure {job.public_id}: the run is closed, and comes back without it\n" in said
    assert {name for row in store.scan(Run.objects.get(pk=full.pk), Stream.HISTORY) for name in row} == {
        "_step"
    }
