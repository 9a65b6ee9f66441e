"""Registries made, changed and renamed by the client, and who is named in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from apps.access.policy import Permission, Visibility
from apps.artifacts.names import REGISTRY_PREFIX
from apps.artifacts.queries import get_registry
from apps.artifacts.services import create_registry, rename_registry, update_registry
from apps.core.errors import Invalid, NotFound
from apps.projects.queries import get_project_by_id, open_project
from apps.projects.services import name_in_registry, somebody, unname_in_registry, update_project
from apps.projects.types import RegistryRole
from apps.teams.queries import seen_organisation
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.ids import from_client

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.projects.models import Project
    from apps.teams.models import Entity, Organisation


def names_registry(sent: Source) -> bool:
    """Is this input about a registry of an organisation, which the client writes as a project of such a name?"""
    return not sent.get("id") and (sent.get("name") or "").startswith(REGISTRY_PREFIX)


def upsert_registry(info: Info, sent: Source) -> Source:
    actor = actor_in(info)
    organisation = seen_organisation(actor, sent.get("entityName") or "")
    name = sent["name"].removeprefix(REGISTRY_PREFIX)
    try:
        held = get_registry(actor, Permission.PROJECT_WRITE, organisation=organisation, name=name)
    except NotFound:
        made = create_registry(
            organisation,
            name=name,
            by=actor,
            description=sent.get("description") or "",
            visibility=_visibility(sent) or Visibility.PRIVATE,
            types=[each["name"] for each in sent.get("artifactTypes") or ()],
        )
        return _answer(made, inserted=True)
    return _answer(_changed(info, organisation, name, held, sent), inserted=False)


def _changed(info: Info, organisation: Organisation, name: str, held: Project, sent: Source) -> Project:
    """The client sends all it knows, so the gate is asked of what is another than before."""
    actor, before = actor_in(info), open_project(held)
    visibility = _visibility(sent)
    if visibility is before.visibility:
        visibility = None
    if visibility is not None:
        held = get_registry(actor, Permission.PROJECT_SHARE, organisation=organisation, name=name)
    types = [each["name"] for each in sent.get("artifactTypes") or ()]
    takes_all = sent.get("allowAllArtifactTypesInRegistry")
    if types or takes_all is not None:
        held = get_registry(actor, Permission.PROJECT_ADMIN, organisation=organisation, name=name)
        update_registry(held, by=actor, takes_all_types=takes_all, add_types=types)
    return update_project(held, by=actor, description=sent.get("description"), visibility=visibility)


def _visibility(sent: Source) -> Visibility | None:
    return translate.visibility(sent["access"]) if sent.get("access") else None


def _answer(held: Project, *, inserted: bool) -> Source:
    facts = translate.project_facts(open_project(held))
    return {"project": facts, "model": facts, "inserted": inserted}


def rename_project(_: None, info: Info, sent: Source) -> Source:
    """Registries can be called otherwise; the addresses of other projects stand in scripts."""
    old: str = sent["oldProjectName"]
    if not old.startswith(REGISTRY_PREFIX):
        raise Invalid("Projects cannot be renamed on this server yet.")
    actor = actor_in(info)
    organisation = seen_organisation(actor, sent["entityName"])
    name = old.removeprefix(REGISTRY_PREFIX)
    held = get_registry(actor, Permission.PROJECT_ADMIN, organisation=organisation, name=name)
    return _answer(rename_registry(held, sent["newProjectName"], by=actor), inserted=False)


# ── who is named ──


def _registry(info: Info, sent: Source) -> Project:
    public_id = from_client("Project", sent["projectId"], what="registry")
    held = get_project_by_id(actor_in(info), Permission.PROJECT_SHARE, public_id=public_id)
    if not held.is_registry:
        raise Invalid("People are named in a project on its page of settings.")
    return held


def _people(sent: Source) -> Iterator[User | Entity]:
    for each in sent.get("userIds") or ():
        yield somebody(person=from_client("User", each, what="person"))
    for each in sent.get("teamIds") or ():
        yield somebody(team=from_client("Entity", each, what="team"))


def create_members(_: None, info: Info, sent: Source) -> Source:
    """Who is added may look; what else they may is said after that."""
    held, by = _registry(info, sent), actor_in(info)
    for who in list(_people(sent)):
        name_in_registry(held, who, role=RegistryRole.VIEWER, by=by)
    return {"success": True}


def delete_members(_: None, info: Info, sent: Source) -> Source:
    held, by = _registry(info, sent), actor_in(info)
    for who in list(_people(sent)):
        unname_in_registry(held, who, by=by)
    return {"success": True}


def _change_role(of: str, role: str, ids: str) -> Callable[[None, Info, Source], Source]:
    def change(_: None, info: Info, sent: Source) -> Source:
        held, by = _registry(info, sent), actor_in(info)
        try:
            wanted = RegistryRole(sent[role])
        except ValueError:
            raise Invalid(f"The role is one of {', '.join(RegistryRole)}.") from None
        for who in _people({ids: [sent[of]]}):
            name_in_registry(held, who, role=wanted, by=by)
        return {"success": True}

    return change


FIELDS: Fields = {
    "Mutation.renameProject": rename_project,
    "Mutation.createProjectMembers": create_members,
    "Mutation.deleteProjectMembers": delete_members,
    "Mutation.updateProjectMember": _change_role("userId", "userProjectRole", "userIds"),
    "Mutation.updateProjectTeamMember": _change_role("teamId", "teamProjectRole", "teamIds"),
}
