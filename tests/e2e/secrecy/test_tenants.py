"""What is alice's alone: every GraphQL operation and every URL, asked by others with her real names and ids.

Each answer must be the one that they get for names and ids that nobody has, byte for byte, and nothing may change.
"""

from __future__ import annotations

import base64
import difflib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from apps.access.rules import ANYBODY, OPERATOR, SIGNED_IN, url_rules
from apps.wandb_protocol.graphql.engine import schema
from tests.e2e.secrecy.browser import BESIDES, Browser, without_tokens
from tests.e2e.secrecy.conftest import Instance
from tests.e2e.secrecy.door import RUN, Answer, Door, changes, path_of, stored

pytestmark = [pytest.mark.live, pytest.mark.promise("P-23")]

ASKERS = ["bob", "mallory", ""]
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Target:
    """Names and ids as a request may carry them."""

    entity: str
    project: str
    run: str
    file: str
    project_id: str
    run_id: str
    file_id: str
    api_key_id: str

    @property
    def words(self) -> list[str]:
        """What to take out of an answer before two are compared, longest first."""
        return sorted([*vars(self).values(), self.api_key], key=len, reverse=True)

    @property
    def api_key(self) -> str:
        """The key's id as pages have it."""
        return base64.b64decode(self.api_key_id).decode().partition(":")[2]


def client_id(kind: str) -> str:
    letters = "".join(secrets.choice(ALPHABET) for _ in range(20))
    return base64.b64encode(f"{kind}:{letters}".encode()).decode()


@pytest.fixture(scope="module")
def owned(instance: Instance) -> Target:
    """alice's private run, with something of everything in it."""
    alice = instance.door("alice")
    project, run, file = (
        f"{word}-{secrets.token_hex(6)}" for word in ("secretplace", "secretrun", "secretfile")
    )
    bucket = alice.start_run(project, run, notes="for alice only")
    line = '{"loss": 1, "_step": 0}'
    streams = {
        "wandb-history.jsonl": {"offset": 0, "content": [line]},
        "output.log": {"offset": 0, "content": ["hush"]},
    }
    assert alice.stream("alice", project, run, {"files": streams}).status == 200
    alice.upload("alice", project, run, file, b"for alice only")
    found = alice.data(RUN, {"entity": "alice", "project": project, "run": run})["project"]
    key = alice.data("query { viewer { apiKeys { edges { node { id } } } } }")["viewer"]["apiKeys"]["edges"][
        -1
    ]["node"]["id"]
    return Target(
        "alice",
        project,
        run,
        file,
        found["id"],
        bucket["id"],
        found["run"]["files"]["edges"][0]["node"]["id"],
        key,
    )


@pytest.fixture(scope="module")
def absent(owned: Target) -> Target:
    """The like of it that nobody has; the entity exists, for a person's name is no secret."""
    names = [f"{word}-{secrets.token_hex(6)}" for word in ("secretplace", "secretrun", "secretfile")]
    return Target("alice", *names, *(client_id(kind) for kind in ("Project", "Run", "File", "ApiKey")))


@pytest.fixture(scope="module")
def no_entity(absent: Target) -> Target:
    return Target(**{**vars(absent), "entity": f"ghost{secrets.token_hex(3)}"})


# ── GraphQL: one way to call each field that leads somewhere ──

