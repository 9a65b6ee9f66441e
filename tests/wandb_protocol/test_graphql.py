from __future__ import annotations

import base64
import json

import pytest
from django.db import OperationalError

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import revoke_api_key
from apps.projects.models import Project
from apps.runs.models import Run
from tests.wandb_protocol.asking import UPSERT, Asker

pytestmark = pytest.mark.django_db

VIEWER = "query Viewer { viewer { id entity username email flags teams { edges { node { name } } } } }"


def test_viewer_names_the_person_and_keeps_the_email(ann: Asker, lab: object) -> None:
    viewer = ann.data(VIEWER)["viewer"]

    assert viewer.pop("id")
    assert viewer == {
        "entity": "alice",
        "username": "alice",
        "email": "",
        "flags": '{"code_saving_enabled": false}',
        "teams": {"edges": [{"node": {"name": "alice"}}, {"node": {"name": "lab"}}]},
    }


def test_viewer_is_null_without_a_key(db: None) -> None:
    assert Asker().data(VIEWER) == {"viewer": None}


@pytest.mark.parametrize(
    "header",
    [
        "Basic !!",
        "Basic " + base64.b64encode(b"api:" + b"x" * 40).decode(),
        "Bearer abc",
        "Basic",
        "Basic " + "a" * 5000,
    ],
)
def test_wrong_key_is_401_in_the_form_the_client_prints(db: None, header: str) -> None:
    response = Asker().post("/graphql", b"{}", Authorization=header)

    assert response.status_code == 401
    assert response.json()["errors"][0]["message"] == "This API key is unknown or has been revoked."


def test_revoked_key_is_401(ann: Asker, alice: User) -> None:
    revoke_api_key(Actor.person(alice), alice.api_keys.get().public_id)

    assert ann.post("/graphql", json.dumps({"query": VIEWER}).encode()).status_code == 401


def test_empty_operation_name_means_none(ann: Asker) -> None:
    body = {"query": "#graphql\n query A { viewer { username } }", "operationName": ""}

    assert ann.post("/graphql", json.dumps(body).encode()).json()["data"]["viewer"]["username"] == "alice"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"query":1}',
        b'{"query":"{viewer{id}}","variables":[1]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_bodies_that_are_no_request_are_400(ann: Asker, body: bytes) -> None:
    response = ann.post("/graphql", body)

    assert (response.status_code, bool(response.json()["errors"])) == (400, True)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("query {", "cannot be read"),
        ("{ nonsense }", "Cannot query field"),
        ("{ viewer { id } }" + " " * 10 + "query B { viewer { id } }", "anonymous operation"),
        ("{ a" + "{ a" * 50 + "}" * 50 + "}", "levels deep"),
        ("{ viewer { " + " ".join(f"a{i}: id" for i in range(1000)) + " } }", "at most"),
        ("{ viewer { " + " ".join(f"a{i}: id" for i in range(5000)) + " } }", "token"),
        (
            "mutation { createFilterTrigger(input: {a: 1}) { id } }",
            "Automations and integrations are not available",
        ),
        ("mutation { upsertSweep(input: {a: 1}) { sweep { name } } }", "Sweeps are not available"),
    ],
)
def test_documents_that_cannot_run_get_a_plain_error(ann: Asker, query: str, says: str) -> None:
    assert says in ann.error(query)


def test_a_body_of_ten_megabytes_is_taken(ann: Asker) -> None:
    answer = ann.data(
        UPSERT, input={"name": "big", "modelName": "demo", "config": json.dumps({"x": "y" * 10_000_000})}
    )

    assert answer["upsertBucket"]["inserted"] is True


def test_a_run_is_asked_for_with_ten_megabytes_of_words(ann: Asker) -> None:
    """As `wandb verify` does, to see whether a proxy lets them through."""
    ann.start("r1")
    query = """query($p: String!, $r: String!, $d: String!) {
      project(entityName: "alice", name: $p) { run(name: $r, desc: $d) { name summaryMetrics } } }"""

    assert ann.data(query, p="demo", r="r1", d="a" * 10**7)["project"]["run"]["name"] == "r1"
    assert ann.data(query, p="none", r="", d="a")["project"] is None


def test_a_body_of_twenty_megabytes_is_413(ann: Asker) -> None:
    assert ann.post("/graphql", b" " * 20_000_000).status_code == 413


