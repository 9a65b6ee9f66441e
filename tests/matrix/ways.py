"""Every way in, from the code: each URL with its rule, each GraphQL field with its rule, and what to send there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
)

from apps.access.policy import Permission
from apps.access.rules import OPERATOR, PARENT, SHARE_LINK, SIGNED_IN, SIGNED_URL, graphql_rules, rules_of_url
from apps.core import jsontext
from apps.wandb_protocol.graphql.engine import schema
from apps.wandb_protocol.ids import to_client
from apps.wandb_protocol.signing import signed_url
from tests.e2e.secrecy.test_tenants import CALLS, ROUTES
from tests.matrix import stored
from tests.matrix.world import Asker, Target, World

FORM = "application/x-www-form-urlencoded"


class Door(StrEnum):
    WEB = "web"
    REST = "api"
    CLIENT = "client"  # the wandb client's: GraphQL, file stream, storage


class Level(StrEnum):
    """What the thing is that the rule is asked about."""

    PROJECT = "project"
    TEAM = "team"
    ORGANISATION = "organisation"
    NAME_OF_ORGANISATION = "name of an organisation"  # told to the people of its teams as well
    OWN = "own"  # only the asker's, or nobody's


@dataclass(frozen=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: bytes = b""
    kind: str = "application/json"


@dataclass(frozen=True)
class Way:
    name: str
    method: str
    door: Door
    rule: Permission | str
    level: Level
    ask: Callable[[World, Target, Asker], Ask]
    is_run: bool = False  # about one run: whoever added it may do more with it
    also: tuple[Permission, ...] = ()  # of the team, besides
    answer: tuple[str, ...] = ()  # where in the data of a GraphQL answer the field stands
    is_new: bool = False  # makes what is not there
    is_said: bool = False  # which permission it takes depends on what is sent
    fine: frozenset[int] = frozenset()  # other answers than 2xx and 3xx that come from past the gate
    is_signed: bool = False  # whoever has the address uses it without a key
    is_begun: bool = False  # of what is being uploaded: it is there for nobody but those who may upload to it

    @property
    def label(self) -> str:
        return f"{self.door} {self.method} {self.name}"

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"} and not self.name.startswith(("Query.", "Project.", "Run."))


# ── what to send ──

Words = Mapping[str, Any]
# What a form says, by the name of its URL. `{…}` is a name of the target's.
FORMS: dict[str, Words] = {
    "project-tag": {"runs": "{run_id}", "tag": "x"},
    "project-stop": {"runs": "{run_id}"},
    "project-erase": {"name": "{project}"},
    "project-erase-runs": {"runs": "{run_id}"},
    "project-settings": {"visibility": "restricted"},
    "project-publish": {"visibility": "public", "agreed": "on"},
    "project-description": {"description": "x"},
    "project-person": {"username": "una", "role": "viewer"},
    "project-person-remove": {"username": "bob"},
    "project-link": {"label": "x", "days": "7"},
    "project-link-revoke": {"link": "{link_id}"},
    "project-retention": {"keep": "never"},
    "artifact-edit": {"name": "ds", "type_name": "dataset"},
    "artifact-erase": {"name": "ds", "what": "all"},
    "run-log": {"key": "loss", "value": "1"},
    "run-log-rows": {"rows": "loss\n1"},
    "run-log-summary": {"summary": "best = 1"},
    "run-state": {"state": "finished"},
    "run-edit": {"notes": "x"},
    "team-hand-over": {"to": "bob"},
    "team-invite": {"role": "member"},
    "team-role": {"role": "viewer"},
    "team-services": {"name": "x", "role": "member"},
    "team-service-role": {"role": "viewer"},
    "team-code-saving": {"name": "code_saving", "on": "on"},
    "team-code-erase": {"agreed": "on"},
    "team-privacy": {"default_visibility": "restricted"},
    "team-retention": {"keep": "never"},
    "team-system-metadata": {"system_metadata": "none"},
    "organisation-hand-over": {"to": "bob"},
    "organisation-invite": {"role": "member"},
    "organisation-role": {"role": "admin"},
    "organisation-settings": {"name": "code_saving", "value": "off"},
    "organisation-add-team": {"team": "lab"},
}
BODIES: dict[tuple[str, str], Any] = {
    ("api:project", "PATCH"): {"description": "x"},
    ("api:runs", "POST"): {"notes": "x"},
    ("api:services", "POST"): {"name": "x", "role": "member"},
    ("api:service-keys", "POST"): {"name": "x"},
    ("api:run", "PATCH"): {"notes": "x"},
    ("api:run-config", "PUT"): {"lr": 1},
    ("api:run-summary", "PUT"): {"best": 1},
    ("api:run-secrets-dismiss", "POST"): {"ids": []},
    ("api:run-history", "POST"): {"rows": [{"loss": 1}]},
    ("wandb_protocol:file_stream", "POST"): {"files": {"output.log": {"offset": 1, "content": ["x"]}}},
}
QUERIES = {
    "-series": "key=loss",
    "-ridge": "key=loss",
    "-histogram": "key=loss",
    "run-histograms": "",
    "project-erase-runs": "runs={run_id}",
    "project-compare": "run={run_id}",
    "project-compare-code": "runs={run_id}",
    "project-compare-csv": "run={run_id}",
    "project-compare-media": "runs={run_id}",
}
# Past the gate these say something else than 2xx: a last admin stays; a.txt is no picture, nothing is a histogram or media;
# who does not say what they saw of a version has seen another.
FINE: dict[str, frozenset[int]] = {
    "artifact-version-edit": frozenset({400}),
    "run-file-image": frozenset({404}),
    "run-histogram": frozenset({400, 404}),
    "run-media-mask": frozenset({400}),
    "run-media-panel": frozenset({400}),
    "run-media-table": frozenset({400}),
    "run-ridge": frozenset({400, 404}),
    "team-leave": frozenset({409}),
    "wandb_protocol:download_by_digest": frozenset(
        {404}
    ),  # tests/wandb_protocol/test_artifact_gate.py has one that is there
    "organisation-leave": frozenset({409}),
}
PERSON = {"team": "una", "organisation": "bob"}


def filled(words: Any, target: Target) -> Any:
    if isinstance(words, str):
        return words.format(**vars(target)) if re.search(r"{\w+}", words) else words
    return {key: filled(value, target) for key, value in words.items()} if isinstance(words, dict) else words


def kwargs_of(world: World, name: str, target: Target) -> dict[str, Any]:
    place = "organisation" if name.startswith("organisation") else "team"
    known = vars(target) | {
        "name": target.file,
        "which": "config",
        "person": PERSON[place],
        "public_id": world.ids["service"] if "-service" in name else world.ids[f"{place} invitation"],
        "key": world.ids["service key"],
        "account": world.ids["service"],
        "secret": world.secrets["private project"],
        "collection": "ds",
        "kind": "dataset",
        "version": "v0",
        "region": "default",
        "rest": "x",
    }
    if name == "organisation-let-team-go":
        known["entity"] = "lab"
    if name == "wandb_protocol:download":
        known["file_id"] = target.file_id
    return {parameter: known[parameter] for parameter in ROUTES[name]}


def address(world: World, name: str, target: Target) -> str:
    path = reverse(name, kwargs=kwargs_of(world, name, target), urlconf="config.urls")
    query = next((words for end, words in QUERIES.items() if name.endswith(end)), "")
    return f"{path}?{filled(query, target)}" if query else path


def body_of(name: str, method: str, target: Target) -> tuple[bytes, str]:
    if method in {"GET", "HEAD"}:
        return b"", "application/json"
    if (name, method) in BODIES:
        return jsontext.dumps(BODIES[name, method]).encode(), "application/json"
    if name == "api:run-file":
        return b"bytes", "application/octet-stream"
    if name == "artifact-new":
        fields = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in (("name", "by-hand"), ("type_name", "dataset"))
        )
        part = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="b.txt"\r\n\r\nbytes\r\n--x--\r\n'
        )
        return fields.encode() + part, "multipart/form-data; boundary=x"
    if name == "run-upload":
        part = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="b.txt"\r\n\r\nbytes\r\n--x--\r\n'
        )
        return part, "multipart/form-data; boundary=x"
    if ":" in name:
        return b"{}", "application/json"
    return urlencode(filled(FORMS.get(name, {}), target)).encode(), FORM


# ── URLs ──


def door_of(name: str) -> Door:
    return {"api": Door.REST, "wandb_protocol": Door.CLIENT}.get(name.partition(":")[0], Door.WEB)


def level_of(name: str) -> Level:
    parameters = ROUTES[name]
    if "project" in parameters or "file_id" in parameters:
        return Level.PROJECT
    if "organisation" in parameters:
        return Level.ORGANISATION
    return Level.TEAM if "entity" in parameters else Level.OWN


def url_ways() -> Iterator[Way]:
    """Every URL under a permission, by each method but HEAD, which runs the view of GET."""
    for name in ROUTES:
        for method, rule in rules_of_url(name).items():
            if isinstance(rule, Permission) and method != "HEAD" and name != "entity":
                yield _way(name, method, rule)


def _way(name: str, method: str, rule: Permission) -> Way:
    def ask(world: World, target: Target, _: Asker) -> Ask:
        return Ask(method, address(world, name, target), *body_of(name, method, target))

    is_run = bool({"run", "file_id"} & set(ROUTES[name])) or name == "project-erase-runs"
    also = (Permission.ENTITY_ADMIN,) if name == "organisation-add-team" else ()
    fine = FINE.get(name, frozenset())
    return Way(name, method, door_of(name), rule, level_of(name), ask, is_run, also=also, fine=fine)


def _own(name: str, path: str, *, door: Door = Door.WEB) -> Way:
    return Way(name, "GET", door, SIGNED_IN, Level.OWN, lambda world, target, asker: Ask("GET", path))


def list_ways() -> Iterator[Way]:
    """Pages and answers that list things: everybody gets one, and in it what they may see and nothing else."""
    for name in ROUTES:
        if rules_of_url(name).get("GET") in {SIGNED_IN, OPERATOR} and not ROUTES[name]:
            path = reverse(name, urlconf="config.urls")
            yield _own(name, path + ("?q=mark-" if name == "find" else ""), door=door_of(name))
    yield Way("entity", "GET", Door.WEB, "anybody", Level.OWN, lambda w, t, a: Ask("GET", "/lab"))
    yield _own("find in a project", "/find?q=mark-&in=lab/restricted-place")
    yield _own("projects of the team", "/api/v1/projects?entity=lab", door=Door.REST)


# ── acts whose permission lies in what is sent ──


def sent_ways() -> Iterator[Way]:
    """The rule of these URLs is SIGNED_IN or a lesser permission: what the body says decides."""

    def rest(method: str, path: str, body: Any) -> Callable[[World, Target, Asker], Ask]:
        return lambda w, t, a: Ask(method, filled(path, t), jsontext.dumps(filled(body, t)).encode())

    project = "/api/v1/projects/{entity}/{project}"
    yield Way("api:project visibility", "PATCH", Door.REST, Permission.PROJECT_SHARE, Level.PROJECT,
              rest("PATCH", project, {"visibility": "private"}), is_said=True)  # fmt: skip
    yield Way("api:projects new", "POST", Door.REST, Permission.PROJECT_CREATE, Level.TEAM,
              rest("POST", "/api/v1/projects", {"entity": "{entity}", "name": "made"}), is_said=True)  # fmt: skip
    yield Way("api:projects new, shared", "POST", Door.REST, Permission.PROJECT_SHARE, Level.TEAM,
              rest("POST", "/api/v1/projects", {"entity": "{entity}", "name": "made", "visibility": "public"}), is_said=True)  # fmt: skip


def signed_ways() -> Iterator[Way]:
    """Addresses that carry a right: made for the asker, used by whoever has them."""

    def ask(kind: str, led: Callable[[Target], str], sent: bytes) -> Callable[[World, Target, Asker], Ask]:
        def made(world: World, target: Target, asker: Asker) -> Ask:
            url = signed_url(kind, base="", actor=asker.actor, file_id=led(target))
            return Ask(kind.partition(" ")[0], url, sent, "application/octet-stream")

        return made

    for kind, (permission, led, sent) in stored.KINDS.items():
        method, _, thing = kind.partition(" ")
        yield Way(f"{SIGNED_URL} {thing}".strip(), method, Door.CLIENT, permission, Level.PROJECT, ask(kind, led, sent),
                  is_run=True, is_signed=True, is_begun=kind in stored.BEGUN)  # fmt: skip


# ── GraphQL ──

BIG = frozenset(
    {
        *("Project", "Run", "File", "User", "Entity", "Organization"),
        *(
            "Artifact",
            "ArtifactCollection",
            "ArtifactCollectionMembership",
            "ArtifactSequence",
            "ArtifactType",
        ),
        *("ArtifactCollectionConnection", "ArtifactConnection", "ArtifactCreator", "ArtifactTypeConnection"),
    }
)
PARENTS = {
    "Project": ("query($e: String, $p: String) {{ project(name: $p, entityName: $e) {{ {} }} }}", ("project",)),
    "Run": ("query($e: String, $p: String, $r: String!) {{ project(name: $p, entityName: $e) {{ run(name: $r) {{ {} }} }} }}",
            ("project", "run")),
    "File": ("query($e: String, $p: String, $r: String!) {{ project(name: $p, entityName: $e) {{ run(name: $r) {{ files {{ edges {{ node {{ {} }} }} }} }} }} }}", ("project", "run", "files", "edges", "0", "node")),
    "Entity": ("query($e: String) {{ entity(name: $e) {{ {} }} }}", ("entity",)),
}  # fmt: skip
ARGUMENTS = {
    "name": "{run}",
    "specs": ['{"keys": ["loss"], "samples": 5}'],
    "Entity.project.name": "{project}",
    "Project.artifact.name": "ds:latest",
    "Project.artifactCollection.name": "ds",
    "Project.artifactCollectionMembership.name": "ds:v0",
    "Project.artifactType.name": "dataset",
}
# What one call needs besides the rule of its field.
NEEDS: dict[str, tuple[Permission, Level, bool]] = {
    "Query.organization": (Permission.ENTITY_READ, Level.NAME_OF_ORGANISATION, False),
    "Mutation.upsertBucket": (Permission.RUN_WRITE, Level.PROJECT, True),  # the run is there
    "Mutation.upsertBucket by id": (Permission.RUN_WRITE, Level.PROJECT, True),
    "Mutation.upsertBucket new": (Permission.RUN_CREATE, Level.PROJECT, False),
    "Mutation.upsertModel": (Permission.PROJECT_SHARE, Level.PROJECT, False),  # it changes who may see it
    "Mutation.deleteModel": (Permission.PROJECT_ERASE, Level.PROJECT, False),
    "Mutation.upsertModel by id": (Permission.PROJECT_SHARE, Level.PROJECT, False),
    "Mutation.upsertModel named": (Permission.PROJECT_READ, Level.PROJECT, False),
    "Mutation.upsertModel named by id": (Permission.PROJECT_READ, Level.PROJECT, False),
}
_OF_A_TEAM = {Permission.ENTITY_READ, Permission.ENTITY_ADMIN}


def selection(field_of: GraphQLField) -> str:
    """Everything that is a plain fact of this field's type; not what leads on to other things."""
    kind = get_named_type(field_of.type)
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        return " { __typename }"
    if not isinstance(kind, GraphQLObjectType):
        return ""
    wanted = []
    for name, inner in kind.fields.items():
        target = get_named_type(inner.type)
        if any(isinstance(arg.type, GraphQLNonNull) for arg in inner.args.values()):
            continue
        if isinstance(target, GraphQLScalarType | GraphQLEnumType):
            wanted.append(name)
        elif target.name not in BIG | {"Member"} or name == "node":
            wanted.append(name + selection(inner))
    return " { " + " ".join(wanted) + " }"


