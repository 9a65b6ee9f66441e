"""A registry of the institute, and a portfolio in the public project, as everybody asks for them.

In the registry lie a version of the private project and one of the restricted project; bob is a member of it. In the
portfolio lies the version of the private project.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.test import Client

from apps.access.policy import Permission, Role, Visibility, allows
from apps.accounts.actors import Actor
from apps.api.throttling import counts
from apps.artifacts.models import Collection, Link, Version
from apps.artifacts.queries import (
    get_registry,
    holders,
    links,
    may_make_registries,
    members_of_registry,
    portfolios_in,
    registries_of,
    registries_to_link_to,
    sums_of,
)
from apps.artifacts.services import create_registry, link_version, may_unlink, update_registry
from apps.artifacts.services.linking import require_unprotected
from apps.audit.models import Event
from apps.core import jsontext
from apps.core.errors import OwnlogError
from apps.projects.models import Project, ProjectMember
from apps.projects.services import name_in_registry
from apps.projects.types import RegistryRole
from apps.teams.models import Entity
from apps.teams.queries import seen_organisation
from apps.wandb_protocol.ids import to_client
from tests.factories import artifacts, people, work
from tests.factories.people import basic

if TYPE_CHECKING:
    from tests.matrix.world import Asker, Place, World
    from tests.mutations.direct import Scene

P = Permission
PRIVATE, RESTRICTED, PUBLIC = "private project", "restricted project", "public project"
YES, FORBIDDEN, NOTHING = "yes", "forbidden", "not_found"
_NAME = "wandb-registry-shelf"
Call = Callable[["Scene", "Place", "Asker"], Any]


def make(world: World) -> dict[str, str]:
    by = Actor.person(world.users["alice"])
    shelf = create_registry(world.institute, name="shelf", by=by)
    update_registry(shelf, by=by, protected=["kept"])
    name_in_registry(shelf, world.users["bob"], role=RegistryRole.MEMBER, by=by)
    for place in (PRIVATE, RESTRICTED):
        made = artifacts.version(_project(world, place), "linked", {"a.txt": b"words"}, by=by)
        link_version(made, shelf, name="shown", aliases=[], by=by)
    public = _project(world, PUBLIC)
    link_version(_data(world, PRIVATE), public, name="chosen", aliases=[], by=by)
    return {"registry": shelf.public_id}


def _project(world: World, place: str) -> Project:
    return Project.objects.select_related("entity").get(public_id=world.place(place).target.project_id)


def _data(world: World, place: str) -> Version:
    rows = Version.objects.select_related("collection__project__entity")
    linked = rows.filter(links__collection__project__entity__kind="org")
    project = world.place(place).target.project_id
    return linked.distinct().get(collection__project__public_id=project)


def _shelf(s: Scene) -> Project:
    return Project.objects.select_related("entity").get(public_id=s.ids["registry"])


def _shown(s: Scene) -> Collection:
    """The collection of the registry."""
    return links.links_there().filter(collection__project=_shelf(s)).earliest("id").collection


def _lab(s: Scene) -> Entity:
    return _project(s.world, PRIVATE).entity


def role(asker: Asker) -> Role:
    """What they are in the registry, said here and not asked of the code."""
    if not asker.actor.is_signed_in:
        return Role.NOBODY
    if asker.actor.only_entity is not None:
        return Role.STRANGER
    if asker.organisation is Role.ADMIN:
        return Role.ADMIN
    if asker.actor.username == "bob":
        return Role.MEMBER
    return Role.VIEWER if _is_inside(asker) else Role.STRANGER


def _is_inside(asker: Asker) -> bool:
    return asker.entity in {Role.ADMIN, Role.MEMBER, Role.VIEWER}


def may(asker: Asker, permission: Permission) -> bool:
    held = role(asker)
    return allows(permission, role=held, visibility=Visibility.PRIVATE, scope=asker.scope, in_registry=True)


def _should(permission: Permission) -> Call:
    def should(s: Scene, _: Place, asker: Asker) -> str:
        if may(asker, permission):
            return YES
        return FORBIDDEN if may(asker, P.PROJECT_READ) else NOTHING

    return should


def _told(call: Callable[[], Any]) -> str:
    try:
        call()
    except OwnlogError as error:
        return error.code
    return YES


def _reads(asker: Asker, s: Scene, place: str) -> bool:
    return asker.may(P.FILE_READ, s.world.place(place))


def _in(asker: Asker, s: Scene, permission: Permission, place: str) -> str:
    held = s.world.place(place)
    if asker.may(permission, held):
        return YES
    return FORBIDDEN if asker.may(P.PROJECT_READ, held) else NOTHING


# ── queries and services ──


def _read_in(project: Callable[[Scene], Project], name: str) -> Call:
    return lambda s, p, a: _told(lambda: links.get_link_in(a.actor, project=project(s), name=name))


def _chosen(s: Scene) -> list[Link]:
    rows = links.links_there().filter(collection__project__public_id=s.world.place(PUBLIC).target.project_id)
    return list(rows)


def _by_id(s: Scene, _: Place, asker: Asker) -> str:
    wanted = _data(s.world, RESTRICTED).public_id
    return _told(lambda: links.read_version(asker.actor, public_id=wanted))


def _noted(s: Scene, _: Place, asker: Asker) -> int:
    """A stranger whose own team is in the institute reads by the registry: the lab is told."""
    if asker.name != "stranger":
        return 1
    team = people.team("annex", admin=s.user(asker.actor.username))
    type(team).objects.filter(pk=team.pk).update(organisation=s.world.institute)
    version = _data(s.world, PRIVATE)
    links.read_version(asker.actor, public_id=version.public_id)
    seen = Event.objects.filter(kind="project.read", project=version.collection.project.public_id)
    return sum(each.facts.get("via") == "registry" for each in seen)


def _noted_of_a_list(s: Scene, _: Place, asker: Asker) -> int:
    """The same of what is listed: those who are nothing in the lab are seen by it, and its own people are not."""
    version = _data(s.world, PRIVATE)
    links.note_listed(asker.actor, [version, version])
    seen = Event.objects.filter(kind="project.read", project=version.collection.project.public_id)
    return sum(each.facts.get("via") == "registry" and each.by == asker.actor.audit_id for each in seen)


def _hidden_is_named(s: Scene, _: Place, asker: Asker) -> bool:
    shelf = _shelf(s)
    ProjectMember.objects.create(project=shelf, user=s.hidden, role=RegistryRole.VIEWER, is_outsider=False)
    return s.hidden.pk in {each.user_id for each in members_of_registry(asker.actor, shelf)}


def _protected(s: Scene, _: Place, asker: Asker) -> str:
    return _told(lambda: require_unprotected(_shelf(s), ["kept"], asker.actor))


def _linked(place: str) -> Call:
    return lambda s, p, a: _told(
        lambda: link_version(_data(s.world, place), _shelf(s), name="more", aliases=[], by=a.actor)
    )


def _should_create(s: Scene, _: Place, asker: Asker) -> str:
    if asker.actor.only_entity is not None or asker.organisation not in {Role.ADMIN, Role.VIEWER}:
        return NOTHING
    return YES if allows(P.ENTITY_ADMIN, role=asker.organisation, scope=asker.scope) else FORBIDDEN


def _sees_institute(s: Scene, _: Place, asker: Asker) -> str:
    return YES if _is_inside(asker) or role(asker) in {Role.ADMIN, Role.MEMBER, Role.VIEWER} else NOTHING


# ── the client ──


def _asked(asker: Asker, query: str, **variables: Any) -> Any:
    headers = {"Authorization": basic(asker.key)} if asker.key else {}
    counts.forget()
    body = jsontext.dumps({"query": query, "variables": variables})
    answer = Client(raise_request_exception=False).post(
        "/graphql", body, content_type="application/json", headers=headers
    )
    return jsontext.loads(answer.content)


def _act(name: str, kind: str, sent: Callable[[Scene], dict[str, Any]]) -> Call:
    def heard(s: Scene, _: Place, asker: Asker) -> str:
        query = f"mutation($i: {kind}!) {{ {name}(input: $i) {{ __typename }} }}"
        errors = _asked(asker, query, i=sent(s)).get("errors")
        return str(errors[0]["extensions"]["code"]) if errors else YES

    return heard


def _spoken(should: Call) -> Call:
    """Whoever has no key says nothing to this door but as nobody; a link in the browser is none here."""
    return lambda s, p, a: should(s, p, replace(a, has_link=False)) if a.key else NOTHING


def _link_input(s: Scene, *, entity: str = "institute", project: str = _NAME) -> dict[str, Any]:
    named = to_client("Artifact", _data(s.world, PRIVATE).public_id)
    return {
        "artifactID": named,
        "artifactPortfolioName": "shown",
        "entityName": entity,
        "projectName": project,
    }


def _should_link(s: Scene, _: Place, asker: Asker) -> str:
    if not (_reads(asker, s, PRIVATE) or may(asker, P.FILE_READ)):
        return NOTHING
    in_registry = _should(P.FILE_WRITE)(s, _, asker)
    return in_registry if in_registry != YES else _in(asker, s, P.FILE_WRITE, PRIVATE)


def _link_to_own(s: Scene, _: Place, asker: Asker) -> str:
    """A stranger links what they may not read into a project of their own."""
    if asker.name != "stranger":
        return f"{NOTHING} 0"
    user = s.user(asker.actor.username)
    work.project(user.username, "own", by=user)
    act = _act(
        "linkArtifact", "LinkArtifactInput", lambda s: _link_input(s, entity=user.username, project="own")
    )
    heard = act(s, _, asker)
    return f"{heard} {Link.objects.filter(collection__project__entity__user=user).count()}"


def _unlink_input(s: Scene) -> dict[str, Any]:
    link = Link.objects.get(collection__project__public_id=s.ids["registry"], number=0)
    return {
        "artifactID": to_client("Artifact", link.version.public_id),
        "artifactPortfolioID": to_client("ArtifactPortfolio", link.collection.public_id),
    }


def _alias_input(s: Scene) -> dict[str, Any]:
    place = {"entityName": "institute", "projectName": _NAME, "artifactCollectionName": "shown"}
    return {"artifactID": _unlink_input(s)["artifactID"], "aliases": [place | {"alias": "good"}]}


def _origin(s: Scene, _: Place, asker: Asker) -> str:
    """Whether one is told where that was made which one reads in the registry: a version of the restricted project."""
    query = """query($e: String, $p: String) { project(entityName: $e, name: $p) {
      artifactCollectionMembership(name: "shown:v1") { artifact { artifactSequence { project { name } } } } } }"""
    project = _asked(asker, query, e="institute", p=_NAME)["data"]["project"]
    if project is None:
        return NOTHING
    found = project["artifactCollectionMembership"]["artifact"]["artifactSequence"]["project"]
    return "told" if found else "not told"


def _should_be_told(s: Scene, _: Place, asker: Asker) -> str:
    if not may(asker, P.FILE_READ):
        return NOTHING
    return "told" if _reads(asker, s, RESTRICTED) else "not told"


def _members(s: Scene, _: Place, asker: Asker) -> set[str]:
    query = """query($id: ID!) { artifact(id: $id) {
      artifactMemberships { edges { node { artifactCollection { name } } } } } }"""
    found = _asked(asker, query, id=to_client("Artifact", _data(s.world, PRIVATE).public_id))["data"][
        "artifact"
    ]
    edges = found["artifactMemberships"]["edges"] if found else []
    return {edge["node"]["artifactCollection"]["name"] for edge in edges}


def _should_be_members(s: Scene, _: Place, asker: Asker) -> set[str]:
    asker = replace(asker, has_link=False)
    reads, shelf = _reads(asker, s, PRIVATE), bool(asker.key) and may(asker, P.FILE_READ)
    if not asker.key or not (reads or shelf):
        return set()
    return ({"linked", "chosen"} if reads else set()) | ({"shown"} if shelf else set())


def _upsert(**more: Any) -> Call:
    sent = {"entityName": "institute", "name": _NAME} | more
    return _act("upsertModel", "UpsertModelInput", lambda s: sent)


def _members_input(s: Scene, name: str = "una") -> dict[str, Any]:
    return {
        "projectId": to_client("Project", s.ids["registry"]),
        "userIds": [to_client("User", s.user(name).public_id)],
    }


def _role_input(s: Scene) -> dict[str, Any]:
    sent = _members_input(s, "bob")
    return {"projectId": sent["projectId"], "userId": sent["userIds"][0], "userProjectRole": "viewer"}


def _team_input(s: Scene) -> dict[str, Any]:
    lab = to_client("Entity", s.world.lab.public_id)
    return {"projectId": _members_input(s)["projectId"], "teamId": lab, "teamProjectRole": "viewer"}


def _shown_input(s: Scene) -> dict[str, Any]:
    return {"artifactPortfolioID": _unlink_input(s)["artifactPortfolioID"]}


def _in_portfolio(s: Scene, _: Place, asker: Asker) -> list[bool]:
    """What the public project's portfolio shows of what is linked there, a version of the private project."""
    query = """query($e: String, $p: String) { project(entityName: $e, name: $p) { artifactCollection(name: "chosen") {
      aliases { totalCount } artifacts { totalCount } artifactMembership(aliasName: "v0") { id } } } }"""
    target = s.world.place(PUBLIC).target
    asked = _asked(asker, query, e=target.entity, p=target.project)
    found = asked["data"]["project"]["artifactCollection"]
    return [found["artifacts"]["totalCount"] > 0, found["artifactMembership"] is not None]