def test_upsert_makes_a_private_project_and_a_run(ann: Asker) -> None:
    bucket = ann.start("r1", config='{"lr":{"value":0.1}}')

    assert bucket["project"] == {"name": "demo", "entity": {"name": "alice"}}
    assert (bucket["name"], bucket["config"], bucket["historyLineCount"]) == ("r1", '{"lr":{"value":0.1}}', 0)
    assert bucket["displayName"]
    assert Project.objects.get().visibility == "private"


def test_upsert_again_leaves_what_is_null(ann: Asker) -> None:
    before = ann.start("r1", displayName="first", config='{"a":{"value":1}}')

    after = ann.start("r1")

    assert after == before
    assert Run.objects.count() == 1


def test_upsert_without_a_project_is_uncategorized(ann: Asker) -> None:
    assert ann.start("r1", project=None)["project"]["name"] == "uncategorized"  # type: ignore[arg-type]


def test_upsert_keeps_numbers_and_drops_the_machine(ann: Asker) -> None:
    config = '{"a":{"value":NaN},"_wandb":{"value":{"code_path":"code/x.py","e":{"w":{"host":"h","program":"/home/u/x.py"}}}}}'

    bucket = ann.start("r1", config=config, host="h", jobProgram="/home/u/x.py", jobRepo="git@x")

    assert bucket["config"] == '{"a":{"value":NaN},"_wandb":{"value":{"e":{"w":{"program":"x.py"}}}}}'


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"config": "[]"}, "config"),
        ({"config": "{"}, "JSON"),
        ({"summaryMetrics": "3"}, "summary"),
        ({"state": "dancing"}, "state"),
        ({"name": "../x"}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"name": "x" * 500}, "name"),
        ({"modelName": "a/b"}, "project"),
        ({"id": "UnVuOm5vbmU="}, "no such run"),
        ({"id": "' OR 1=1"}, "no such run"),
        ({"tags": ["x"] * 2000}, "tags"),
        ({"config": '{"_wandb":{"value":{"branch_point":{"run_id":"none","step":1}}}}'}, "fork"),
        ({"config": '{"_wandb":{"value":{"branch_point":{"run_id":1}}}}'}, "fork"),
    ],
)
def test_upsert_refuses_bad_input_and_stores_nothing(ann: Asker, sent: dict[str, object], says: str) -> None:
    message = ann.error(UPSERT, input={"name": "r1", "modelName": "demo"} | sent)

    assert says in message
    assert Run.objects.count() == 0


@pytest.mark.parametrize("name", ["naïve-日本", "emoji-😀", "rtl-\u202eabc", "a'b\"c", "x;y", "a b"])
def test_odd_names_are_names(ann: Asker, name: str) -> None:
    assert ann.start(name)["name"] == name


def test_outsider_cannot_tell_private_from_missing(ann: Asker, mal: Asker) -> None:
    bucket = ann.start("secret", project="hidden")
    query = (
        'query($p: String, $r: String!) { project(name: $p, entityName: "alice") { run(name: $r) { name } } }'
    )

    assert mal.ask(query, p="hidden", r="secret") == mal.ask(query, p="missing", r="secret")
    hidden = mal.ask(UPSERT, input={"entityName": "alice", "modelName": "hidden", "name": "secret"})
    missing = mal.ask(UPSERT, input={"entityName": "alice", "modelName": "missing", "name": "secret"})
    nobody = mal.ask(UPSERT, input={"entityName": "nobody-at-all", "modelName": "missing", "name": "secret"})
    assert hidden["errors"] == missing["errors"]
    assert nobody["data"] == {"upsertBucket": None}
    foreign = mal.ask(UPSERT, input={"id": bucket["id"], "notes": "mine now"})
    unknown = mal.ask(UPSERT, input={"id": base64.b64encode(b"Run:nothing").decode(), "notes": "mine now"})
    assert foreign["errors"] == unknown["errors"]


def test_admin_header_is_no_authority(ann: Asker, mal: Asker) -> None:
    ann.start("secret", project="hidden")
    body = {"query": '{ project(name: "hidden", entityName: "alice") { name } }'}
    more = {"Use-Admin-Privileges": "true", "X-Wandb-Username": "alice"}

    assert mal.post("/graphql", json.dumps(body).encode(), **more).json() == {"data": {"project": None}}


def test_session_cookie_is_no_authority(alice: User) -> None:
    asker = Asker()
    asker.http.force_login(alice)

    assert asker.data(VIEWER) == {"viewer": None}


