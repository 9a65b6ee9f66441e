"""A key that was given less than its person has, at the client's door."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from textwrap import dedent

import pytest
from django.template.loader import render_to_string

from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.queries import actor_for_signature
from apps.accounts.services import KeyTerms, issue_api_key
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from apps.teams.services import KeyWanted, create_team, found_team, make_key
from apps.wandb_protocol.ids import to_client
from tests.live import API_KEY, LiveServer
from tests.servers import free_port
from tests.wandb_protocol.asking import UPSERT, Asker, Json
from tests.wandb_protocol.client import WandbClient

GENERATE = "mutation { generateApiKey(input: {}) { apiKey { id name } } }"
DELETE = "mutation D($id: String!) { deleteApiKey(input: {id: $id}) { success } }"
MODEL = 'query { project(name: "vision", entityName: "lab") { name } }'
PUBLISH = 'mutation { upsertModel(input: {entityName: "lab", name: "vision", access: "USER_READ"}) { model { name } } }'


def with_key(user: User, scope: Scope, only: Entity | None = None) -> Asker:
    terms = KeyTerms(scope=scope, only_entity=only.pk if only else None)
    return Asker(issue_api_key(user, by=Actor.person(user), terms=terms)[1])


def start(entity: str, project: str = "vision") -> Json:
    return {"input": {"entityName": entity, "modelName": project, "name": "fresh"}}


def reasons(answer: Json) -> str:
    return " ".join(error["message"] for error in answer.get("errors", []))


@pytest.mark.parametrize(
    ("scope", "logs", "publishes", "makes_keys"),
    [("read", False, False, False), ("write", True, False, False), ("admin", True, True, True)],
)
def test_what_a_key_may_do_by_its_scope(
    alice: User, vision: Project, scope: str, logs: bool, publishes: bool, makes_keys: bool
) -> None:
    asker = with_key(alice, Scope(scope))

    assert asker.ask(MODEL)["data"]["project"] == {"name": "vision"}
    assert ("errors" not in asker.ask(UPSERT, **start("lab"))) is logs
    assert ("errors" not in asker.ask(PUBLISH)) is publishes
    assert ("errors" not in asker.ask(GENERATE)) is makes_keys
    assert Run.objects.filter(project=vision).exists() is logs
    vision.refresh_from_db()
    assert (vision.visibility == "public") is publishes


def test_a_key_that_only_reads_is_told_so(alice: User, vision: Project) -> None:
    answer = with_key(alice, Scope.READ).ask(UPSERT, **start("lab"))

    assert "the scope read of this API key does not" in reasons(answer)


def test_a_key_for_one_entity_is_nobody_elsewhere(alice: User, bob: User, vision: Project) -> None:
    other = create_team("other", admin=alice, by=Actor.person(alice))
    asker = with_key(alice, Scope.ADMIN, only=other)

    assert asker.ask(MODEL)["data"]["project"] is None
    assert "errors" in asker.ask(UPSERT, **start("lab"))
    assert "errors" in asker.ask(UPSERT, **start("alice", "mine"))
    assert "errors" not in asker.ask(UPSERT, **start("other", "theirs"))
    assert "errors" in asker.ask(GENERATE)
    assert asker.ask("{ viewer { apiKeys { edges { node { id } } } } }")["data"]["viewer"]["apiKeys"] == {
        "edges": []
    }


def test_a_key_cannot_make_or_end_keys_or_found_teams_with_less_than_all(alice: User, lab: Entity) -> None:
    key, _ = issue_api_key(alice, by=Actor.person(alice))
    for terms in (KeyTerms(Scope.READ), KeyTerms(Scope.WRITE), KeyTerms(Scope.ADMIN, only_entity=lab.pk)):
        made, secret = issue_api_key(alice, by=Actor.person(alice), terms=terms)
        actor = Actor.person(alice, api_key=made)

        refused = Asker(secret).ask(DELETE, id=to_client("ApiKey", key.public_id))
        assert "scope admin" in reasons(refused)
        for act in (lambda: make_key(actor, KeyWanted()), lambda: found_team("new", by=actor)):  # noqa: B023
            with pytest.raises(Exception, match="scope admin"):
                act()
    key.refresh_from_db()
    assert key.revoked_at is None
    assert not Entity.objects.filter(name="new").exists()


def test_a_link_of_a_key_has_no_more_than_the_key(alice: User, lab: Entity) -> None:
    key, _ = issue_api_key(alice, by=Actor.person(alice), terms=KeyTerms(Scope.READ, only_entity=lab.pk))

    actor = actor_for_signature(alice.public_id, key.public_id)

    assert actor is not None
    assert (actor.scope, actor.only_entity) == (Scope.READ, lab.pk)
    ApiKey.objects.update(expires_at=key.created_at)
    assert actor_for_signature(alice.public_id, key.public_id) is None


# ── With the real client and real processes ──

READ_ONLY = "r" * 40
ISSUE = """
import django; django.setup()
from apps.access.policy import Scope
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import KeyTerms, issue_api_key
user = User.objects.get(username="alice")
issue_api_key(user, by=Actor.system(), secret=SECRET, terms=KeyTerms(Scope.READ))
"""
A_PROJECT = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.services import create_project
alice = Actor.person(User.objects.get(username="alice"))
create_project(alice, entity="alice", name="read-by-the-lines")
"""
REVOKE = """
import django; django.setup()
from apps.accounts.models import ApiKey
from apps.accounts.actors import Actor
from apps.accounts.queries import actor_for_api_key
from apps.accounts.services import revoke_api_key
actor = actor_for_api_key(SECRET)
revoke_api_key(Actor(audit_id=actor.audit_id, user_id=actor.user_id), actor.api_key)
"""


