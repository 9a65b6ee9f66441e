"""Every way in by GraphQL, from the schema: each field with its rule, on a thing that is asked for first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from apps.access.policy import Permission
from apps.access.rules import PARENT, graphql_rules
from apps.core import jsontext
from apps.wandb_protocol.graphql.engine import schema
from apps.wandb_protocol.ids import to_client
from tests.e2e.secrecy.test_tenants import CALLS
from tests.matrix.asking import Ask, Door, Level, Way, filled
from tests.matrix.world import Asker, Target, World

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
# Of artifacts, how one of each type is come by in a project: by names so short that the engine keeps what it made of them.
OF_ARTIFACTS = {
    "Artifact": ('artifact(name: "ds:v0")',),
    "ArtifactCollection": ('artifactCollection(name: "ds")',),
    "ArtifactCollectionMembership": ('artifactCollectionMembership(name: "ds:v0")',),
    "ArtifactSequence": ('artifact(name: "ds:v0")', "artifactSequence"),
    "ArtifactType": ('artifactType(name: "dataset")',),
}
MAY_BE_NULL = {"Artifact.createdBy"}  # no run made it
ARGUMENTS = {
    "name": "{run}",
    "aliasName": "latest",
    "specs": ['{"keys": ["loss"], "samples": 5}'],
    "Entity.project.name": "{project}",
    "Project.artifact.name": "ds:latest",
    "Project.artifactCollection.name": "ds",
    "Project.artifactCollectionMembership.name": "ds:v0",
    "Project.artifactType.name": "dataset",
    "ArtifactType.artifactCollection.name": "ds",
}
# What is asked for as everybody in other files.
ELSEWHERE = {
    "tests/mutations/client.py": """
        Query.artifact Query.artifactCollection Query.clientIDMapping Query.models
        Mutation.addAliases Mutation.commitArtifact Mutation.completeMultipartUploadArtifact Mutation.createArtifact
        Mutation.createArtifactCollectionTagAssignments Mutation.createArtifactFiles Mutation.createArtifactManifest
        Mutation.createCustomChart Mutation.deleteAliases Mutation.deleteArtifact Mutation.deleteArtifactCollectionTagAssignments
        Mutation.deleteArtifactSequence Mutation.moveArtifactSequence Mutation.updateArtifact Mutation.updateArtifactManifest
        Mutation.updateArtifactSequence Mutation.useArtifact
    """,
    "tests/mutations/registries.py": """
        ArtifactPortfolio.aliases ArtifactPortfolio.artifactMembership ArtifactPortfolio.artifacts
        Mutation.createProjectMembers Mutation.deleteArtifactPortfolio Mutation.deleteProjectMembers Mutation.linkArtifact
        Mutation.renameProject Mutation.unlinkArtifact Mutation.updateArtifactPortfolio Mutation.updateProjectMember
        Mutation.updateProjectTeamMember
    """,
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

    wanted = _arguments(full, inner)
    given = ", ".join(f"{argument}: ${argument}" for argument in wanted)
    declared = "".join(f"${argument}: {inner.args[argument].type}, " for argument in wanted)
    # One text for all places: what it means is found out once.
    text = query.format(name + (f"({given})" if given else "") + selection(inner))
    text = text.replace("query(", f"query({declared}", 1)

    def ask(world: World, target: Target, _: Asker) -> Ask:
        said = target.as_the_client_says()
        args = {argument: filled(words, said) for argument, words in wanted.items()}
        return _graphql(text, args | {"e": said.entity, "p": said.project, "r": said.run})

    also = (Permission.ENTITY_READ,) if is_team and level is Level.PROJECT else ()
    # A fact may be null for everybody, and is then known by what stands above it.
    answer = (*above, name) if level is Level.PROJECT and isinstance(rule, Permission) else above
    return Way(full, "POST", Door.CLIENT, needed, level, ask, also=also, fields=(full,), answer=answer)


def _arguments(full: str, inner: GraphQLField) -> dict[str, Any]:
    """What a field has to be given."""
    return {
        argument: ARGUMENTS.get(f"{full}.{argument}", ARGUMENTS.get(argument))
        for argument, facts in inner.args.items()
        if isinstance(facts.type, GraphQLNonNull) or f"{full}.{argument}" in ARGUMENTS
    }


def group_ways() -> Iterator[Way]:
    """Fields of artifacts: those of one type under one permission are asked for together, and each has to answer."""
    for parent, steps in OF_ARTIFACTS.items():
        kind = schema().type_map[parent]
        assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        groups: dict[Permission, dict[str, GraphQLField]] = {}
        for name, inner in kind.fields.items():
            rule = graphql_rules()[f"{parent}.{name}"]
            if isinstance(rule, Permission):
                groups.setdefault(rule, {})[f"{parent}.{name}"] = inner
        for permission, fields in groups.items():
            yield _group_way(f"{parent} {permission}", permission, steps, fields)


def _bare(full: str, inner: GraphQLField) -> str:
    given = ", ".join(f"{key}: {jsontext.dumps(value)}" for key, value in _arguments(full, inner).items())
    below = "" if is_leaf_type(get_named_type(inner.type)) else " { __typename }"
    return full.partition(".")[2] + (f"({given})" if given else "") + below


def _group_way(label: str, permission: Permission, steps: tuple[str, ...], fields: dict[str, GraphQLField]) -> Way:  # fmt: skip
    wanted = " ".join(_bare(full, inner) for full, inner in fields.items())
    path = "".join(f" {{ {step}" for step in ("project(name: $p, entityName: $e)", *steps))
    text = f"query($e: String, $p: String){path} {{ {wanted}{' }' * (len(steps) + 2)}"

    def ask(world: World, target: Target, _: Asker) -> Ask:
        return _graphql(text, {"e": target.entity, "p": target.project})

    return Way(
        label,
        "POST",
        Door.CLIENT,
        permission,
        Level.PROJECT,
        ask,
        fields=tuple(fields),
        answer=("project", *(step.partition("(")[0] for step in steps)),
        beside=tuple(full.partition(".")[2] for full in fields if full not in MAY_BE_NULL),
    )


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

        yield Way(label, "POST", Door.CLIENT, permission, level, ask, is_run, fields=(full,), answer=(full.split(".")[1],),
                  is_new=label.startswith("Mutation.upsertModel") or label == "Mutation.upsertBucket new")  # fmt: skip


def _level(rule: Permission) -> Level:
    return Level.TEAM if rule in _OF_A_TEAM else Level.PROJECT


def _graphql(query: str, variables: dict[str, Any]) -> Ask:
    return Ask("POST", "/graphql", jsontext.dumps({"query": query, "variables": variables}).encode())
