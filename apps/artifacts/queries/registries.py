"""The registries of an organisation: which there are, what was said of each, and who is named in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Registry
from apps.artifacts.names import REGISTRY_PREFIX
from apps.artifacts.queries.versions import project_key
from apps.artifacts.types import RegistryWords
from apps.core import jsontext
from apps.core.errors import NotFound
from apps.projects.gate import listed, may, require
from apps.projects.models import Project, ProjectMember, ProjectTeam
from apps.projects.queries import find_project, open_projects
from apps.teams.queries import hidden_from
from apps.vault.seal import unseal

if TYPE_CHECKING:
    from apps.projects.types import OpenProject
    from apps.teams.models import Organisation

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
    rows = ProjectMember.objects.filter(project=project).select_related("user")
    found = list(rows.order_by("user__username"))
    if may(actor, Permission.PROJECT_SHARE, project):
        return found
    hidden = hidden_from(actor, [each.user_id for each in found])
    return [each for each in found if each.user_id not in hidden]


def teams_of_registry(project: Project) -> list[ProjectTeam]:
    """The teams named in a registry that is held already, by name; one that left the organisation is in none."""
    rows = ProjectTeam.objects.filter(project=project, team__organisation__entity=project.entity_id)
    return list(rows.select_related("team").order_by("team__name"))
