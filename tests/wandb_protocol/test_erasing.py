"""The client's delete calls, spoken by hand; the real client's are in test_client_api.py."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Version
from apps.artifacts.queries import versions_to_delete_with
from apps.artifacts.queries.versions import committed
from apps.erasure.artifacts import erase_artifact
from apps.erasure.models import ErasureJob
from apps.erasure.queries import files_to_erase
from apps.erasure.services import advance
from apps.files.models import RunFile
from apps.projects.models import Project
from apps.runs.models import Run
from apps.wandb_protocol.graphql import artifact_acts
from apps.wandb_protocol.ids import project_number, to_client
from tests.erasure.conftest import files_of, full_run
from tests.factories import artifacts, people, work
from tests.wandb_protocol.asking import Asker

DELETE_RUN = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
DELETE_FILES = (
    "mutation($files: [ID!]!, $n: Int) { deleteFiles(input: {files: $files, projectId: $n}) { success } }"
)
DELETE_MODEL = "mutation($id: String!) { deleteModel(input: {id: $id}) { success } }"
UPSERT = (
    'mutation { upsertBucket(input: {entityName: "lab", modelName: "vision", name: "full"}) { inserted } }'
)
STREAM = "lab/vision/full"


@pytest.fixture
def full(vision: Project, alice: User) -> Run:
    return full_run(vision, "full", by=alice)


def test_a_run_that_is_still_written_is_told_to_stop_and_comes_back_by_nothing(
    full: Run, ann: Asker, bob: User, mal: Asker
) -> None:
    run_id = {"id": to_client("Run", full.public_id)}
    assert "not allow" in Asker(people.api_key(bob)).error(DELETE_RUN, **run_id)
    assert "no such run" in mal.error(DELETE_RUN, **run_id)

    lines = {"files": {"output.log": {"offset": 9, "content": ["late"]}}}
    assert ann.stream(STREAM, lines).status_code != 404

    ann.data(DELETE_RUN, **run_id)

    assert "erased" in ann.error(UPSERT)
    told = ann.stream(STREAM, lines)
    assert told.status_code == 404 and b"This run was erased" in told.content
    found = ann.data('{ project(name: "vision", entityName: "lab") { runCount run(name: "full") { id } } }')
    assert found["project"] == {"runCount": 0, "run": None}
    assert "no such run" in ann.error(DELETE_RUN, **run_id)


def test_the_artifacts_that_a_run_made_go_with_it_when_asked(
    full: Run, vision: Project, ann: Asker, alice: User
) -> None:
    by = Actor.person(alice)
    other = full_run(vision, "other", by=alice)
    made = artifacts.version(vision, "set", {"a": b"1"}, by=by, run=full)
    theirs = artifacts.version(vision, "set", {"a": b"2"}, by=by, run=other)
    artifacts.version(vision, "set", {"a": b"2"}, by=by, run=full)  # the same, made again

    delete = DELETE_RUN.replace("id: $id", "id: $id, deleteArtifacts: true")
    ann.data(delete, id=to_client("Run", full.public_id))

    assert set(committed().values_list("pk", flat=True)) == {theirs.pk} != {made.pk}
    assert theirs.collection.project_id == vision.pk


def test_no_artifact_goes_with_a_run_when_one_of_them_is_not_the_askers(
    vision: Project, ann: Asker, alice: User, bob: User
) -> None:
    run = full_run(vision, "bobs", by=bob)
    versions = [
        artifacts.version(vision, name, {"a": name.encode()}, by=Actor.person(who), run=run)
        for name, who in (("first", bob), ("second", bob), ("third", alice))
    ]
    delete = DELETE_RUN.replace("id: $id", "id: $id, deleteArtifacts: true")
    bobs, run_id = Asker(people.api_key(bob)), to_client("Run", run.public_id)

    assert "not allow" in bobs.error(delete, id=run_id)

    assert set(committed()) == set(versions)
    assert Run.objects.filter(pk=run.pk).exists()
    ann.data(delete, id=run_id)
    assert not committed().exists()


DELETE_ARTIFACT = "mutation($id: ID!, $a: Boolean) { deleteArtifact(input: {artifactID: $id, deleteAliases: $a}) { artifact { state } } }"
DELETE_SEQUENCE = "mutation($id: ID!) { deleteArtifactSequence(input: {artifactSequenceID: $id}) { artifactCollection { state } } }"


def test_a_version_goes_by_an_erasure_and_with_its_aliases_only_when_asked(
    vision: Project, ann: Asker, alice: User, mal: Asker
) -> None:
    made = artifacts.version(vision, "set", {"a": b"1"}, by=Actor.person(alice))
    held = to_client("Artifact", made.public_id)
    assert "no such artifact" in mal.error(DELETE_ARTIFACT, id=held, a=True)
    assert "Aliases lead to this version" in ann.error(DELETE_ARTIFACT, id=held, a=False)

    answer = ann.data(DELETE_ARTIFACT, id=held, a=True)

    assert answer["deleteArtifact"]["artifact"]["state"] == "DELETED"
    job = ErasureJob.objects.get()
    assert (job.scope, job.asked) == ("versions", 1)
    assert "no such artifact" in ann.error(DELETE_ARTIFACT, id=held, a=True)
    advance(job.pk)
    assert not Version.everything.exists()


def test_an_artifact_goes_whole_or_not_at_all(
    vision: Project, ann: Asker, alice: User, bob: User, mal: Asker
) -> None:
    bobs = artifacts.version(vision, "set", {"a": b"1"}, by=Actor.person(bob))
    artifacts.version(vision, "set", {"a": b"2"}, by=Actor.person(alice))
    held = to_client("ArtifactSequence", bobs.collection.public_id)
    assert "no such artifact" in mal.error(DELETE_SEQUENCE, id=held)
    assert "not allow" in Asker(people.api_key(bob)).error(DELETE_SEQUENCE, id=held)
    assert committed().count() == 2

    answer = ann.data(DELETE_SEQUENCE, id=held)

    assert answer["deleteArtifactSequence"]["artifactCollection"]["state"] == "DELETED"
    advance(ErasureJob.objects.get().pk)
    assert not Version.everything.exists() and not Collection.everything.exists()


def test_a_version_that_somebody_else_commits_meanwhile_is_asked_about_too(
    vision: Project, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    bobs = artifacts.version(vision, "set", {"a": b"1"}, by=Actor.person(bob))

    def late(*args: Any, **more: Any) -> ErasureJob:
        artifacts.version(vision, "set", {"a": b"2"}, by=Actor.person(alice))
        return erase_artifact(*args, **more)

    monkeypatch.setattr(artifact_acts, "erase_artifact", late)

    held = to_client("ArtifactSequence", bobs.collection.public_id)
    assert "not allow" in Asker(people.api_key(bob)).error(DELETE_SEQUENCE, id=held)
    assert committed().count() == 2


@pytest.mark.parametrize("count", [1, 2])
def test_however_many_files_and_versions_go_as_many_questions_are_asked(
    vision: Project, alice: User, count: int, django_assert_num_queries: Any
) -> None:
    by = Actor.person(alice)
    run = full_run(vision, "several", by=alice)
    for n in range(count):
        artifacts.version(vision, f"set-{n}", {"a": str(n).encode()}, by=by, run=run)
    files = [each.public_id for each in files_of(run)[:count]]

    with django_assert_num_queries(2):
        assert len(files_to_erase(by, public_ids=files)) == count
    with django_assert_num_queries(2):
        assert len(versions_to_delete_with(by, run)) == count


def test_files_go_all_or_none(full: Run, ann: Asker, alice: User, mallory: User) -> None:
    theirs = files_of(full_run(work.project("mallory", "own", by=mallory), "x", by=mallory))[0]
    own = [to_client("File", each.public_id) for each in files_of(full)]
    number = project_number(full.project.public_id)

    assert "no such file" in ann.error(DELETE_FILES, files=[*own, to_client("File", theirs.public_id)])
    assert "no such file" in ann.error(DELETE_FILES, files=own, n=number ^ 1)
    assert RunFile.objects.filter(run=full, blob__isnull=False).count() == 2
    assert ann.data(DELETE_FILES, files=own, n=number)["deleteFiles"] == {"success": True}
    assert files_of(full) == []


def test_a_project_goes_by_admins(full: Run, ann: Asker, bob: User, mal: Asker) -> None:
    project = {"id": to_client("Project", full.project.public_id)}
    assert "not allow" in Asker(people.api_key(bob)).error(DELETE_MODEL, **project)
    assert "no such project" in mal.error(DELETE_MODEL, **project)

    assert ann.data(DELETE_MODEL, **project)["deleteModel"] == {"success": True}
    assert ann.data('{ project(name: "vision", entityName: "lab") { id } }')["project"] is None
    assert ann.stream(STREAM, {}).status_code == 404
