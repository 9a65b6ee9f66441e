"""Registries of an organisation: made, renamed, and what is said of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission, Visibility
from apps.accounts.actors import Actor
from apps.artifacts.models import Registry
from apps.artifacts.names import check_text, clean_aliases, clean_registry, clean_type, own_words
from apps.artifacts.queries.registries import REGISTRY_LABEL, registry_words
from apps.artifacts.queries.versions import project_key
from apps.artifacts.types import RegistryWords
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock, jsontext
from apps.core.errors import Changed
from apps.projects.models import Project
from apps.projects.queries import locked_project
from apps.projects.services import create_registry_project, rename_registry_project
from apps.teams.gate import require_in_organisation
from apps.teams.models import Organisation
from apps.teams.services import entity_of_registries
from apps.vault.seal import seal
from apps.vault.tree import discard_node
from apps.vault.types import NodeId


def create_registry(
    organisation: Organisation,
    *,
    name: str,
    by: Actor,
    description: str = "",
    visibility: Visibility = Visibility.PRIVATE,
    types: Iterable[str] = (),
) -> Project:
    """A registry of an organisation, made by one of its admins. Private: whoever is in the organisation may look."""
    require_in_organisation(by, Permission.ENTITY_ADMIN, organisation=organisation)
    check_text(description)
    name, types = clean_registry(name), [clean_type(each) for each in types]
    entity = entity_of_registries(organisation)
    with transaction.atomic():
        made = create_registry_project(entity, name, visibility=visibility, by=by, description=description)
        try:
            if types:
                update_registry(made, by=by, takes_all_types=False, add_types=types)
        except BaseException:
            discard_node(NodeId(made.vault_node))
            raise
    return made


def rename_registry(project: Project, name: str, *, by: Actor) -> Project:
    """Call a registry held with PROJECT_ADMIN otherwise."""
    return rename_registry_project(project, clean_registry(name), by=by)


@transaction.atomic
def update_registry(
    project: Project,
    *,
    by: Actor,
    takes_all_types: bool | None = None,
    add_types: Iterable[str] = (),
    types: Iterable[str] | None = None,
    protected: Iterable[str] | None = None,
    only_if: Callable[[RegistryWords], bool] | None = None,
) -> RegistryWords:
    """Say which types a registry held with PROJECT_ADMIN takes, and which aliases only its admins move.

    `types` stand instead of those there are. Changed when it no longer stands as `only_if` has it.
    """
    project = locked_project(project)
    before = registry_words(project)
    if only_if is not None and not only_if(before):
        raise Changed(_("The registry has changed since you read it. Read it again, then change it."))
    held = before.types if types is None else types
    words = RegistryWords(
        before.takes_all_types if takes_all_types is None else takes_all_types,
        tuple(dict.fromkeys(clean_type(each) for each in (*held, *add_types))),
        before.protected if protected is None else own_words(clean_aliases(protected)),
    )
    row = Registry.objects.filter(project=project).first() or Registry(uuid=uuid.uuid4(), project=project)
    row.takes_all_types, row.updated_at = words.takes_all_types, clock.now()
    said = {"types": list(words.types), "protected": list(words.protected)}
    raw = jsontext.dumps(said).encode("utf-8", "surrogatepass")
    row.sealed_words = seal(project_key(project), raw, label=REGISTRY_LABEL, row=row.uuid)
    row.save()
    if (words.takes_all_types, words.types) != (before.takes_all_types, before.types):
        _note(project, by, what="types")
    if words.protected != before.protected:
        _note(project, by, what="protected")
    return words


def _note(project: Project, by: Actor, *, what: str) -> None:
    record(
        EventKind.PROJECT_CHANGED,
        subject=project.public_id,
        entity=project.entity.public_id,
        project=project.public_id,
        by=by,
        what=what,
    )