Call = tuple[str, Callable[[Target], dict[str, Any]]]
_OF_RUN = "id name notes config summaryMetrics history(samples: 9) logLines(first: 9) { edges { node { line } } } files { edges { node { directUrl } } }"
CALLS: dict[str, Call] = {
    "Query.viewer": ("query { viewer { username teams { edges { node { name project(name: \"%s\") { id } } } } } }", lambda t: {}),
    "Query.users": ("query($n: String) { users(query: $n) { edges { node { id username apiKeys { edges { node { id name } } } } } } }",
                    lambda t: {"n": t.entity}),
    "Query.serverInfo": ("query { serverInfo { features { name } } }", lambda t: {}),
    "Query.entity": ("query($e: String, $p: String, $r: String!) { entity(name: $e) { id name readOnly project(name: $p) { id run(name: $r) { id } } } }",
                     lambda t: {"e": t.entity, "p": t.project, "r": t.run}),
    "Query.organization": ("query($e: String) { organization(name: $e) { id orgEntity { name } } }", lambda t: {"e": t.entity}),
    "Query.project": (f"query($e: String, $p: String, $r: String!) {{ project(name: $p, entityName: $e) {{ id name runCount run(name: $r) {{ {_OF_RUN} }} runs {{ totalCount }} }} }}",
                      lambda t: {"e": t.entity, "p": t.project, "r": t.run}),
    "Query.model": ("query($e: String, $p: String, $r: String!) { model(name: $p, entityName: $e) { id name bucket(name: $r, missingOk: true) { id config } } }",
                    lambda t: {"e": t.entity, "p": t.project, "r": t.run}),
    "Query.models": ("query($e: String) { models(entityName: $e) { edges { node { id name } } } }", lambda t: {"e": t.entity}),
    "Mutation.upsertBucket": ("mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted bucket { id name config } } }",
                              lambda t: {"i": {"entityName": t.entity, "modelName": t.project, "name": t.run, "notes": "mine now"}}),
    "Mutation.upsertBucket by id": ("mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted bucket { id name config } } }",
                                    lambda t: {"i": {"id": t.run_id, "notes": "mine now"}}),
    "Mutation.upsertBucket new": ("mutation($i: UpsertBucketInput!) { upsertBucket(input: $i) { inserted bucket { id } } }",
                                  lambda t: {"i": {"entityName": t.entity, "modelName": t.project, "name": "another"}}),
    "Mutation.createRunFiles": ("mutation($i: CreateRunFilesInput!) { createRunFiles(input: $i) { runID files { name uploadUrl } } }",
                                lambda t: {"i": {"entityName": t.entity, "projectName": t.project, "runName": t.run, "files": [t.file]}}),
    "Mutation.markRunFilesUploaded": ("mutation($i: MarkRunFilesUploadedInput!) { markRunFilesUploaded(input: $i) { success } }",
                                      lambda t: {"i": {"entityName": t.entity, "projectName": t.project, "runName": t.run, "files": [t.file]}}),
    "Mutation.rewindRun": ("mutation($i: RewindRunInput!) { rewindRun(input: $i) { rewoundRun { id } } }",
                           lambda t: {"i": {"entityName": t.entity, "projectName": t.project, "runName": t.run, "metricName": "_step", "metricValue": 0}}),
    "Mutation.stopRun": ("mutation($i: StopRunInput!) { stopRun(input: $i) { success } }", lambda t: {"i": {"id": t.run_id}}),
    "Mutation.updateRunState": ("mutation($i: UpdateRunStateInput!) { updateRunState(input: $i) { success } }",
                                lambda t: {"i": {"id": t.run_id, "state": "failed"}}),
    "Mutation.notifyScriptableRunAlert": ("mutation($i: NotifyScriptableRunAlertInput!) { notifyScriptableRunAlert(input: $i) { success } }",
                                          lambda t: {"i": {"entityName": t.entity, "projectName": t.project, "runName": t.run, "title": "t", "text": "x"}}),
    "Mutation.upsertModel": ("mutation($i: UpsertModelInput!) { upsertModel(input: $i) { inserted project { id } } }",
                             lambda t: {"i": {"entityName": t.entity, "name": t.project, "description": "mine now", "access": "USER_WRITE"}}),
    "Mutation.upsertModel by id": ("mutation($i: UpsertModelInput!) { upsertModel(input: $i) { inserted project { id } } }",
                                   lambda t: {"i": {"id": t.project_id, "access": "USER_READ"}}),
    "Mutation.deleteRun": ("mutation($i: DeleteRunInput!) { deleteRun(input: $i) { clientMutationId } }", lambda t: {"i": {"id": t.run_id, "clientMutationId": "x"}}),
    "Mutation.deleteModel": ("mutation($i: DeleteModelInput!) { deleteModel(input: $i) { success } }", lambda t: {"i": {"id": t.project_id}}),
    "Mutation.deleteFiles": ("mutation($i: DeleteFilesInput!) { deleteFiles(input: $i) { success } }", lambda t: {"i": {"files": [t.file_id]}}),
    "Mutation.deleteApiKey": ("mutation($i: DeleteApiKeyInput!) { deleteApiKey(input: $i) { success } }", lambda t: {"i": {"id": t.api_key_id}}),
    # Makes a key of the asker's own; there is nothing of anybody else's to name.
    "Mutation.generateApiKey": ("", lambda t: {}),
    # Of artifacts: tests/wandb_protocol/test_artifact_gate.py.
    **{f"Query.{field}": ("", lambda t: {}) for field in ("artifact", "artifactCollection", "clientIDMapping")},
    **{f"Mutation.{act}": ("", lambda t: {}) for act in (
        "addAliases", "commitArtifact", "completeMultipartUploadArtifact", "createArtifact", "createArtifactCollectionTagAssignments", "createArtifactFiles",
        "createArtifactManifest", "deleteAliases", "deleteArtifact", "deleteArtifactCollectionTagAssignments",
        "deleteArtifactSequence", "moveArtifactSequence", "updateArtifact", "updateArtifactManifest",
        "updateArtifactSequence", "useArtifact")},
    # Of looks of charts: tests/wandb_protocol/test_custom_charts.py.
    "Mutation.createCustomChart": ("", lambda t: {}),
    # Of links and registries: tests/wandb_protocol/test_linking.py, tests/mutations/registries.py.
    **{f"Mutation.{act}": ("", lambda t: {}) for act in (
        "linkArtifact", "unlinkArtifact", "updateArtifactPortfolio", "deleteArtifactPortfolio", "renameProject",
        "createProjectMembers", "deleteProjectMembers", "updateProjectMember", "updateProjectTeamMember")},
    # Of teams, of which there are none here: tests/wandb_protocol/test_members.py.
    **{f"Mutation.{act}": ("", lambda t: {}) for act in ("createTeam", "createInvite", "deleteInvite", "createServiceAccount")},
}  # fmt: skip
REACHES_OTHERS = [name for name, (query, _) in CALLS.items() if query]


