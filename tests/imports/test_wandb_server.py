"""What a server that is asked as W&B's may answer, by mistake or to do harm."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.artifacts.queries import list_entries, open_version
from apps.core.errors import NotFound, OwnlogError, Unavailable
from apps.files.queries import list_files, read_file
from apps.imports.errors import Broken
from apps.imports.models import Import
from apps.imports.readers.asking import Site
from apps.imports.readers.elsewhere import download
from apps.imports.readers.opening import open_site
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, ImportState, Origin
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import find_run
from apps.runs.types import Stream
from apps.teams.models import Entity
from tests.imports.pretended import (
    AT,
    DATA,
    KEY,
    Json,
    Pretended,
    entry_with,
    imported,
    listed,
    with_version,
)
from tests.imports.pretended import there as there

pytestmark = pytest.mark.django_db


def test_one_that_answers_as_it_should_is_imported_and_gets_the_key_with_questions_alone(
    there: Pretended, home: Entity, alice: User
) -> None:
    job = imported(there, home, alice)

    assert (job.state, job.runs, job.left_out) == (ImportState.DONE, 1, 0)
    run = Run.objects.get()
    assert [row["_step"] for row in store.rereadable(run, Stream.HISTORY)()] == [0, 1, 2]
    assert [b"".join(read_file(each.file)) for each in list_files(run)] == [DATA]
    assert there.keys == [None]


def _endless(asked: Json) -> Json:
    return {"project": {"runs": listed({"name": "r1", "state": "x", "createdAt": AT}, more=True)}}


WRONG: dict[str, Callable[[Pretended], object]] = {
    "the same page for ever": lambda said: said.answers.update(Runs=_endless),
    "no moments": lambda said: said.answers.update(Project={"project": {"name": "vision"}}),
    "a run without a name": lambda said: said.answers.update(
        Runs={"project": {"runs": listed({"name": "", "createdAt": AT})}}
    ),
    "a row that is none": lambda said: said.answers.update(RunHistory=said.of_run(history=["[]"])),
    "rows that are none": lambda said: said.answers.update(RunHistory=said.of_run(history=[1])),
    "no answer to a page of one": lambda said: said.answers.update(RunHistory={"errors": [{"message": "m"}]}),
    "a file of another size": lambda said: said.answers.update(RunFiles=said.files(sizeBytes=99)),
    "a file of other bytes": lambda said: setattr(said, "file", b"WEIGHTS"),
    "a file that leads out": lambda said: said.answers.update(RunFiles=said.files(name="../w")),
    "a list that is none": lambda said: said.answers.update(RunFiles={"project": {"run": {"files": [1]}}}),
    "a file inside this network": lambda said: said.answers.update(
        RunFiles=said.files(directUrl="https://127.0.0.1:1/")
    ),
    "a file of a cloud's own": lambda said: said.answers.update(
        RunFiles=said.files(directUrl="http://169.254.169.254/latest/meta-data")
    ),
    "a file of this machine": lambda said: said.answers.update(RunFiles=said.files(directUrl="file:///etc/passwd")),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_of_one_that_answers_wrongly_nothing_is_kept(
    what: str, there: Pretended, home: Entity, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    WRONG[what](there)

    with pytest.raises(OwnlogError) as said:
        imported(there, home, alice)

    assert not isinstance(said.value, Unavailable)
    assert Import.objects.get().state == ImportState.GIVEN_UP
    assert not Project.objects.filter(entity=home).exists()
    assert KEY not in caplog.text + said.value.message


GONE: dict[str, tuple[str, Json]] = {
    "everything": ("RunHistory", {"data": None}),
    "a project, while its runs are listed": ("Runs", {"project": None}),
    "a project, while a run is read": ("RunFiles", {"project": None}),
    "a run": ("RunLogLines", {"project": {"run": None}}),
    "a project, while a version is read": ("ArtifactByID", {"artifact": None}),
    "a project, while its artifacts are listed": ("ArtifactTypes", {"project": None}),
}


@pytest.mark.parametrize("what", GONE)
def test_what_a_server_does_not_tell_of_any_more_was_not_nothing(
    what: str, there: Pretended, home: Entity, alice: User
) -> None:
    """As to a key that lost its right in the middle."""
    with_version(there, entry_with(extra={"alg": "XXH128"}))
    name, said = GONE[what]
    answers = dict(there.answers)

    def gone(_asked: Json) -> Json:
        there.answers["Project"] = {"project": None}
        return said

    there.answers[name] = gone
    with pytest.raises(Unavailable, match="does not tell any more"):
        imported(there, home, alice)
    with pytest.raises(NotFound, match="ann/vision"):
        imported(there, home, alice, only=["ann/vision"])
    assert Import.objects.get().state == ImportState.RUNNING
    there.answers = answers

    job = imported(there, home, alice)
    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 1, 1, 0)


def test_of_a_run_that_is_deleted_there_while_it_is_read_nothing_is_seen(
    there: Pretended, home: Entity, alice: User
) -> None:
    runs, files = (there.answers[each] for each in ("Runs", "RunFiles"))
    both = ({"name": name, "state": "finished", "createdAt": AT} for name in ("r1", "r2"))
    there.answers["Runs"] = {"project": {"runs": listed(*both)}}
    there.answers["RunFiles"] = lambda asked: (
        there.of_run(files=listed()) if asked["run"] == "r1" else {"project": {"run": None}}
    )
    with pytest.raises(Unavailable):
        imported(there, home, alice)
    there.answers |= {"Runs": runs, "RunFiles": files}

    job = imported(there, home, alice)
    assert (job.state, job.runs, job.left_out) == (ImportState.DONE, 1, 1)
    project = Project.objects.get(entity=home)
    assert [find_run(project, each) is not None for each in ("r1", "r2")] == [True, False]


def test_where_it_is_busy_it_is_asked_again_when_it_says(
    there: Pretended, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("apps.imports.readers.asking.time.sleep", waited.append)
    there.busy = ["7"]

    assert imported(there, home, alice).state == ImportState.DONE
    assert waited == [7]

    there.busy = ["99999999", "60"]
    with pytest.raises(Unavailable):
        imported(there, home, alice)
    assert waited == [7, 60]


def test_what_is_too_much_at_once_is_asked_for_in_smaller_parts(
    there: Pretended, home: Entity, alice: User
) -> None:
    whole = there.answers["RunHistory"]
    assert callable(whole)
    there.answers["RunHistory"] = lambda asked: (
        whole(asked) if asked["to"] - asked["from"] < 3 else {"errors": [{"message": KEY}]}
    )

    imported(there, home, alice)

    assert len(list(store.rereadable(Run.objects.get(), Stream.HISTORY)())) == 3


def test_a_page_that_may_be_a_sample_is_asked_for_again(there: Pretended, home: Entity, alice: User) -> None:
    """Steps lie far apart at first, so that the stretches grow; then there are many in one."""
    steps = [0, *range(10_000, 13_000)]
    there.answers["RunKeys"] = there.of_run(historyKeys={"lastStep": steps[-1]}, eventsLineCount=0)

    def history(asked: Json) -> Json:
        found = [f'{{"_step": {n}}}' for n in steps if asked["from"] <= n < asked["to"]]
        return there.of_run(history=found[:1500])  # a limit of its own

    there.answers["RunHistory"] = history

    imported(there, home, alice)

    assert [row["_step"] for row in store.rereadable(Run.objects.get(), Stream.HISTORY)()] == steps


def test_system_metrics_that_are_told_in_part_are_counted(
    there: Pretended, home: Entity, alice: User
) -> None:
    there.answers["RunKeys"] = there.of_run(historyKeys=None, eventsLineCount=2)
    there.answers["RunEvents"] = there.of_run(events=['{"system.cpu": 1}'])

    assert imported(there, home, alice).left_out == 1


def test_what_is_done_is_not_asked_for_again_and_what_was_missing_of_it_is_counted_still(
    there: Pretended, home: Entity, alice: User
) -> None:
    there.answers["Runs"] = {
        "project": {"runs": listed(*({"name": name, "createdAt": AT} for name in ("r1", "r2")))}
    }
    there.answers["RunKeys"] = there.of_run(historyKeys=None, eventsLineCount=2)
    there.answers["RunEvents"] = there.of_run(events=['{"system.cpu": 1}'])
    reader, actor = open_site(Site(there.url, KEY), Origin.WANDB), Actor.person(alice)
    job = ask_for_import(home, reader, clash=Clash.SKIP, by=actor, whose_runs=actor)

    def breaks_off() -> None:
        raise Unavailable("as behind a worker's turn")

    with pytest.raises(Unavailable):
        bring(job, reader, by=actor, between=breaks_off)
    there.asked.clear()

    job = imported(there, home, alice)

    assert (Import.objects.count(), job.runs, job.left_out) == (1, 2, 2)
    assert {asked["run"] for _name, asked in there.asked if "run" in asked} == {"r2"}


# As the client writes it where it was asked for that digest: of one file with these bytes.


@pytest.mark.parametrize("entry", [{"extra": {"alg": "XXH128", "more": 1}}, {"digest": "sha256:" + "0" * 64}])
def test_files_of_another_digest_get_their_own_as_the_client_gives_it_to_them(
    entry: Json, there: Pretended, home: Entity, alice: User
) -> None:
    with_version(there, entry_with(**entry))

    job = imported(there, home, alice)

    assert (job.state, job.versions, job.left_out) == (ImportState.DONE, 1, 0)
    version = Version.objects.get()
    (found,) = list_entries(version)
    md5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
    assert (found.path, found.digest, found.extra) == ("w.bin", md5, '{"more":1}' if "extra" in entry else "")
    anew = hashlib.md5(f"wandb-artifact-manifest-v1\nw.bin:{md5}\n".encode(), usedforsecurity=False)
    assert open_version(version).words.digest == anew.hexdigest()


@pytest.mark.parametrize("facts", [{"size": 8}, {"size": 6}])
def test_files_of_another_digest_are_as_long_as_their_list_says(
    facts: Json, there: Pretended, home: Entity, alice: User
) -> None:
    with_version(there, entry_with(**facts, extra={"alg": "XXH128"}))

    with pytest.raises(OwnlogError):
        imported(there, home, alice)

    assert not Project.objects.filter(entity=home).exists()


@pytest.mark.parametrize(
    "url",
    ["https://user@files.example/", "https://files.example/a b", "https://[", "https://files.example/\x01"],
)
def test_only_an_address_is_one(url: str) -> None:
    with pytest.raises(Broken):
        list(download(Site("https://wandb.example"), url))


def test_a_place_beside_the_server_is_judged_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host of it may be called anything."""
    found = [(2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_named: found)

    with pytest.raises(Broken):
        list(download(Site("https://wandb.example"), "https://files.example/a"))
