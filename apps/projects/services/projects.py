from __future__ import annotations

import uuid
from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission, Role, Visibility
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core.errors import Changed, Conflict, NotFound
from apps.projects.errors import KeptPrivate
from apps.projects.models import Project, ProjectMember
from apps.projects.names import clean_name
from apps.projects.queries import (
    DESCRIPTION_LABEL,
    NAME_LABEL,
    NO_PROJECT,
    find_project,
    get_project,
    locked_project,
)
from apps.projects.types import PUBLISHED, NamedRole
from apps.teams.choices import SettingName
from apps.teams.gate import require, role_in
from apps.teams.models import Entity
from apps.teams.queries import default_entity, effective, entity_by_name
from apps.teams.types import EntityKind
from apps.vault.seal import blind_index, seal_text
from apps.vault.tree import create_node, discard_node, open_key
from apps.vault.types import NodeId, NodeKind

DEFAULT_NAME = "uncategorized"


def get_or_create_project(
    actor: Actor,
    *,
    entity: str | None,
    name: str | None,
    visibility: Visibility | None = None,
    before: Callable[[Visibility], None] | None = None,
) -> Project:
    """The project to log runs into, made on first use as visible as its entity has chosen, or as is said here.

    `before` is told how visible one that is made now will be to others, and may refuse it.
    An outsider of the entity gets the same answer whether the project, or the entity, exists or not.
    """
    name = clean_name(name or DEFAULT_NAME, what="project")
    owner = _owner(actor, entity)
    if find_project(owner, name) is None:
        require(actor, Permission.PROJECT_CREATE, entity=owner, what="project")
        chosen = _new_visibility(owner, visibility, by=actor)
        if before is not None:
            before(_as_things_are(owner, chosen))
        made = _create_project(owner, name, visibility=chosen, by=actor)
        if not made:
            _require_not_closed(owner, name)
    return get_project(actor, Permission.RUN_CREATE, entity=owner.name, name=name)


def _require_not_closed(entity: Entity, name: str) -> None:
    """Conflict where the name is that of a project which is being erased. For those who may make one there."""
    index = blind_index(open_key(NodeId(entity.vault_node)), NAME_LABEL, name)
    if Project.everything.filter(entity=entity, name_index=index, erased_at__isnull=False).exists():
        raise Conflict(
            _(
                "A project of this name is being erased. Until that is over, or taken back, the name is not free."
            )
        )


def _owner(actor: Actor, entity: str | None) -> Entity:
    if not entity:
        return default_entity(actor)
    try:
        return entity_by_name(entity)
    except NotFound:
        raise NotFound(NO_PROJECT) from None


def create_project(
    actor: Actor,
    *,
    entity: str | None,
    name: str,
    description: str = "",
    visibility: Visibility | None = None,
) -> Project:
    """Make a project, as visible as its entity has chosen, or as is said here; Conflict when one is called so."""
    name = clean_name(name, what="project")
    owner = _owner(actor, entity)
    require(actor, Permission.PROJECT_CREATE, entity=owner, what="project")
    visibility = _new_visibility(owner, visibility, by=actor)
    is_there = find_project(owner, name) is not None
    if is_there or not _create_project(owner, name, visibility=visibility, by=actor, description=description):
        _require_not_closed(owner, name)
        raise Conflict(_("There is a project of this name already."))
    return get_project(actor, Permission.PROJECT_READ, entity=owner.name, name=name)


def _new_visibility(entity: Entity, asked: Visibility | None, *, by: Actor) -> Visibility:
    """What a project that is made now will be. Only who may share the entity's projects departs from its choice."""
    chosen = Visibility(str(effective(entity, SettingName.DEFAULT_VISIBILITY).value))
    if asked is None or asked is chosen:
        return chosen
    require(by, Permission.PROJECT_SHARE, entity=entity, what="project")
    check_visibility(entity, asked)
    return asked


def _as_things_are(entity: Entity, chosen: Visibility) -> Visibility:
    """What was chosen, or less where an organisation allows no more."""
    is_kept = chosen in PUBLISHED and effective(entity, SettingName.PRIVATE_ONLY).is_on
    return Visibility.PRIVATE if is_kept else chosen


def check_visibility(entity: Entity, visibility: Visibility) -> None:
    """KeptPrivate where an organisation lets nobody outside see what is the entity's."""
    if visibility in (Visibility.PUBLIC, Visibility.OPEN):
        check_outsiders(entity)


def check_outsiders(entity: Entity) -> None:
    """KeptPrivate where an organisation lets nobody outside see what is the entity's, and for its registries always."""
    if entity.kind == EntityKind.ORGANISATION:
        raise KeptPrivate(_("A registry is for the people of its organisation."))
    private_only = effective(entity, SettingName.PRIVATE_ONLY)
    if private_only.is_on:
        raise KeptPrivate(
            _("The organisation %(name)s keeps the projects of its teams to their own people.")
            % {"name": private_only.organisation}
        )