_RENAME = {"entityName": "institute", "oldProjectName": _NAME, "newProjectName": "wandb-registry-other"}


CHECKS: dict[str, tuple[Call, Call]] = {
    "links.get_link": (_read_in(_shelf, "shown:v1"), _should(P.FILE_READ)),
    "links.get_link_in": (
        _read_in(lambda s: _project(s.world, PUBLIC), "chosen:v0"),
        lambda s, p, a: YES if _reads(a, s, PRIVATE) else NOTHING,
    ),
    "links.shown": (
        lambda s, p, a: bool(links.shown(a.actor, _chosen(s))),
        lambda s, p, a: _reads(a, s, PRIVATE),
    ),
    "holders.in_projects_seen": (
        lambda s, p, a: any(
            each.is_registry
            for each in holders.in_projects_seen(a.actor, holders.links_of([_data(s.world, PRIVATE)]), most=20)
        ),
        lambda s, p, a: may(a, P.FILE_READ),
    ),
    "sums.sums_of": (
        lambda s, p, a: bool(sums_of(a.actor, [each.collection for each in _chosen(s)])),
        lambda s, p, a: _reads(a, s, PRIVATE),
    ),
    "links.read_version": (
        _by_id,
        lambda s, p, a: YES if _reads(a, s, RESTRICTED) or may(a, P.FILE_READ) else NOTHING,
    ),
    "links._note": (_noted, lambda s, p, a: 1),
    "links.note_listed": (_noted_of_a_list, lambda s, p, a: 0 if _is_inside(a) else 1),
    "registries.registries_of": (
        lambda s, p, a: {each.name for each in registries_of(a.actor, _shelf(s).entity.of_organisation)},
        lambda s, p, a: {_NAME} if may(a, P.PROJECT_READ) else set(),
    ),
    "registries.registries_to_link_to": (
        lambda s, p, a: {each.name for each in registries_to_link_to(a.actor, _lab(s))},
        lambda s, p, a: {_NAME} if may(a, P.FILE_WRITE) else set(),
    ),
    "registries.portfolios_in": (
        lambda s, p, a: bool(portfolios_in(a.actor, [_shelf(s)])),
        lambda s, p, a: may(a, P.FILE_READ),
    ),
    "registries.may_make_registries": (
        lambda s, p, a: may_make_registries(a.actor, s.world.institute),
        lambda s, p, a: _should_create(s, p, a) == YES,
    ),
    "linking.may_unlink": (
        lambda s, p, a: [may_unlink(a.actor, _shown(s), aliases) for aliases in ([], ["kept"])],
        lambda s, p, a: [may(a, P.FILE_WRITE), may(a, P.PROJECT_ADMIN)],
    ),
    "registries.members_of_registry": (
        _hidden_is_named,
        lambda s, p, a: may(a, P.PROJECT_SHARE) or allows(P.ENTITY_READ, role=a.entity, scope=a.scope),
    ),
    "registries.get_registry": (
        lambda s, p, a: _told(
            lambda: get_registry(
                a.actor, P.PROJECT_ADMIN, organisation=_shelf(s).entity.of_organisation, name="shelf"
            )
        ),
        _should(P.PROJECT_ADMIN),
    ),
    "linking.require_unprotected": (_protected, _should(P.PROJECT_ADMIN)),
    "linking.link_version": (_linked(PRIVATE), lambda s, p, a: _in(a, s, P.FILE_WRITE, PRIVATE)),
    "linking.link_version restricted": (_linked(RESTRICTED), lambda s, p, a: _in(a, s, P.PROJECT_SHARE, RESTRICTED)),
    "registries.create_registry": (
        lambda s, p, a: _told(lambda: create_registry(s.world.institute, name="new", by=a.actor)),
        _should_create,
    ),
    "registries.name_in_registry": (
        lambda s, p, a: _told(
            lambda: name_in_registry(_shelf(s), s.user("mallory"), role=RegistryRole.VIEWER, by=a.actor)
        ),
        lambda s, p, a: "invalid",
    ),
    "people.seen_organisation": (
        lambda s, p, a: _told(lambda: seen_organisation(a.actor, "institute")),
        _sees_institute,
    ),
    "client linkArtifact": (_act("linkArtifact", "LinkArtifactInput", _link_input), _spoken(_should_link)),
    "client linkArtifact to one's own": (_link_to_own, lambda s, p, a: f"{NOTHING} 0"),
    "client unlinkArtifact": (_act("unlinkArtifact", "UnlinkArtifactInput", _unlink_input), _spoken(_should(P.FILE_WRITE))),
    "client addAliases to a link": (_act("addAliases", "AddAliasesInput", _alias_input), _spoken(_should(P.FILE_WRITE))),
    "client origin": (_origin, _spoken(_should_be_told)),
    "client memberships": (_members, _should_be_members),
    "client upsertModel words": (_upsert(description="words"), _spoken(_should(P.PROJECT_WRITE))),
    "client upsertModel access": (_upsert(access="RESTRICTED"), _spoken(_should(P.PROJECT_SHARE))),
    "client upsertModel types": (_upsert(artifactTypes=[{"name": "t"}]), _spoken(_should(P.PROJECT_ADMIN))),
    "client renameProject": (_act("renameProject", "RenameProjectInput", lambda s: _RENAME), _spoken(_should(P.PROJECT_ADMIN))),
    "client createProjectMembers": (
        _act("createProjectMembers", "CreateProjectMembersInput", _members_input), _spoken(_should(P.PROJECT_SHARE)),
    ),
    "client deleteProjectMembers": (
        _act("deleteProjectMembers", "DeleteProjectMembersInput", lambda s: _members_input(s, "bob")), _spoken(_should(P.PROJECT_SHARE)),
    ),
    "client updateProjectMember": (_act("updateProjectMember", "UpdateProjectMemberInput", _role_input), _spoken(_should(P.PROJECT_SHARE))),
    "client updateProjectTeamMember": (
        _act("updateProjectTeamMember", "UpdateProjectTeamMemberInput", _team_input), _spoken(_should(P.PROJECT_SHARE)),
    ),
    "client updateArtifactPortfolio": (
        _act("updateArtifactPortfolio", "UpdateArtifactPortfolioInput", lambda s: _shown_input(s) | {"description": "x"}),
        _spoken(_should(P.FILE_WRITE)),
    ),
    "client deleteArtifactPortfolio": (
        _act("deleteArtifactPortfolio", "DeleteArtifactPortfolioInput", _shown_input), _spoken(_should(P.FILE_ERASE)),
    ),
    "client portfolio": (_in_portfolio, lambda s, p, a: [_reads(replace(a, has_link=False), s, PRIVATE)] * 2),
}  # fmt: skip