def test_viewer_role_may_look_and_not_touch(ann: Asker, vera: User, lab: object) -> None:
    from tests.factories import people

    ann.start("r1", entity="lab")
    asker = Asker(people.api_key(vera))

    assert asker.data(
        '{ project(name:"demo", entityName:"lab") { readOnly run(name:"r1") { name readOnly } } }'
    ) == {"project": {"readOnly": True, "run": {"name": "r1", "readOnly": True}}}
    assert "role" in asker.error(
        UPSERT, input={"entityName": "lab", "modelName": "demo", "name": "r1", "notes": "x"}
    )


def test_storage_that_is_away_is_503(ann: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("apps.wandb_protocol.graphql.upsert_bucket.start_run", locked)

    response = ann.post(
        "/graphql",
        json.dumps({"query": UPSERT, "variables": {"input": {"name": "r", "modelName": "p"}}}).encode(),
    )

    assert (response.status_code, response["Retry-After"]) == (503, "2")


def test_unforeseen_error_tells_nothing(ann: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("canary-content")

    monkeypatch.setattr("apps.wandb_protocol.graphql.upsert_bucket.start_run", broken)

    assert "canary" not in json.dumps(ann.ask(UPSERT, input={"name": "r", "modelName": "p"}))


def test_api_key_is_shown_once(ann: Asker) -> None:
    made = ann.data("mutation { generateApiKey(input: {}) { apiKey { id name } } }")["generateApiKey"][
        "apiKey"
    ]
    listed = ann.data("{ viewer { apiKeys { edges { node { id name } } } } }")["viewer"]["apiKeys"]["edges"]
    names = {edge["node"]["id"]: edge["node"]["name"] for edge in listed}

    assert Asker(made["name"]).data("{ viewer { username } }") == {"viewer": {"username": "alice"}}
    assert names[made["id"]] == "…" + made["name"][-4:]

    ann.data("mutation($id: String!) { deleteApiKey(input: {id: $id}) { success } }", id=made["id"])
    assert Asker(made["name"]).post("/graphql", b"{}").status_code == 401


def test_server_says_what_it_has(db: None) -> None:
    info = Asker().data(
        "{ serverInfo { features { name isEnabled } cliVersionInfo latestLocalVersionInfo { outOfDate } } }"
    )

    assert info["serverInfo"]["cliVersionInfo"] == {"min_cli_version": "0.28.0", "max_cli_version": "0.31.0"}
    assert all(feature["isEnabled"] for feature in info["serverInfo"]["features"])


def test_projects_by_page(ann: Asker, mal: Asker) -> None:
    for name in ("a", "b", "c"):
        ann.start("r", project=name)
    query = """query($after: String) { models(entityName: "alice", first: 2, after: $after) {
        edges { node { name } } pageInfo { endCursor hasNextPage } } }"""

    first = ann.data(query)["models"]
    second = ann.data(query, after=first["pageInfo"]["endCursor"])["models"]

    assert [edge["node"]["name"] for edge in first["edges"] + second["edges"]] == ["c", "b", "a"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert mal.data(query)["models"]["edges"] == []


def test_create_project_is_private_unless_asked(ann: Asker, mal: Asker) -> None:
    make = """mutation($input: UpsertModelInput!) { result: upsertModel(input: $input) {
        inserted project { name access entityName description } } }"""

    made = ann.data(make, input={"name": "p", "entityName": "alice"})["result"]
    changed = ann.data(
        make, input={"name": "p", "entityName": "alice", "access": "USER_READ", "description": "d"}
    )["result"]

    assert made == {
        "inserted": True,
        "project": {"name": "p", "access": "PRIVATE", "entityName": "alice", "description": ""},
    }
    assert (changed["inserted"], changed["project"]["access"], changed["project"]["description"]) == (
        False,
        "USER_READ",
        "d",
    )
    assert mal.data('{ project(name:"p", entityName:"alice") { name readOnly } }') == {
        "project": {"name": "p", "readOnly": True}
    }
    assert mal.error(make, input={"name": "p", "entityName": "alice", "access": "PRIVATE"})


def test_large_body_is_read_for_those_with_a_key_only(ann: Asker) -> None:
    body = json.dumps({"query": "{ viewer { id } }", "variables": {"x": "y" * 200_000}}).encode()

    assert ann.post("/graphql", body).status_code == 200
    assert Asker().post("/graphql", body).status_code == 413