def test_every_way_into_the_schema_is_tried_here() -> None:
    """A field that is added to Query or Mutation must be added above as well."""
    known = {name.split(" ")[0] for name in CALLS}
    roots = {f"{kind}.{field}" for kind in ("Query", "Mutation") for field in schema().type_map[kind].fields}  # type: ignore[attr-defined]
    assert roots == known


def call(door: Door, name: str, target: Target) -> Answer:
    query, variables = CALLS[name]
    return door.graphql(query.replace("%s", target.project), variables(target))


def shown(answered: Answer, target: Target) -> tuple[int, str]:
    text = answered.body.decode()
    for word in target.words:
        text = text.replace(word, "…")
    return answered.status, text


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("name", REACHES_OTHERS)
def test_graphql_tells_no_difference(
    name: str, asker: str, unbroken: Instance, owned: Target, absent: Target, no_entity: Target
) -> None:
    door, rows = unbroken.door(asker), stored(unbroken.data)
    real = call(door, name, owned)
    assert shown(real, owned) == shown(call(door, name, absent), absent)
    assert shown(real, owned) == shown(call(door, name, no_entity), no_entity), (
        "nor whether the entity exists"
    )
    assert (
        b"alice only" not in real.body and b"storage" not in real.body and b'"success":true' not in real.body
    )
    assert changes(rows, stored(unbroken.data)) == []


@pytest.mark.parametrize("name", REACHES_OTHERS)
def test_the_same_calls_work_for_their_owner(name: str, unbroken: Instance) -> None:
    """Otherwise the test above would compare two answers to a call that nobody can make."""
    bob = unbroken.door("bob")  # not alice: one of the calls makes the project public
    project, run, file = (f"{word}-{secrets.token_hex(4)}" for word in ("place", "run", "file"))
    bucket = bob.start_run(project, run)
    bob.upload("bob", project, run, file, b"x")
    made = bob.data('mutation { generateApiKey(input: {description: "x"}) { apiKey { id } } }')[
        "generateApiKey"
    ]["apiKey"]
    found = bob.data(RUN, {"entity": "bob", "project": project, "run": run})["project"]["run"]
    file_id = found["files"]["edges"][0]["node"]["id"]
    target = Target("bob", project, run, file, bucket["project"]["id"], bucket["id"], file_id, made["id"])
    answered = call(bob, name, target)
    assert answered.status == 200 and not answered.messages, answered.body[:400]
    if name != "Query.organization":
        assert None not in answered.json["data"].values()


# ── URLs of the client's door ──


def protocol_requests(target: Target) -> Iterator[tuple[str, str, bytes | None]]:
    body = (
        b'{"files": {"output.log": {"offset": 0, "content": ["mine now"]}}, "complete": true, "exitcode": 0}'
    )
    yield "POST", f"/files/{target.entity}/{target.project}/{target.run}/file_stream", body
    yield "GET", f"/storage/files/{target.file_id}", None
    yield "HEAD", f"/storage/files/{target.file_id}", None
    yield "GET", f"/storage/files/{target.run_id}", None
    yield "GET", f"/artifactsV2/default/{target.entity}/{target.project}/{target.run}/x/y/{target.file}", None