@pytest.mark.live
@pytest.mark.embedded  # about what the client makes of an answer
@pytest.mark.xdist_group("wandb client")
def test_the_client_is_told_that_its_key_only_reads_and_does_not_try_again(
    server: LiveServer, client_of_alice: WandbClient
) -> None:
    server.python("-c", f"SECRET = {READ_ONLY!r}\n" + ISSUE)
    client_of_alice.key = READ_ONLY

    done = client_of_alice.run(
        dedent(
            """
        began = time.monotonic()
        try:
            wandb.init(project="read-only", settings=FAST)
        except Exception as error:
            tell(error=str(error), seconds=time.monotonic() - began)
        """
        )
        + lines_for_reading(server)
        + "\ntell(read=[project.name for project in api.projects('alice')])"
    )

    assert "the scope read of this API key does not" in done.told["error"]
    assert done.told["seconds"] < 60
    assert "read-by-the-lines" in done.told["read"]  # beside what other tests of this server have logged


def lines_for_reading(server: LiveServer) -> str:
    """What the page of a new key that reads tells to run, where there is something to read."""
    server.python("-c", A_PROJECT)
    page = render_to_string(
        "components/snippet_read.html", {"base_url": server.url, "secret": READ_ONLY, "entity": "alice"}
    )
    lines = re.search(r'class="pane python".*?<pre[^>]*>(.*?)</pre>', page, re.DOTALL)
    assert lines is not None
    return "\n" + unescape(re.sub(r"<[^>]+>", "", lines[1]))


# Somebody of a team, and what an admin does about them from another process.
HAND = "h" * 40
A_TEAM = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.services import create_project
from apps.teams.services import add_member, create_account_with_key, create_team
from apps.teams.types import MemberRole
alice = User.objects.get(username="alice")
hand, _ = create_account_with_key("temp", email="temp@example.com", by=Actor.system(), secret=SECRET)
add_member(create_team("shift", admin=alice, by=Actor.person(alice)), hand, role=MemberRole.MEMBER)
create_project(Actor.person(alice), entity="shift", name="joint")
"""
AN_ACT = """
import django; django.setup()
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.models import Entity
from apps.teams.services import change_role, remove_member
from apps.teams.types import MemberRole
team, by = Entity.objects.get(name="shift"), Actor.person(User.objects.get(username="alice"))
"""


@pytest.fixture(scope="module")
def ports(server: LiveServer) -> Iterator[tuple[int, int]]:
    """Those of two processes over the same data, both of which answer before anything changes."""
    port = free_port()
    second = subprocess.Popen(
        server.web_command(port=port), env=server.env, start_new_session=True, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            try:
                asked(port, API_KEY, VIEWER)
                break
            except OSError:
                time.sleep(0.2)
        yield server.port, port
    finally:
        second.terminate()
        second.wait(20)


VIEWER = "{ viewer { username } }"
JOINT = 'query { project(name: "joint", entityName: "shift") { name } }'


def asked(port: int, key: str, query: str, **variables: Json) -> tuple[int, Json]:
    """The status of the answer, and what it holds."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query, "variables": variables}).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": "Basic " + base64.b64encode(f"api:{key}".encode()).decode(),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status), json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {}


@pytest.mark.live
@pytest.mark.xdist_group("wandb client")
def test_a_revoked_key_is_refused_by_every_process_at_the_next_request(
    server: LiveServer, ports: tuple[int, int]
) -> None:
    secret = "t" * 40
    server.python("-c", f"SECRET = {secret!r}\n" + ISSUE)
    assert [asked(each, secret, VIEWER)[0] for each in ports] == [200, 200]

    server.python("-c", f"SECRET = {secret!r}\n" + REVOKE)

    assert [asked(each, secret, VIEWER)[0] for each in ports] == [401, 401]
    assert [asked(each, API_KEY, VIEWER)[0] for each in ports] == [200, 200]


@pytest.mark.live
@pytest.mark.xdist_group("wandb client")
def test_another_role_and_being_taken_out_hold_in_every_process_at_the_next_request(
    server: LiveServer, ports: tuple[int, int]
) -> None:
    def may() -> list[tuple[bool, bool]]:
        """By each process: do they see the project, and do they log there?"""
        return [
            (
                asked(each, HAND, JOINT)[1]["data"]["project"] is not None,
                "errors" not in asked(each, HAND, UPSERT, **start("shift", "joint"))[1],
            )
            for each in ports
        ]

    server.python("-c", f"SECRET = {HAND!r}\n" + A_TEAM)
    assert may() == [(True, True), (True, True)]

    server.python("-c", AN_ACT + 'change_role(team, "temp", MemberRole.VIEWER, by=by)')
    assert may() == [(True, False), (True, False)]

    server.python("-c", AN_ACT + 'remove_member(team, "temp", by=by)')
    assert may() == [(False, False), (False, False)]