def field_ways() -> Iterator[Way]:
    """Fields that lead from one thing to another, on a thing that is asked for first."""
    rules = graphql_rules()
    for parent, (query, above) in PARENTS.items():
        kind = schema().type_map[parent]
        assert isinstance(kind, GraphQLObjectType)
        for name, inner in kind.fields.items():
            full = f"{parent}.{name}"
            leads = isinstance(get_named_type(inner.type), GraphQLObjectType)
            if rules[full] == PARENT and not leads:
                continue
            yield _field_way(full, inner, query, above)


def _field_way(full: str, inner: GraphQLField, query: str, above: tuple[str, ...]) -> Way:
    parent, _, name = full.partition(".")
    rule = graphql_rules()[full]
    is_team = parent == "Entity"
    needed = (
        rule if isinstance(rule, Permission) else Permission.ENTITY_READ if is_team else Permission.RUN_READ
    )
    level = Level.TEAM if is_team and needed in _OF_A_TEAM else Level.PROJECT

    def ask(world: World, target: Target, _: Asker) -> Ask:
        said = target.as_the_client_says()
        args = {
            argument: filled(ARGUMENTS.get(f"{full}.{argument}", ARGUMENTS.get(argument)), said)
            for argument, facts in inner.args.items()
            if isinstance(facts.type, GraphQLNonNull) or f"{full}.{argument}" in ARGUMENTS
        }
        words = ", ".join(f"{key}: {jsontext.dumps(value)}" for key, value in args.items())
        text = query.format(f"{name}{f'({words})' if words else ''}{selection(inner)}")
        return _graphql(text, {"e": said.entity, "p": said.project, "r": said.run})

    also = (Permission.ENTITY_READ,) if is_team and level is Level.PROJECT else ()
    # A fact may be null for everybody, and is then known by what stands above it.
    answer = (*above, name) if level is Level.PROJECT and isinstance(rule, Permission) else above
    return Way(full, "POST", Door.CLIENT, needed, level, ask, also=also, answer=answer)