@pytest.mark.parametrize("asker", ASKERS)
def test_the_clients_urls_tell_no_difference(
    asker: str, unbroken: Instance, owned: Target, absent: Target, no_entity: Target
) -> None:
    door, rows = unbroken.door(asker), stored(unbroken.data)
    for other in (absent, no_entity):
        for (method, path, body), (_, other_path, _) in zip(
            protocol_requests(owned), protocol_requests(other), strict=True
        ):
            real, ghost = door.ask(method, path, body), door.ask(method, other_path, body)
            assert shown(real, owned) == shown(ghost, other), path
            assert real.status in {401, 404}
            assert same_headers(real, ghost)
    assert changes(rows, stored(unbroken.data)) == []


def same_headers(one: Answer, other: Answer) -> bool:
    # `connection` is the web server's word on how much of the body had come by then.
    varying = {"x-request-id", "date", "content-length", "connection"}
    first, second = (
        {name: each.headers[name] for name in each.headers.keys() - varying} for each in (one, other)
    )
    return first == second


# ── pages ──


def routes() -> dict[str, list[str]]:
    """The named pages and the names of their parameters, in order."""
    found: dict[str, list[str]] = {}

    def walk(patterns: list[URLPattern | URLResolver], space: str) -> None:
        for each in patterns:
            if isinstance(each, URLResolver):
                inner = f"{space}{each.namespace}:" if each.namespace else space
                walk(each.url_patterns, inner)
            elif each.name:
                found[f"{space}{each.name}"] = list(each.pattern.regex.groupindex) or list(
                    each.pattern.converters
                )

    walk(get_resolver("config.urls").url_patterns, "")
    return found


# Everything that leads to somebody's things by a name or id in the address: pages, and the REST API.
_OTHER_DOORS = ("admin:", "wandb_protocol:", "account_", "api:", "components")
ROUTES = routes()
PAGES = {name: found for name, found in ROUTES.items() if found and not name.startswith(_OTHER_DOORS)}
API = {name: found for name, found in ROUTES.items() if found and name.startswith("api:")}


def address(name: str, target: Target) -> str:
    known = BESIDES | {"entity": target.entity, "project": target.project, "run": target.run, "name": target.file,
             "file": target.file, "public_id": target.api_key, "key": target.api_key, "account": target.api_key, "hook": target.api_key, "url": f"no/such/{target.project}", "which": "config"}  # fmt: skip
    parameters = ROUTES[name]
    unknown = set(parameters) - set(known)
    assert not unknown, f"teach this test what {sorted(unknown)} of the page {name!r} may be"
    try:
        return reverse(
            name, kwargs={parameter: known[parameter] for parameter in parameters}, urlconf="config.urls"
        )
    except NoReverseMatch:
        pytest.fail(f"no address for {name}")


@pytest.fixture(scope="module")
def browsers(instance: Instance) -> dict[str, Browser]:
    """One browser that is signed in as somebody with nothing, and one that is not."""
    stranger = Browser(instance.server.url)
    stranger.sign_up(f"stranger{secrets.token_hex(3)}")
    assert stranger.is_signed_in
    return {"stranger": stranger, "nobody": Browser(instance.server.url)}