def _create_project(
    entity: Entity, name: str, *, visibility: Visibility, by: Actor, description: str = ""
) -> bool:
    """Whether this request made it: two first runs may come at once, and then the other one's is the project."""
    node = create_node(NodeKind.PROJECT, parent=NodeId(entity.vault_node))
    row_uuid = uuid.uuid4()
    try:
        key = open_key(node)
        with transaction.atomic():
            project = Project.objects.create(
                uuid=row_uuid,
                entity=entity,
                vault_node=node,
                name_index=blind_index(open_key(NodeId(entity.vault_node)), NAME_LABEL, name),
                sealed_name=seal_text(key, name, label=NAME_LABEL, row=row_uuid),
                sealed_description=(
                    seal_text(key, description, label=DESCRIPTION_LABEL, row=row_uuid)
                    if description
                    else None
                ),
                visibility=visibility.value,
                created_by_id=by.user_id,
            )
            _name_maker(project, by=by)
            record(
                EventKind.PROJECT_CREATED,
                subject=project.public_id,
                entity=entity.public_id,
                project=project.public_id,
                by=by,
            )
    except IntegrityError:
        discard_node(node)
        return False
    except BaseException:
        discard_node(node)
        raise
    return True


def _name_maker(project: Project, *, by: Actor) -> None:
    """Whoever makes a restricted project is in it, also one who is no admin."""
    # Whoever makes a registry is an admin there.
    if by.user_id is None or project.visibility != Visibility.RESTRICTED or project.is_registry:
        return
    if role_in(by, project.entity) is not Role.ADMIN:
        ProjectMember.objects.create(
            project=project, user_id=by.user_id, role=NamedRole.MEMBER, is_outsider=False
        )


def create_registry_project(
    entity: Entity, name: str, *, visibility: Visibility, by: Actor, description: str = ""
) -> Project:
    """Where the links of a registry lie. For callers that asked the gate of the organisation; Conflict for a name in use,
    KeptPrivate for one that others than the organisation's people would read.
    """
    check_visibility(entity, visibility)
    name = clean_name(name, what="project")
    is_there = find_project(entity, name) is not None
    if is_there or not _create_project(entity, name, visibility=visibility, by=by, description=description):
        raise Conflict(_("There is a registry of this name already."))
    found = find_project(entity, name)
    if found is None:
        raise NotFound(NO_PROJECT)
    return found


@transaction.atomic
def rename_registry_project(project: Project, name: str, *, by: Actor) -> Project:
    """Call a registry that was fetched with the permission to otherwise."""
    name = clean_name(name, what="project")
    project = locked_project(project)
    if find_project(project.entity, name) not in (None, project):
        raise Conflict(_("There is a registry of this name already."))
    _require_not_closed(project.entity, name)
    project.name_index = blind_index(open_key(NodeId(project.entity.vault_node)), NAME_LABEL, name)
    project.sealed_name = seal_text(
        open_key(NodeId(project.vault_node)), name, label=NAME_LABEL, row=project.uuid
    )
    project.save(update_fields=["name_index", "sealed_name"])
    note(EventKind.PROJECT_CHANGED, project, by=by)
    return project


@transaction.atomic
def update_project(
    project: Project,
    *,
    by: Actor,
    description: str | None = None,
    visibility: Visibility | None = None,
    only_if: Callable[[Project], bool] | None = None,
) -> Project:
    """Change a project that was fetched with the permission to. None leaves a field as it is.

    Changed when it no longer stands as `only_if` has it, KeptPrivate where it may not be published.
    """
    project = locked_project(project)
    if only_if is not None and not only_if(project):
        raise Changed(_("The project has changed since you read it. Read it again, then change it."))
    if description is not None:
        key = open_key(NodeId(project.vault_node))
        project.sealed_description = seal_text(key, description, label=DESCRIPTION_LABEL, row=project.uuid)
        note(EventKind.PROJECT_CHANGED, project, by=by, what="description")
    if visibility is not None and visibility != project.visibility:
        check_visibility(project.entity, visibility)
        note(EventKind.VISIBILITY_CHANGED, project, by=by, before=project.visibility, after=visibility.value)
        project.visibility = visibility.value
    project.save(update_fields=["sealed_description", "visibility"])
    return project


def note(kind: EventKind, project: Project, *, by: Actor, **facts: int | str | bool) -> None:
    """An act on a project, in the audit record."""
    record(
        kind,
        subject=project.public_id,
        entity=project.entity.public_id,
        project=project.public_id,
        by=by,
        **facts,
    )
