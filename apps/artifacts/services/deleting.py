"""A version goes: its key first, so that what only it held opens nowhere; then, in bounded steps, what is left of it."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.models import Alias, Collection, Manifest, StoredFile, Version
from apps.artifacts.queries.versions import ALIAS_LABEL, collection_key, committed, whose
from apps.artifacts.services.collections import move_aliases
from apps.artifacts.services.linking import cut_links, end_portfolio
from apps.artifacts.types import LATEST, CollectionKind, VersionState
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.blobs.models import Blob
from apps.blobs.services import delete_blob
from apps.core import background, clock
from apps.core.errors import Conflict
from apps.vault.errors import KeyGone, Tampered
from apps.vault.seal import blind_index
from apps.vault.tree import discard_node, drop_grants, erase_node, owners_of, some_granted
from apps.vault.types import NodeId

_BATCH = 500
_MOST_AT_ONCE = 50
# The links for an upload are good for a day after the last that was announced.
_BROKEN_OFF = timedelta(days=2)
log = logging.getLogger(__name__)


def delete_version(
    version: Version, *, by: Actor, with_aliases: bool = False, only_if: Q | None = None
) -> bool:
    """Delete a version that was fetched with the permission to. Conflict while aliases lead to it, unless they go too.

    With `only_if`, as long as it holds of its row at the last moment. Whether it was deleted now. Its words are not
    opened: a damaged version goes like any other.
    """
    own = Alias.objects.filter(version=version, collection=version.collection_id)
    if not with_aliases and own.exists():
        raise Conflict(_("Aliases lead to this version. Delete them too, or move them first."))
    latest = blind_index(collection_key(version.collection), ALIAS_LABEL, LATEST)
    was_latest = own.filter(alias_index=latest).exists()
    with transaction.atomic():
        if not _leave(version, only_if):
            return False
        cut_links(version, by=by)
        Alias.objects.filter(version=version).delete()
        if was_latest:
            _move_latest(version.collection)
        record(EventKind.ARTIFACT_DELETED, **whose(version), by=by)
        background.enqueue("artifacts.clear", version_id=version.pk)
    erase_node(NodeId(version.vault_node))
    return True


def end_version(version: Version, *, only_if: Q) -> bool:
    """Delete a version whose time is over, if it still is; whether it was. One that cannot be keeps no other waiting."""
    try:
        return delete_version(version, by=Actor.system(), with_aliases=True, only_if=only_if)
    except (KeyGone, Tampered) as error:
        log.warning("version not ended: version=%s error=%s", version.pk, type(error).__name__)
        return False


def _leave(version: Version, only_if: Q | None = None) -> bool:
    rows = Version.objects.filter(only_if or Q(), pk=version.pk).exclude(state=VersionState.DELETED)
    return bool(rows.update(state=VersionState.DELETED, updated_at=clock.now()))


def _move_latest(collection: Collection) -> None:
    newest = committed().filter(collection=collection).order_by("-number").first()
    if newest is not None:
        move_aliases(collection, newest, [LATEST])


def delete_collection(collection: Collection, *, by: Actor) -> None:
    """Delete all versions of a collection that was fetched with the permission to, then itself.

    Of a portfolio the links go, and what they led to stays where it was made.
    """
    if collection.kind == CollectionKind.PORTFOLIO:
        end_portfolio(collection, by=by)
        return
    versions = Version.objects.filter(collection=collection).exclude(state=VersionState.DELETED)
    for version in versions.select_related("collection__project__entity"):
        with transaction.atomic():
            if _leave(version):
                cut_links(version, by=by)
                record(EventKind.ARTIFACT_DELETED, **whose(version), by=by)
                background.enqueue("artifacts.clear", version_id=version.pk)
    with transaction.atomic():
        Alias.objects.filter(collection=collection).delete()
        # Its name is free at once, also when this ends here; what is left goes when the last of its versions is cleared.
        Collection.objects.filter(pk=collection.pk).update(
            name_index=collection.uuid.bytes, client_index=None, updated_at=clock.now()
        )
    erase_node(NodeId(collection.vault_node))
    if not Version.objects.filter(collection=collection).exists():
        Collection.objects.filter(pk=collection.pk).delete()


def clear_version(version: Version) -> bool:
    """Take away what is left of a deleted version. True when nothing is; it may be called again and again."""
    if version.state != VersionState.DELETED:
        return True
    owner = NodeId(version.vault_node)
    erase_node(owner)
    for _round in range(_MOST_AT_ONCE):
        blobs = some_granted(owner, _BATCH)
        if not blobs:
            break
        _give_up(version, owner, blobs)
    else:
        return False
    if StoredFile.objects.filter(birth=version).exists() or _has_manifests(version):
        return False
    collection = version.collection
    with transaction.atomic():
        version.delete()
    if not Version.objects.filter(collection=collection).exists() and not _is_named(collection):
        erase_node(NodeId(collection.vault_node))
        Collection.objects.filter(pk=collection.pk).delete()
    return True


def _is_named(collection: Collection) -> bool:
    return (
        bytes(Collection.objects.values_list("name_index", flat=True).get(pk=collection.pk))
        != collection.uuid.bytes
    )


def _has_manifests(version: Version) -> bool:
    return Manifest.objects.filter(version=version, blob__isnull=False).exists()


def _give_up(version: Version, owner: NodeId, blobs: list[NodeId]) -> None:
    """What others hold stays theirs, and one of them is from now on whom it is found by; the rest is deleted."""
    held = owners_of(blobs)
    shared = {blob: [each for each in held.get(blob, ()) if each != owner] for blob in blobs}
    heirs = {
        NodeId(each.vault_node): each
        for each in Version.objects.filter(
            vault_node__in={node for nodes in shared.values() for node in nodes}
        ).exclude(state=VersionState.DELETED)
    }
    rows = {NodeId(row.vault_node): row for row in Blob.objects.filter(vault_node__in=blobs)}
    for blob in blobs:
        row = rows.get(blob)
        heir = next((heirs[node] for node in shared[blob] if node in heirs), None)
        if row is None:
            continue
        if heir is None:
            _delete_file(row)
        else:
            StoredFile.objects.filter(blob=row, birth=version).update(birth=heir)
    drop_grants(owner, blobs)


def _delete_file(blob: Blob) -> None:
    with transaction.atomic():
        StoredFile.objects.filter(blob=blob).delete()
        Manifest.objects.filter(blob=blob).update(blob=None)
    try:
        delete_blob(blob)
    except (OSError, DatabaseError, Conflict) as error:
        log.warning("blob left to the sweep: blob=%s error=%s", blob.pk, type(error).__name__)


def sweep_versions() -> int:
    """Uploads that broke off, versions whose time is over, and what deleted ones left. How many were looked at."""
    now = clock.now()
    # By one statement, which asks again what it waited for: one of them may be committed at this moment.
    pending = Version.objects.filter(state=VersionState.PENDING, touched_at__lt=now - _BROKEN_OFF)
    pending.update(state=VersionState.DELETED, updated_at=now)
    _end_those_over()
    deleted = Version.objects.filter(state=VersionState.DELETED).select_related("collection")
    found = list(deleted.order_by("pk")[:_BATCH])
    for version in found:
        clear_version(version)
    return len(found) + _sweep_collections()


def _end_those_over() -> None:
    """Versions with a time to live, once it is over; aliases lead nowhere then."""
    timed = committed().filter(ttl_seconds__gt=0).order_by("pk")
    now = clock.now()
    for version in timed.iterator():
        assert version.ttl_seconds is not None and version.committed_at is not None
        if version.committed_at + timedelta(seconds=version.ttl_seconds) <= now:
            end_version(version, only_if=Q(ttl_seconds=version.ttl_seconds))


def _sweep_collections() -> int:
    """Collections in which nothing was ever committed, long after they were made."""
    before = clock.now() - _BROKEN_OFF
    empty = Collection.objects.filter(versions_made=0, updated_at__lt=before, versions__isnull=True)
    swept = 0
    for collection in empty.order_by("pk")[:_BATCH]:
        with transaction.atomic():
            if Version.objects.filter(collection=collection).exists():
                continue
            Collection.objects.filter(pk=collection.pk).delete()
        discard_node(NodeId(collection.vault_node))
        swept += 1
    return swept
