"""What a change of visibility does to what a client holds already: signed addresses, streams, and what it may ask for."""

from __future__ import annotations

import io
import json
from base64 import b64encode

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.events import EventKind
from apps.audit.models import Event
from apps.files.models import RunFile
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.projects.services import update_project
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.services import choose
from apps.teams.types import OrganisationRole
from apps.wandb_protocol.signing import DOWNLOAD, signed_url
from tests.factories import artifacts, people, work
from tests.wandb_protocol.asking import Asker

pytestmark = pytest.mark.django_db
_UPSERT = """mutation($entity: String, $name: String, $access: String) {
  upsertModel(input: {entityName: $entity, name: $name, access: $access}) { project { access } inserted } }"""


def key_of(user: User) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"api:{people.api_key(user)}".encode()).decode()}


def shown_as(project: Project, visibility: Visibility, *, by: User) -> Project:
    return update_project(project, by=Actor.person(by), visibility=visibility)


@pytest.mark.parametrize("who", ["mallory", "nobody"])
def test_a_signed_address_ends_with_the_publication(
    client: Client, vision: Project, run: Run, alice: User, mallory: User, who: str
) -> None:
    file = announce_files(run, ["a.txt"])[0].file
    assert file is not None
    store_file(file, io.BytesIO(b"content"))
    shown_as(vision, Visibility.PUBLIC, by=alice)
    actor = Actor.person(mallory) if who == "mallory" else Actor.nobody()
    url = signed_url(DOWNLOAD, base="", actor=actor, file_id=file.public_id)
    assert client.get(url).status_code == 200

    shown_as(vision, Visibility.PRIVATE, by=alice)

    assert client.get(url).status_code in {403, 404}


def test_a_strangers_stream_ends_with_the_openness(
    client: Client, vision: Project, alice: User, mallory: User
) -> None:
    work.run(shown_as(vision, Visibility.OPEN, by=alice), "theirs", by=mallory)
    key = key_of(mallory)

    def stream(offset: int) -> int:
        lines = {"offset": offset, "content": [json.dumps({"loss": 1, "_step": offset})]}
        body = json.dumps({"files": {"wandb-history.jsonl": lines}})
        url = "/files/lab/vision/theirs/file_stream"
        return client.post(url, body, content_type="application/json", headers=key).status_code

    assert stream(0) == 200

    shown_as(vision, Visibility.PUBLIC, by=alice)
    assert stream(1) == 403
    shown_as(vision, Visibility.PRIVATE, by=alice)
    assert stream(1) == 404
    assert Run.objects.get().history_lines == 1


def upsert(client: Client, user: User, name: str, access: str) -> dict[str, object]:
    variables = {"entity": "lab", "name": name, "access": access}
    answer = client.post(
        "/graphql",
        json.dumps({"query": _UPSERT, "variables": variables}),
        content_type="application/json",
        headers=key_of(user),
    )
    found: dict[str, object] = answer.json()
    return found


def test_only_who_may_share_says_who_sees_a_project(
    client: Client, vision: Project, alice: User, bob: User
) -> None:
    assert upsert(client, bob, "vision", "USER_READ").get("errors")
    assert upsert(client, bob, "new", "USER_READ").get("errors")
    assert [each.visibility for each in Project.objects.all()] == ["private"]

    assert not upsert(client, alice, "vision", "USER_READ").get("errors")
    assert not upsert(client, alice, "new", "USER_WRITE").get("errors")
    assert [each.visibility for each in Project.objects.order_by("id")] == ["public", "open"]


def test_a_client_that_has_no_word_to_agree_with_publishes_no_code(
    client: Client, vision: Project, run: Run, alice: User
) -> None:
    choose(run.project.entity, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    announce_files(run, ["code/train.py"])
    file = RunFile.objects.get()
    store_file(file, io.BytesIO(b"print()"))

    refused = json.dumps(upsert(client, alice, "vision", "USER_READ"))

    assert "This would show 1 file with code to everybody." in refused
    assert "settings page" in refused
    assert Project.objects.get().visibility == "private"
    shown_as(vision, Visibility.PUBLIC, by=alice)
    assert not upsert(client, alice, "vision", "USER_WRITE").get("errors")  # shows nothing more
    assert not upsert(client, alice, "vision", "PRIVATE").get("errors")
    assert Project.objects.get().visibility == "private"


def test_a_client_publishes_no_code_that_lies_in_artifacts_either(
    client: Client, vision: Project, alice: User
) -> None:
    by = Actor.person(alice)
    choose(vision.entity, SettingName.CODE_SAVING, True, by=by)
    artifacts.version(vision, "job-of-it", {"wandb-job.json": b"{}"}, by=by, type_name="job")

    refused = json.dumps(upsert(client, alice, "vision", "USER_READ"))

    assert "This would show 1 version of an artifact of code to everybody." in refused
    assert Project.objects.get().visibility == "private"


def test_an_organisation_that_keeps_projects_private_says_so_to_the_client_and_to_rest(
    client: Client, vision: Project, lab: Entity, alice: User
) -> None:
    group = Organisation.objects.create(name="group")
    OrganisationMembership.objects.create(organisation=group, user=alice, role=OrganisationRole.ADMIN)
    Entity.objects.filter(pk=lab.pk).update(organisation=group)
    choose(group, SettingName.PRIVATE_ONLY, True, by=Actor.person(alice))
    words = "The organisation group keeps the projects of its teams to their own people."

    assert words in json.dumps(upsert(client, alice, "vision", "USER_READ"))
    rest = client.patch(
        "/api/v1/projects/lab/vision",
        '{"visibility": "public"}',
        content_type="application/json",
        headers=key_of(alice),
    )
    assert (rest.status_code, rest.json()["code"], rest.json()["detail"]) == (403, "kept_private", words)
    assert Project.objects.get().visibility == "private"


_START = """mutation($input: UpsertBucketInput!) {
  upsertBucket(input: $input) { bucket { project { description runs { edges { node { name config } } } } } } }"""


def test_who_adds_a_run_and_reads_the_others_by_it_is_on_the_record(
    vision: Project, run: Run, alice: User, mallory: User, mal: Asker
) -> None:
    shown_as(vision, Visibility.OPEN, by=alice)
    sent = {"entityName": "lab", "modelName": "vision", "name": "theirs"}
    mal.data(_START.replace("description runs { edges { node { name config } } }", "id"), input=sent)
    read = Event.objects.filter(kind=EventKind.PROJECT_READ, by=mallory.public_id)
    assert not read.exists()

    seen = mal.data(_START, input=sent)["upsertBucket"]["bucket"]["project"]["runs"]["edges"]

    assert len(seen) == 2
    assert read.count() == 1


def test_who_takes_anothers_history_into_a_fork_is_on_the_record(
    vision: Project, run: Run, alice: User, mallory: User, mal: Asker
) -> None:
    shown_as(vision, Visibility.OPEN, by=alice)
    parent = {"branch_point": {"run_id": open_run(run).head.name, "step": 0}}
    config = json.dumps({"_wandb": {"value": parent}})
    sent = {"entityName": "lab", "modelName": "vision", "name": "fork", "config": config}

    mal.data("mutation($input: UpsertBucketInput!) { upsertBucket(input: $input) { inserted } }", input=sent)

    assert Event.objects.filter(kind=EventKind.PROJECT_READ, by=mallory.public_id).count() == 1
