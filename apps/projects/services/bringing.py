"""Projects that come from elsewhere. They are born closed, as what is being erased is closed: no door finds them, and the gate lets
nobody in, until everything in them is there."""

from __future__ import annotations

import uuid
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.core import clock
from apps.core.errors import Conflict, Invalid
from apps.projects.models import Project
from apps.projects.names import clean_name
from apps.projects.past import kept_id
from apps.projects.queries import DESCRIPTION_LABEL, NAME_LABEL
from apps.projects.services.projects import note
from apps.projects.types import PastProject
from apps.teams.models import Entity
from apps.teams.types import EntityKind
from apps.vault.seal import blind_index, seal_text
from apps.vault.tree import create_node, discard_node, open_key
from apps.vault.types import NodeId, NodeKind


def is_name_free(entity: Entity, name: str) -> bool:
    """Whether no project of the entity is called so, one that is being erased or brought among them."""
    index = blind_index(open_key(NodeId(entity.vault_node)), NAME_LABEL, clean_name(name, what="project"))
    return not Project.everything.filter(entity=entity, name_index=index).exists()


def bring_project(entity: Entity, name: str, was: PastProject, *, until: UUID, by: Actor) -> Project:
    """A private project with what was said of it and when, closed `until` whoever brings it opens it; Conflict for a name in use.

    For callers that asked the gate of the entity for PROJECT_CREATE.
    """
    name = clean_name(name, what="project")
    if entity.kind == EntityKind.ORGANISATION:
        raise Invalid(_("Nothing is imported into the registries of an organisation."))
    if not is_name_free(entity, name):
        raise Conflict(_("There is a project of this name already."))
    node = create_node(NodeKind.PROJECT, parent=NodeId(entity.vault_node))
    try:
        return _insert(entity, name, was, node=node, until=until, by=by)
    except BaseException:
        discard_node(node)
        raise


@transaction.atomic
def _insert(entity: Entity, name: str, was: PastProject, *, node: NodeId, until: UUID, by: Actor) -> Project:
    key, row = open_key(node), uuid.uuid4()
    words = seal_text(key, was.description, label=DESCRIPTION_LABEL, row=row) if was.description else None
    project = Project.everything.create(
        uuid=row,
        public_id=kept_id(Project, was.public_id),
        entity=entity,
        vault_node=node,
        name_index=blind_index(open_key(NodeId(entity.vault_node)), NAME_LABEL, name),
        sealed_name=seal_text(key, name, label=NAME_LABEL, row=row),
        sealed_description=words,
        visibility=Visibility.PRIVATE.value,
        runs_made=was.runs_made,
        created_at=was.created_at,
        last_activity_at=was.last_activity_at,
        created_by_id=by.user_id,
        brought_at=clock.now(),
        erased_at=clock.now(),
        erasure_job=until,
    )
    note(EventKind.PROJECT_CREATED, project, by=by)
    return project


def open_brought(until: UUID) -> int:
    """Let everybody who may find the projects that were closed until now; called in the transaction that ends the bringing."""
    return Project.everything.filter(erasure_job=until).update(
        brought_at=clock.now(), erased_at=None, erasure_job=None
    )


def brought(until: UUID) -> list[Project]:
    """The projects that are closed still."""
    return list(Project.everything.select_related("entity").filter(erasure_job=until).order_by("pk"))
