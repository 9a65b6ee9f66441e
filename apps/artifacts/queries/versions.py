"""Collections and their versions, found through the gate and opened."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.utils.crypto import salted_hmac

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.artifacts.models import Alias, Collection, Version
from apps.artifacts.types import (
    LATEST,
    CollectionKind,
    OpenCollection,
    OpenVersion,
    VersionState,
    VersionWords,
)
from apps.core import jsontext
from apps.core.errors import Forbidden, NotFound
from apps.core.ids import is_public_id
from apps.core.rows import find_row
from apps.projects.gate import may, readable, require
from apps.projects.models import Project
from apps.projects.queries import get_project
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import INDEX_BYTES, blind_index, unseal, unseal_text
from apps.vault.tree import open_key, open_keys
from apps.vault.types import NodeId

COLLECTION_LABEL = "artifact_collection.name"
TYPE_LABEL = "artifact_collection.type"
COLLECTION_WORDS_LABEL = "artifact_collection.words"
WORDS_LABEL = "artifact_version.words"
DIGEST_LABEL = "artifact_version.digest"
ALIAS_LABEL = "artifact_alias.alias"
NO_ARTIFACT = "There is no such artifact, or it is not shared with you."
_ALONG = ("collection", "collection__project", "collection__project__entity")
_WORDS = ("sealed_words", "collection__sealed_words")
NUMBERED = re.compile(r"v(0|[1-9][0-9]{0,8})")
_MOST_OF_ONE_CLIENT_ID = 20


def project_key(project: Project) -> OpenKey:
    return open_key(NodeId(project.vault_node))


def collection_key(collection: Collection) -> OpenKey:
    return open_key(NodeId(collection.vault_node))


def version_key(version: Version) -> OpenKey:
    """The key under which everything of this version lies."""
    return open_key(NodeId(version.vault_node))


def client_index(client_id: str) -> bytes:
    """To find what a client calls by an id of its own: 128 random letters, asked for without naming a project."""
    made = salted_hmac("ownlog.artifacts.client_id", client_id, algorithm="sha256")
    return made.digest()[:INDEX_BYTES]


def distributed_index(key: OpenKey, distributed_id: str) -> bytes:
    return blind_index(key, "artifact_version.distributed", distributed_id)


def whose(version: Version) -> dict[str, str]:
    """What an act on this version says of it to the audit record."""
    project = version.collection.project
    return {"subject": version.public_id, "project": project.public_id, "entity": project.entity.public_id}


# ── collections ──


def find_collection(project: Project, name: str) -> Collection | None:
    """Unchecked look-up by name; the caller holds the project already."""
    index = blind_index(project_key(project), COLLECTION_LABEL, name)
    found = Collection.objects.filter(project=project, name_index=index).first()
    if found is not None:
        found.project = project
    return found


def get_collection_in(actor: Actor, permission: Permission, *, project: Project, name: str) -> Collection:
    """The collection of this name in a project that is held already."""
    found = find_collection(project, name)
    if found is None:
        raise NotFound(NO_ARTIFACT)
    return _passed_collection(actor, permission, found)


def get_collection(
    actor: Actor, permission: Permission, *, entity: str, project: str, name: str
) -> Collection:
    """The collection, for this purpose. What does not exist and what is not shared look the same."""
    try:
        held = get_project(actor, permission, entity=entity, name=project)
    except NotFound:
        raise NotFound(NO_ARTIFACT) from None
    found = find_collection(held, name)
    if found is None:
        raise NotFound(NO_ARTIFACT)
    return found


def get_collection_by_id(actor: Actor, permission: Permission, *, public_id: str) -> Collection:
    found = None
    if is_public_id(public_id):
        rows = Collection.objects.select_related("project__entity").filter(project__erased_at=None)
        found = rows.filter(public_id=public_id).first()
    if found is None:
        raise NotFound(NO_ARTIFACT)
    return _passed_collection(actor, permission, found)


def _passed_collection(actor: Actor, permission: Permission, found: Collection) -> Collection:
    is_own = actor.user_id is not None and found.created_by_id == actor.user_id
    try:
        require(actor, permission, found.project, what="artifact", is_own=is_own)
    except NotFound:
        raise NotFound(NO_ARTIFACT) from None
    return found


def collections_in(actor: Actor, project: Project, *, type_name: str | None = None) -> list[OpenCollection]:
    """The collections of a project with something in them, and its portfolios, by name; only those of one type."""
    require(actor, Permission.FILE_READ, project, what="artifact")
    has_some = Q(versions__state=VersionState.COMMITTED) | Q(kind=CollectionKind.PORTFOLIO.value)
    rows = Collection.objects.filter(has_some, project=project).distinct()
    if type_name is not None:
        rows = rows.filter(type_index=blind_index(project_key(project), TYPE_LABEL, type_name))
    return sorted(open_collections(rows, project), key=lambda each: each.name)


def open_collections(rows: Iterable[Collection], project: Project | None = None) -> list[OpenCollection]:
    """Unseal the words of these collections with one question to the vault; of a project that is held, or each with its own."""
    found, rows = [], list(rows)
    keys = open_keys(NodeId(row.vault_node) for row in rows)
    for row in rows:
        row.project = project or row.project
        if (key := keys.get(NodeId(row.vault_node))) is None:
            continue
        try:
            found.append(_open_collection(row, key))
        except Tampered as error:
            leave_out(error)
    return found


def open_collection(row: Collection) -> OpenCollection:
    return _open_collection(row, collection_key(row))


def _open_collection(row: Collection, key: OpenKey) -> OpenCollection:
    words = jsontext.loads(unseal(key, bytes(row.sealed_words), label=COLLECTION_WORDS_LABEL, row=row.uuid))
    return OpenCollection(
        collection=row,
        name=words["name"],
        type_name=words["type"],
        description=words.get("description", ""),
        tags=tuple(words.get("tags", ())),
    )


# ── versions ──


def present() -> QuerySet[Version]:
    """Versions that are there, also those that are being uploaded."""
    rows = Version.objects.filter(collection__erased_at=None, collection__project__erased_at=None)
    rows = rows.exclude(state=VersionState.DELETED)
    return rows.select_related("collection__project__entity")


def committed() -> QuerySet[Version]:
    return present().filter(state=VersionState.COMMITTED)


def get_version(actor: Actor, permission: Permission, *, public_id: str) -> Version:
    """The committed version with this opaque id, for this purpose. One that is being uploaded is not there."""
    found = None
    if is_public_id(public_id):
        # Asked for each file that is read: without the words, which may be long.
        found = find_row(Version, along=_ALONG, without=_WORDS, public_id=public_id)
    is_there = (
        found is not None
        and found.state == VersionState.COMMITTED
        and found.collection.project.erased_at is None
    )
    return passed(actor, permission, found if is_there else None)


def get_open_version(actor: Actor, public_id: str) -> Version:
    """The version that the actor is uploading, or has just committed."""
    found = present().filter(public_id=public_id).first() if is_public_id(public_id) else None
    return passed(actor, Permission.FILE_WRITE, found)


def require_upload(actor: Actor, version: Version) -> None:
    """Pass for whoever may upload to this version; to others it is not there, or not theirs."""
    require_version(actor, Permission.FILE_WRITE, version)


def require_version(actor: Actor, permission: Permission, version: Version) -> None:
    """Pass for whoever may do this to a version that something else led to."""
    passed(actor, permission, version)


def _there(found: Version | None) -> Version:
    if found is None:
        raise NotFound(NO_ARTIFACT)
    return found


def passed(actor: Actor, permission: Permission, found: Version | None) -> Version:
    found = _there(found)
    is_own = actor.user_id is not None and found.created_by_id == actor.user_id
    try:
        require(actor, permission, found.collection.project, what="artifact", is_own=is_own)
    except NotFound:
        raise NotFound(NO_ARTIFACT) from None
    except Forbidden:
        if found.state != VersionState.COMMITTED:
            raise NotFound(NO_ARTIFACT) from None
        raise
    return found


def find_version(collection: Collection, alias: str) -> Version | None:
    """Unchecked: the committed version to which an alias leads, `latest` and `v3` among them."""
    rows = committed().filter(collection=collection)
    if numbered := NUMBERED.fullmatch(alias):
        return rows.filter(number=int(numbered[1])).first()
    index = blind_index(collection_key(collection), ALIAS_LABEL, alias)
    found = rows.filter(aliases__alias_index=index).first()
    if found is None and alias == LATEST:
        return rows.order_by("-number").first()
    return found


def version_by_client_id(actor: Actor, client_id: str, *, within: Project | None = None) -> Version:
    """The version that a client knows by an id of its own, committed or being uploaded by the actor.

    Wherever it is, unless `within` says where: whoever is led to a project of others has looked into it.
    """
    rows = present().filter(client_index=client_index(client_id))
    if within is not None:
        rows = rows.filter(collection__project=within)
    for found in rows.order_by("id")[:_MOST_OF_ONE_CLIENT_ID]:
        if found.state == VersionState.COMMITTED:
            is_seen = bool(readable(actor, [found.collection.project]))
        else:
            is_own = actor.user_id is not None and found.created_by_id == actor.user_id
            is_seen = may(actor, Permission.FILE_WRITE, found.collection.project, is_own=is_own)
        if is_seen:
            return found
    raise NotFound(NO_ARTIFACT)


def resolve_client_path(actor: Actor, address: str, *, within: Project) -> tuple[Version, str]:
    """The version and the path of `wandb-client-artifact://ID[:latest]/path`, where ID is a version's or a collection's.

    In this project alone: whoever writes an address sends nobody to look into somebody else's.
    """
    whole = address.removeprefix("wandb-client-artifact://")
    who, _slash, path = whole.partition("/")
    client_id, colon, alias = who.partition(":")
    if not colon:
        version = version_by_client_id(actor, client_id, within=within)
        return _there(version if version.state == VersionState.COMMITTED else None), path
    rows = Collection.objects.select_related("project__entity").filter(client_index=client_index(client_id))
    rows = rows.filter(project=within, project__erased_at=None)
    for collection in rows.order_by("id")[:_MOST_OF_ONE_CLIENT_ID]:
        if readable(actor, [collection.project]):
            return _there(find_version(collection, alias)), path
    raise NotFound(NO_ARTIFACT)


def versions_of(
    collection: Collection,
    *,
    start: int = 0,
    count: int | None = None,
    digest: str | None = None,
    order: str = "-number",
    note: Callable[[int], object] | None = None,
) -> list[OpenVersion]:
    """The committed versions of a collection that is held already, the newest first. `note` as `open_versions` has it."""
    rows = _of(collection, order=order)
    if digest is not None:
        rows = rows.filter(digest_index=blind_index(collection_key(collection), DIGEST_LABEL, digest))
    found = list(rows[start : None if count is None else start + count])
    for row in found:
        row.collection = collection  # whose words may be long: they are in memory once
    return open_versions(found, note=note)


def sealed_size(
    collection: Collection, *, start: int = 0, count: int | None = None, order: str = "-number"
) -> int:
    """How many bytes of sealed words `versions_of` reads when it is asked the same, without reading them."""
    rows = _of(collection, order=order)[start : None if count is None else start + count]
    own: Iterable[int] = rows.values_list(Length("sealed_words"), flat=True)
    return len(collection.sealed_words) + sum(own)


def _of(collection: Collection, *, order: str) -> QuerySet[Version]:
    return committed().select_related(None).filter(collection=collection).order_by(order, "-number")


def count_versions(collection: Collection) -> int:
    return Version.objects.filter(collection=collection, state=VersionState.COMMITTED).count()


def open_version(version: Version) -> OpenVersion:
    opened = open_versions([version])
    if not opened:
        raise NotFound(NO_ARTIFACT)
    return opened[0]


def open_versions(
    versions: Iterable[Version], *, note: Callable[[int], object] | None = None
) -> list[OpenVersion]:
    """Unseal the words of these versions with one question to the vault. Those whose key is erased are left out. `note` is told how
    many letters each has as soon as it is open, and may raise: what is stored packed may be a thousand times as long."""
    rows = list(versions)
    nodes = {NodeId(row.vault_node) for row in rows} | {NodeId(row.collection.vault_node) for row in rows}
    keys = open_keys(nodes)
    aliases = _aliases_of(rows)
    collections: dict[int, OpenCollection] = {}
    opened = []
    for row in rows:
        key, above = keys.get(NodeId(row.vault_node)), keys.get(NodeId(row.collection.vault_node))
        if key is None or above is None:
            continue
        try:
            if row.collection_id not in collections:
                collections[row.collection_id] = _open_collection(row.collection, above)
            words = words_of(row, key)
            names = tuple(
                unseal_text(above, bytes(each.sealed_alias), label=ALIAS_LABEL, row=each.uuid)
                for each in aliases[row.pk]
            )
        except Tampered as error:
            leave_out(error)
            continue
        if note is not None:
            note(words.letters)
        opened.append(OpenVersion(row, collections[row.collection_id], words, names))
    return opened


def words_of(version: Version, key: OpenKey | None = None) -> VersionWords:
    key = key or version_key(version)
    return VersionWords.from_json(
        jsontext.loads(unseal(key, bytes(version.sealed_words), label=WORDS_LABEL, row=version.uuid))
    )


def _aliases_of(versions: Sequence[Version]) -> dict[int, list[Alias]]:
    found: dict[int, list[Alias]] = defaultdict(list)
    rows = Alias.objects.filter(version__in=[each.pk for each in versions]).order_by("id")
    own = {each.pk: each.collection_id for each in versions}
    for row in rows:
        if row.collection_id == own[row.version_id]:  # others are a portfolio's
            found[row.version_id].append(row)
    return found


def aliases_of(collection: Collection, *, of_closed: bool = True) -> list[tuple[str, str]]:
    """Every alias of a collection that is held already, with the id by which it is known, by name; also of versions that are
    being erased and can come back, unless not."""
    key = collection_key(collection)
    rows = Alias.objects.filter(collection=collection)
    if not of_closed:
        rows = rows.filter(version__state=VersionState.COMMITTED)
    return sorted(
        (unseal_text(key, bytes(row.sealed_alias), label=ALIAS_LABEL, row=row.uuid), row.uuid.hex)
        for row in rows
    )


def aliases_in(collections: Iterable[Collection]) -> dict[int, list[str]]:
    """By the row of each of these, which are held already, its aliases by name; with one question to each database."""
    held = list(collections)
    keys = open_keys(NodeId(each.vault_node) for each in held)
    nodes = {each.pk: NodeId(each.vault_node) for each in held if NodeId(each.vault_node) in keys}
    found: dict[int, list[str]] = {each.pk: [] for each in held}
    for row in Alias.objects.filter(collection__in=nodes):
        key = keys[nodes[row.collection_id]]
        found[row.collection_id].append(
            unseal_text(key, bytes(row.sealed_alias), label=ALIAS_LABEL, row=row.uuid)
        )
    return {pk: sorted(names) for pk, names in found.items()}


def opaque(*parts: str) -> str:
    """An id for what has no row of its own: stable, and telling nothing."""
    return hashlib.sha256("|".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]
