"""The registries of an organisation: which there are, what was said of each, and who is named in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Registry
from apps.artifacts.names import REGISTRY_PREFIX
from apps.artifacts.queries.versions import open_collections, project_key
from apps.artifacts.types import CollectionKind, RegistryWords
from apps.core import jsontext
from apps.core.errors import Forbidden, NotFound
from apps.projects.gate import listed, may, require, where_may
from apps.projects.models import Project, ProjectMember, ProjectTeam
from apps.projects.queries import find_project, open_projects
from apps.teams.gate import require_in_organisation
from apps.teams.queries import hidden_from
from apps.vault.seal import unseal
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

if TYPE_CHECKING:
    from apps.artifacts.types import OpenCollection
    from apps.projects.types import OpenProject
    from apps.teams.models import Entity, Organisation

REGISTRY_LABEL = "registry.words"
NO_REGISTRY = "There is no such registry, or it is not shared with you."


def registries_of(actor: Actor, organisation: Organisation) -> list[OpenProject]:
    """Those that the actor may see, by name."""
    if organisation.entity_id is None:
        return []
    rows = Project.objects.filter(entity=organisation.entity_id).select_related("entity__of_organisation")
    return sorted(open_projects(listed(actor, rows)), key=lambda each: each.name)


def get_registry(actor: Actor, permission: Permission, *, organisation: Organisation, name: str) -> Project:
    """The registry that people call so, for this purpose."""
    found = None
    if organisation.entity is not None:
        found = find_project(organisation.entity, REGISTRY_PREFIX + name)
    if found is None:
        raise NotFound(NO_REGISTRY)
    require(actor, permission, found, what="registry")
    return found


def registries_to_link_to(actor: Actor, entity: Entity) -> list[OpenProject]:
    """Those of the organisation above an entity in which the actor may link, by name."""
    if entity.organisation is None:
        return []
    places = registries_of(actor, entity.organisation)
    held = where_may(actor, Permission.FILE_WRITE, (each.project for each in places))
    return [each for each in places if each.project.pk in held]


def may_make_registries(actor: Actor, organisation: Organisation) -> bool:
    """May the actor make registries in it? For pages that offer it."""
    try:
        require_in_organisation(actor, Permission.ENTITY_ADMIN, organisation=organisation)
    except (Forbidden, NotFound):
        return False
    return True


def portfolios_in(actor: Actor, registries: Iterable[Project]) -> dict[int, list[OpenCollection]]:
    """By the row of each of these that the actor may read, its collections by name; in as many questions as of one."""
    held = list(registries)
    seen = where_may(actor, Permission.FILE_READ, held)
    rows = list(Collection.objects.filter(project__in=seen, kind=CollectionKind.PORTFOLIO.value))
    open_keys(NodeId(row.vault_node) for row in rows)  # together; each is at hand then
    inside = {pk: [row for row in rows if row.project_id == pk] for pk in seen}
    return {
        each.pk: sorted(open_collections(inside[each.pk], each), key=lambda opened: opened.name)
        for each in held
        if each.pk in seen
    }


def registry_words(project: Project) -> RegistryWords:
    """What was said of a registry that is held already."""
    row = Registry.objects.filter(project=project).first()
    if row is None:
        return RegistryWords()
    raw = unseal(project_key(project), bytes(row.sealed_words), label=REGISTRY_LABEL, row=row.uuid)
    words = jsontext.loads(raw)
    return RegistryWords(row.takes_all_types, tuple(words["types"]), tuple(words["protected"]))


def members_of_registry(actor: Actor, project: Project) -> list[ProjectMember]:
    """The people named in a registry that is held already, by name; those who hide only for who may name people there."""
    rows = ProjectMember.objects.filter(project=project, user__erased_at=None).select_related("user")
    found = list(rows.order_by("user__username"))
    if may(actor, Permission.PROJECT_SHARE, project):
        return found
    hidden = hidden_from(actor, [each.user_id for each in found])
    return [each for each in found if each.user_id not in hidden]


def teams_of_registry(project: Project) -> list[ProjectTeam]:
    """The teams named in a registry that is held already, by name; one that left the organisation, or is being erased, is in none."""
    rows = ProjectTeam.objects.filter(
        project=project, team__organisation__entity=project.entity_id, team__erased_at=None
    )
    return list(rows.select_related("team").order_by("team__name"))
