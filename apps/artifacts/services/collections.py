from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Alias, Collection, Version
from apps.artifacts.names import check_text, clean_collection, clean_tags, clean_type
from apps.artifacts.queries.versions import (
    ALIAS_LABEL,
    COLLECTION_LABEL,
    COLLECTION_WORDS_LABEL,
    TYPE_LABEL,
    client_index,
    collection_key,
    find_collection,
    open_collection,
    project_key,
)
from apps.artifacts.types import CollectionKind, OpenCollection
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.core import clock, jsontext
from apps.core.errors import Changed, Conflict, Invalid, NotFound
from apps.projects.gate import may, require
from apps.projects.models import Project
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, seal_text
from apps.vault.tree import create_node, discard_node, open_key
from apps.vault.types import NodeId, NodeKind


def collection_to_add_to(
    project: Project, *, name: str, type_name: str, client_id: str, by: Actor
) -> Collection:
    """The collection of this name, made if need be. Somebody who may only add runs adds to no collection of others."""
    if project.is_registry:
        raise Invalid(_("Nothing is uploaded to a registry: log the artifact in a project and link it."))
    name, type_name = clean_collection(name), clean_type(type_name)
    found = find_collection(project, name) or make_collection(
        project, name, type_name, client_id=client_id, by=by
    )
    is_own = by.user_id is not None and found.created_by_id == by.user_id
    require(by, Permission.FILE_WRITE, project, what="artifact", is_own=is_own)
    if bytes(found.type_index) != blind_index(project_key(project), TYPE_LABEL, type_name):
        raise Conflict(
            _("This artifact exists already with another type, “%(type)s”.")
            % {"type": open_collection(found).type_name}
        )
    if client_id and found.client_index is None:
        Collection.objects.filter(pk=found.pk).update(client_index=client_index(client_id))
    return found


def portfolio_to_link_to(project: Project, *, name: str, type_name: str, by: Actor) -> Collection:
    """The portfolio of this name in a project held with FILE_WRITE, made if need be; Conflict when the name is another thing's."""
    name = clean_collection(name)
    found = find_collection(project, name) or make_collection(
        project, name, clean_type(type_name), client_id="", by=by, kind=CollectionKind.PORTFOLIO
    )
    if found.kind != CollectionKind.PORTFOLIO:
        raise Conflict(_("An artifact of this project has this name: link to another."))
    if bytes(found.type_index) != blind_index(project_key(project), TYPE_LABEL, type_name):
        raise Conflict(
            _("This artifact exists already with another type, “%(type)s”.")
            % {"type": open_collection(found).type_name}
        )
    return found


def make_collection(
    project: Project,
    name: str,
    type_name: str,
    *,
    client_id: str,
    by: Actor,
    kind: CollectionKind = CollectionKind.SEQUENCE,
) -> Collection:
    """A new one, or the one of this name where somebody was quicker; whoever calls has asked the gate and looked at the names."""
    node = create_node(NodeKind.COLLECTION, parent=NodeId(project.vault_node))
    key, above = open_key(node), project_key(project)
    row = Collection(
        uuid=uuid.uuid4(),
        project=project,
        vault_node=node,
        kind=kind.value,
        name_index=blind_index(above, COLLECTION_LABEL, name),
        type_index=blind_index(above, TYPE_LABEL, type_name),
        client_index=client_index(client_id) if client_id else None,
        created_by_id=by.user_id,
    )
    seal_collection_words(row, key, name=name, type_name=type_name, description="", tags=())
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        discard_node(node)
        found = find_collection(project, name)  # somebody was quicker
        if found is None:
            raise
        return found
    except BaseException:
        discard_node(node)
        raise
    return row


def seal_collection_words(
    row: Collection, key: OpenKey, *, name: str, type_name: str, description: str, tags: Iterable[str]
) -> None:
    words = {"name": name, "type": type_name, "description": description, "tags": list(tags)}
    row.sealed_words = seal(
        key,
        jsontext.dumps(words).encode("utf-8", "surrogatepass"),
        label=COLLECTION_WORDS_LABEL,
        row=row.uuid,
    )


@transaction.atomic
def update_collection(
    collection: Collection,
    *,
    by: Actor,
    name: str | None = None,
    type_name: str | None = None,
    description: str | None = None,
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    only_if: Callable[[OpenCollection], bool] | None = None,
) -> OpenCollection:
    """Change what is said of a collection that was fetched with the permission to. None leaves a field as it is.

    Changed when it no longer stands as `only_if` has it.
    """
    check_text(description)
    rows = Collection.objects.select_for_update(of=("self",)).select_related("project__entity")
    row = rows.filter(pk=collection.pk).first()
    if row is None:
        raise NotFound(_("There is no such artifact, or it is not shared with you."))
    opened, above = open_collection(row), project_key(row.project)
    if only_if is not None and not only_if(opened):
        raise Changed(_("The artifact has changed since you read it. Read it again, then change it."))
    if name is not None and clean_collection(name) != opened.name:
        if find_collection(row.project, name) is not None:
            raise Conflict(_("The project has an artifact of this name already."))
        row.name_index = blind_index(above, COLLECTION_LABEL, name)
    if type_name is not None:
        row.type_index = blind_index(above, TYPE_LABEL, clean_type(type_name))
    gone = set(remove_tags)
    tags = clean_tags([*(tag for tag in opened.tags if tag not in gone), *add_tags])
    seal_collection_words(
        row,
        collection_key(row),
        name=opened.name if name is None else name,
        type_name=opened.type_name if type_name is None else type_name,
        description=opened.description if description is None else description,
        tags=tags,
    )
    row.updated_at = clock.now()
    row.save(update_fields=["name_index", "type_index", "sealed_words", "updated_at"])
    project = row.project
    record(
        EventKind.ARTIFACT_CHANGED,
        subject=row.public_id,
        project=project.public_id,
        entity=project.entity.public_id,
        by=by,
    )
    return open_collection(row)


def move_aliases(collection: Collection, version: Version, aliases: Iterable[str]) -> None:
    """Let these words lead to this version of the collection; called inside a transaction."""
    key = collection_key(collection)
    for alias in aliases:
        row = Alias.objects.filter(
            collection=collection, alias_index=(index := blind_index(key, ALIAS_LABEL, alias))
        ).first()
        if row is not None:
            Alias.objects.filter(pk=row.pk).update(version=version)
            continue
        row = Alias(uuid=uuid.uuid4(), collection=collection, version=version, alias_index=index)
        row.sealed_alias = seal_text(key, alias, label=ALIAS_LABEL, row=row.uuid)
        row.save(force_insert=True)


def drop_aliases(collection: Collection, version: Version, aliases: Iterable[str]) -> None:
    """Let these words lead to this version no more."""
    key = collection_key(collection)
    indexes = [blind_index(key, ALIAS_LABEL, alias) for alias in aliases]
    Alias.objects.filter(collection=collection, version=version, alias_index__in=indexes).delete()


def may_add_to(actor: Actor, collection: Collection) -> bool:
    """May the actor add a version to it? For pages that offer it."""
    is_own = actor.user_id is not None and collection.created_by_id == actor.user_id
    return may(actor, Permission.FILE_WRITE, collection.project, is_own=is_own)


def require_sequence(collection: Collection) -> None:
    if collection.kind != CollectionKind.SEQUENCE:
        raise Invalid(_("This is a collection of linked versions: nothing is uploaded to it."))