_MORE_CALLS: dict[str, Any] = {
    "Mutation.createInvite": (
        "mutation($i: CreateInviteInput!) { createInvite(input: $i) { invite { id } } }",
        lambda t: {"i": {"entityName": t.entity, "email": "somebody@example.com"}},
    ),
    "Mutation.deleteInvite": (
        "mutation($i: DeleteInviteInput!) { deleteInvite(input: $i) { success } }",
        lambda t: {"i": {"entityName": t.entity, "id": to_client("Invitation", t.invitation)}},
    ),
    # Naming a project and changing nothing is asking for it.
    "Mutation.upsertModel named": (
        "mutation($i: UpsertModelInput!) { upsertModel(input: $i) { inserted project { id } } }",
        lambda t: {"i": {"entityName": t.entity, "name": t.project}},
    ),
    "Mutation.upsertModel named by id": (
        "mutation($i: UpsertModelInput!) { upsertModel(input: $i) { inserted project { id } } }",
        lambda t: {"i": {"id": t.project_id}},
    ),
    "Mutation.createServiceAccount": (
        "mutation($i: CreateServiceAccountInput!) { createServiceAccount(input: $i) { user { id } } }",
        lambda t: {"i": {"entityName": t.entity, "description": "x"}},
    ),
}


def call_ways() -> Iterator[Way]:
    """Query and Mutation, by the calls that are also tried from outside on a whole instance."""
    for label, (query, variables) in (CALLS | _MORE_CALLS).items():
        full = label.split(" ")[0]
        rule = graphql_rules()[full]
        if not query or not isinstance(rule, Permission) or full == "Query.models":
            continue
        permission, level, is_run = NEEDS.get(label, (rule, _level(rule), full.startswith("Mutation.")))

        def ask(
            world: World, target: Target, _: Asker, query: str = query, variables: Any = variables
        ) -> Ask:
            said = target.as_the_client_says()
            if "organization(" in query:
                said = Target(**vars(said) | {"entity": said.organisation})
            return _graphql(query.replace("%s", said.project), variables(said))

        yield Way(label, "POST", Door.CLIENT, permission, level, ask, is_run, answer=(full.split(".")[1],),
                  is_new=label.startswith("Mutation.upsertModel") or label == "Mutation.upsertBucket new")  # fmt: skip


def _level(rule: Permission) -> Level:
    return Level.TEAM if rule in _OF_A_TEAM else Level.PROJECT


def _graphql(query: str, variables: dict[str, Any]) -> Ask:
    return Ask("POST", "/graphql", jsontext.dumps({"query": query, "variables": variables}).encode())


def project_ways() -> list[Way]:
    """Everything that the table decides about: what the rows and columns are crossed with."""
    return [
        way
        for ways in (url_ways(), sent_ways(), signed_ways(), field_ways(), call_ways())
        for way in ways
        if way.rule != SHARE_LINK
    ]