@pytest.mark.parametrize("who", ["stranger", "nobody"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_tell_no_difference(
    name: str,
    who: str,
    unbroken: Instance,
    browsers: dict[str, Browser],
    owned: Target,
    absent: Target,
    no_entity: Target,
) -> None:
    browser, rows = browsers[who], stored(unbroken.data)
    methods = {method for route, method in url_rules() if route == name}
    assert methods, f"{name} has no access rule"
    for method in sorted(methods | {"GET", "POST"}):
        real = visit(browser, method, address(name, owned), owned)
        for other in (absent, no_entity):
            ghost = visit(browser, method, address(name, other), other)
            assert real == ghost, "\n".join(
                difflib.unified_diff(real[1].split("> "), ghost[1].split("> "), lineterm="", n=0)
            )
        status, text = real
        assert status in {302, 403, 404, 405}, (method, status)
        assert "alice only" not in text
    now = stored(unbroken.data)
    assert [change for change in changes(rows, now) if "django_session" not in change] == []


def visit(browser: Browser, method: str, path: str, target: Target) -> tuple[int, str]:
    if method == "POST":
        answered = browser.submit(path, {"x": "y"}, page="/sign-out" if browser.is_signed_in else "/sign-in")
    else:
        answered = browser.session.request(method, browser.url + path, timeout=60, allow_redirects=False)
    text = answered.headers.get("Location", "") + without_tokens(answered.text)
    for word in target.words:
        text = text.replace(word, "…")
    return answered.status_code, re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("asker", ASKERS)
def test_the_rest_api_tells_no_difference(
    asker: str, unbroken: Instance, owned: Target, absent: Target, no_entity: Target
) -> None:
    door, rows = unbroken.door(asker), stored(unbroken.data)
    body = b'{"description": "mine now", "notes": "mine now", "state": "failed", "rows": [{"loss": 1}]}'
    for name in API:
        for method in sorted({method for route, method in url_rules() if route == name} | {"DELETE"}):
            sent = None if method in {"GET", "HEAD"} else body

            def answer(
                target: Target, name: str = name, method: str = method, sent: bytes | None = sent
            ) -> Answer:
                return door.ask(method, address(name, target), sent, {"Content-Type": "application/json"})

            real = answer(owned)
            for other in (absent, no_entity):
                assert shown(real, owned) == shown(answer(other), other), (method, name)
            assert real.status in {401, 404, 405}, (method, name, real.status)
            assert b"alice only" not in real.body
    assert changes(rows, stored(unbroken.data)) == []


def test_operators_pages_are_for_operators(unbroken: Instance, browsers: dict[str, Browser]) -> None:
    for path in ("/admin/", "/admin/runs/run/", "/admin/accounts/user/", "/admin/projects/project/"):
        for browser in browsers.values():
            answered = browser.get(path)
            assert answered.status_code == 302 and "alice" not in answered.text
    open_to_all = {
        name for (name, _), rule in url_rules().items() if name.startswith("admin:") and rule != OPERATOR
    }
    assert open_to_all <= {"admin:login"}
    signing_in = browsers["nobody"].get("/admin/login/")
    assert signing_in.headers["Location"].startswith("/sign-in"), "the page that counts wrong passwords"


# A token opens an invitation, a mailed link how far an erasure is; a provider's name leads away to the provider.
OPEN_WITHOUT_A_THING = {
    "closed-account",
    "closed-account-receipt",
    "closed-account-now",
    "closed-account-restore",
    "invitation",
    "provider-start",
}


def test_no_page_is_open_to_everybody_by_oversight() -> None:
    for name in PAGES:
        for (route, _method), rule in url_rules().items():
            if route == name:
                assert rule != ANYBODY or name in OPEN_WITHOUT_A_THING
                # One's own rows by their ids; whoever has the token of an invitation may take it.
                assert (
                    rule != SIGNED_IN
                    or name == "invitation"
                    or set(PAGES[name]) <= {"erasure", "export", "hook", "job", "public_id", "pk"}
                )


# ── time ──

SAMPLES, ROUNDS = 25, 8


@pytest.mark.parametrize(
    "name",
    ["Query.project", "Mutation.upsertBucket", "Mutation.upsertBucket by id", "Mutation.createRunFiles"],
)
def test_how_long_it_takes_tells_little(
    name: str, unbroken: Instance, owned: Target, absent: Target, mallory: Door
) -> None:
    """Not a proof: it fails when one answer does work that the other does not, such as opening what it will not show."""
    asked = (lambda: call(mallory, name, owned), lambda: call(mallory, name, absent))
    require_as_quick(*asked, within=lambda least: max(0.004, 0.6 * least))


def test_file_stream_takes_as_long_for_what_is_not_there(
    unbroken: Instance, owned: Target, absent: Target, mallory: Door
) -> None:
    body = {"files": {"output.log": {"offset": 0, "content": ["x"] * 2000}}}

    def send(target: Target) -> Callable[[], Answer]:
        return lambda: mallory.stream(target.entity, target.project, target.run, body)

    require_as_quick(send(owned), send(absent), within=lambda _least: 0.02)


def require_as_quick(*asked: Callable[[], Answer], within: Callable[[float], float]) -> None:
    """The shortest of many answers to each, asked in turns. Work lengthens every answer; what else a busy machine does
    lengthens most of them, so where the two differ they are asked again."""
    least = [float("inf")] * len(asked)
    for _ in range(ROUNDS):
        for _ in range(SAMPLES):
            least = [min(shortest, ask().seconds) for shortest, ask in zip(least, asked, strict=True)]
        if max(least) - min(least) < within(min(least)):
            return
    pytest.fail(f"the shortest answers took {least} seconds")


def test_a_file_link_of_alice_says_nothing_of_her(unbroken: Instance, owned: Target) -> None:
    """A link is an opaque word: whoever sees it in a proxy's log learns no name from it."""
    alice = unbroken.door("alice")
    found = alice.data(RUN, {"entity": "alice", "project": owned.project, "run": owned.run})["project"]["run"]
    link = path_of(found["files"]["edges"][0]["node"]["directUrl"])
    opened = base64.urlsafe_b64decode(link.rsplit("/", 1)[1].split(":")[0] + "==")
    for word in (owned.project, owned.run, owned.file, "alice"):
        assert word not in link and word.encode() not in opened
