from __future__ import annotations

from collections.abc import Iterable

from apps.access.policy import Permission, Role, Visibility, allows
from apps.accounts.actors import Actor
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.projects.models import Project
from apps.projects.types import OpenProject
from apps.teams.gate import require, role_in, roles_in
from apps.teams.models import Entity
from apps.teams.queries import entities_of, entity_by_name
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, unseal_text
from apps.vault.tree import open_key, open_keys
from apps.vault.types import NodeId

NAME_LABEL = "project.name"
DESCRIPTION_LABEL = "project.description"
NO_PROJECT = "There is no such project, or it is not shared with you."


def find_project(entity: Entity, name: str) -> Project | None:
    """Unchecked look-up by name; for get_project and the service that makes projects."""
    index = blind_index(open_key(NodeId(entity.vault_node)), NAME_LABEL, name.strip())
    return Project.objects.select_related("entity").filter(entity=entity, name_index=index).first()


def get_project(actor: Actor, permission: Permission, *, entity: str, name: str) -> Project:
    """The project, for this purpose. What does not exist and what is not shared look the same."""
    try:
        owner = entity_by_name(entity)
    except NotFound:
        raise NotFound(NO_PROJECT) from None
    project = find_project(owner, name)
    if project is None:
        raise NotFound(NO_PROJECT)
    return _passed(actor, permission, project)


def get_project_by_id(actor: Actor, permission: Permission, *, public_id: str) -> Project:
    project = None
    if is_public_id(public_id):
        project = Project.objects.select_related("entity").filter(public_id=public_id).first()
    if project is None:
        raise NotFound(NO_PROJECT)
    return _passed(actor, permission, project)


def _passed(actor: Actor, permission: Permission, project: Project) -> Project:
    require(
        actor, permission, entity=project.entity, visibility=Visibility(project.visibility), what="project"
    )
    return project


def projects_of(actor: Actor, entity: Entity) -> list[OpenProject]:
    """What the actor may see of an entity's projects, most recently active first."""
    role = role_in(actor, entity)
    rows = Project.objects.filter(entity=entity).select_related("entity").order_by("-last_activity_at", "-id")
    return open_projects(row for row in rows if _visible(row, role))


def my_projects(actor: Actor) -> list[OpenProject]:
    """All projects of the actor's own entity and teams, most recently active first."""
    entities = list(entities_of(actor))
    roles = roles_in(actor, entities)
    rows = (
        Project.objects.filter(entity__in=entities)
        .select_related("entity")
        .order_by("-last_activity_at", "-id")
    )
    return open_projects(row for row in rows if _visible(row, roles[row.entity_id]))


def has_projects(actor: Actor, *, entity: str = "") -> bool:
    """Is there any in the actor's own entity and teams, or in the one of this name? Without opening one."""
    entities = entities_of(actor)
    return Project.objects.filter(entity__in=entities.filter(name=entity) if entity else entities).exists()


def readable_projects(actor: Actor, public_ids: Iterable[str]) -> list[Project]:
    """Those of these projects that the actor may see, in the order asked, with two questions at most."""
    wanted = list(dict.fromkeys(public_id for public_id in public_ids if is_public_id(public_id)))
    rows = Project.objects.filter(public_id__in=wanted).select_related("entity")
    found = {row.public_id: row for row in rows}
    roles = roles_in(actor, {row.entity_id: row.entity for row in found.values()}.values())
    held = [found[public_id] for public_id in wanted if public_id in found]
    return [row for row in held if _visible(row, roles[row.entity_id])]


def _visible(project: Project, role: Role) -> bool:
    return allows(Permission.PROJECT_READ, role=role, visibility=Visibility(project.visibility))


def open_project(project: Project) -> OpenProject:
    opened = open_projects([project])
    if not opened:
        raise NotFound(NO_PROJECT)
    return opened[0]


def open_projects(projects: Iterable[Project]) -> list[OpenProject]:
    """Unseal the words of these projects with one question to the vault. Those whose key is erased are left out."""
    rows = list(projects)
    keys = open_keys(NodeId(row.vault_node) for row in rows)
    opened = []
    for row in rows:
        key = keys.get(NodeId(row.vault_node))
        if key is None:
            continue
        try:
            opened.append(_open_with(row, key))
        except Tampered as error:
            leave_out(error)
    return opened


def _open_with(row: Project, key: OpenKey) -> OpenProject:
    description = (
        unseal_text(key, bytes(row.sealed_description), label=DESCRIPTION_LABEL, row=row.uuid)
        if row.sealed_description is not None
        else ""
    )
    name = unseal_text(key, bytes(row.sealed_name), label=NAME_LABEL, row=row.uuid)
    return OpenProject(project=row, entity=row.entity.name, name=name, description=description)
