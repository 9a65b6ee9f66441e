"""What leads to a version that is erased, and whose its files are then; and uploads that broke off, which nobody ever saw.

To erase a version, or an artifact, is `apps.erasure`'s: it asks here what else there is to do.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.models import Alias, Collection, Manifest, StoredFile, Version
from apps.artifacts.queries.holders import heirs_of
from apps.artifacts.queries.versions import (
    ALIAS_LABEL,
    COLLECTION_LABEL,
    collection_key,
    committed,
    find_collection,
    open_collection,
    project_key,
)
from apps.artifacts.services.collections import move_aliases
from apps.artifacts.services.linking import cut_links, end_links, require_may_end_links
from apps.artifacts.types import LATEST, CollectionKind, VersionState
from apps.blobs.models import Blob, BlobState
from apps.blobs.services import delete_blob
from apps.core import clock
from apps.core.errors import Conflict, Unavailable
from apps.vault.errors import KeyGone, Tampered
from apps.vault.seal import blind_index
from apps.vault.tree import discard_node, drop_grants, erase_node, owners_of, some_granted
from apps.vault.types import NodeId

_BATCH = 500
_MOST_AT_ONCE = 50
# The links for an upload are good for a day after the last that was announced.
_BROKEN_OFF = timedelta(days=2)
log = logging.getLogger(__name__)


def leave_versions(versions: Sequence[Version], *, by: Actor) -> None:
    """Let nothing lead to these versions any more, which are marked as erased; called inside the transaction that does so.

    Their links are cut and their aliases go; `latest` leads to the newest that is left. What their words are is not asked,
    and a collection whose key is damaged keeps none of its versions.
    """
    cut_links(versions, by=by)
    ids = [each.pk for each in versions]
    for collection in {each.collection_id: each.collection for each in versions}.values():
        led = Alias.objects.filter(collection=collection, version__in=ids)
        was_latest = _is_latest_among(collection, led)
        led.delete()
        if was_latest:
            _move_latest(collection)
    Alias.objects.filter(version__in=ids).delete()


def _is_latest_among(collection: Collection, led: QuerySet[Alias]) -> bool:
    try:
        latest = blind_index(collection_key(collection), ALIAS_LABEL, LATEST)
    except (KeyGone, Tampered) as error:
        log.warning("latest not moved: collection=%s error=%s", collection.pk, type(error).__name__)
        return False
    return led.filter(alias_index=latest).exists()


def _move_latest(collection: Collection) -> None:
    newest = committed().filter(collection=collection).order_by("-number").first()
    if newest is not None:
        move_aliases(collection, newest, [LATEST])


def close_versions(versions: Sequence[Version]) -> None:
    """Let `latest` lead past these versions, which are closed and may yet come back. All else that leads to them stands, and
    leads nowhere meanwhile."""
    ids = [each.pk for each in versions]
    for collection in {each.collection_id: each.collection for each in versions}.values():
        if _is_latest_among(collection, Alias.objects.filter(collection=collection, version__in=ids)):
            _move_latest(collection)


def bring_back_versions(versions: Sequence[Version]) -> None:
    """Show versions that were closed again, which are locked with their collections; inside the caller's transaction. An alias
    that was given to another version meanwhile stays there."""
    Version.everything.filter(pk__in=[each.pk for each in versions]).update(
        state=VersionState.COMMITTED, erased_at=None, erasure_job=None, updated_at=clock.now()
    )
    for collection in {each.collection_id: each.collection for each in versions}.values():
        with suppress(KeyGone, Tampered):
            _move_latest(collection)


def close_collection(collection: Collection, *, by: Actor) -> None:
    """Forbidden where protected aliases lead into a portfolio that is closed, as if its links ended now."""
    if collection.kind == CollectionKind.PORTFOLIO:
        require_may_end_links(collection, by=by)


def bring_back_collection(collection: Collection) -> None:
    """Let a collection be found again that was closed, and is locked; inside the caller's transaction. Conflict where another
    one has its name by now."""
    row = Collection.everything.select_related("project__entity").get(pk=collection.pk)
    name = open_collection(row).name
    said = _("The project has an artifact of this name again. Erase or rename that one first.")
    if find_collection(row.project, name) is not None:
        raise Conflict(said)
    try:
        with transaction.atomic():
            Collection.everything.filter(pk=row.pk).update(
                erased_at=None,
                erasure_job=None,
                name_index=blind_index(project_key(row.project), COLLECTION_LABEL, name),
                updated_at=clock.now(),
            )
    except IntegrityError:  # the name was given at this moment
        raise Conflict(said) from None


def leave_collection(collection: Collection, *, by: Actor) -> None:
    """Let nothing lead to what is in a collection any more, which is marked as erased; called inside the transaction that
    does so. Of a portfolio the links go, and what they led to stays where it was made.
    """
    if collection.kind == CollectionKind.PORTFOLIO:
        end_links(collection, by=by)
    else:
        linked = Version.everything.filter(collection=collection, links__isnull=False)
        cut_links(linked.only("pk").distinct(), by=by)
    Alias.objects.filter(collection=collection).delete()


def hand_on_files(files: Sequence[StoredFile], *, also: Q) -> list[StoredFile]:
    """Of files that came with versions which are being erased: what a version that stays holds as well, or one of `also`, is
    found by that one from now on. The others, to which nobody has a claim."""
    heirs, handed = heirs_of(files, also=also), defaultdict[int, list[int]](list)
    for file_id, heir_id in heirs.items():
        handed[heir_id].append(file_id)
    for heir_id, ids in handed.items():
        StoredFile.objects.filter(pk__in=ids).update(birth=heir_id)
    return [each for each in files if each.pk not in heirs]


def give_back_files(owner: NodeId) -> bool:
    """Take some of what an erased version was granted from it; whether there was any."""
    if blobs := some_granted(owner, _BATCH):
        drop_grants(owner, blobs)
    return bool(blobs)


def clear_version(version: Version) -> bool:
    """Take away what is left of an upload that was given up. True when nothing is; it may be called again and again."""
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
    with transaction.atomic():
        version.delete()
    return True


def _has_manifests(version: Version) -> bool:
    return Manifest.objects.filter(version=version, blob__isnull=False).exists()


def _give_up(version: Version, owner: NodeId, blobs: list[NodeId]) -> None:
    """What others hold stays theirs, and one of them is from now on whom it is found by; the rest is deleted."""
    held = owners_of(blobs)
    shared = {blob: [each for each in held.get(blob, ()) if each != owner] for blob in blobs}
    heirs = _heirs({node for nodes in shared.values() for node in nodes})
    rows = {NodeId(row.vault_node): row for row in Blob.objects.filter(vault_node__in=blobs)}
    for blob in blobs:
        row = rows.get(blob)
        heir = next((heirs[node] for node in heirs if node in shared[blob]), None)
        if row is None:
            continue
        if heir is None:
            _delete_file(row)
        else:
            StoredFile.objects.filter(blob=row, birth=version).update(birth=heir)
    drop_grants(owner, blobs)


def _heirs(nodes: Iterable[NodeId]) -> dict[NodeId, Version]:
    """Those of these owners whose claim counts, the ones that are there first. One that is erased may yet come back: while it
    has its key, which is destroyed first, what it holds is its own."""
    rows = Version.everything.filter(vault_node__in=nodes).exclude(state=VersionState.DELETED, erased_at=None)
    found = sorted(rows.defer("sealed_words"), key=lambda each: each.erased_at is not None)
    return {NodeId(each.vault_node): each for each in found}


def _delete_file(blob: Blob) -> None:
    with transaction.atomic():
        StoredFile.objects.filter(blob=blob).delete()
        Manifest.objects.filter(blob=blob).update(blob=None)
    try:
        delete_blob(blob)
    except (OSError, DatabaseError, Conflict, Unavailable) as error:
        log.warning("blob left to the sweep: blob=%s error=%s", blob.pk, type(error).__name__)


def drop_never_sent(files: QuerySet[StoredFile]) -> int:
    """Take away those of these files whose bytes have not come; how many."""
    with transaction.atomic():
        # Held, so that bytes which come at this moment either keep their file, or find it gone.
        blobs = list(
            Blob.objects.select_for_update(of=("self",))
            .filter(state=BlobState.UPLOADING, stored_file__in=files)
            .order_by("pk")[:_BATCH]
        )
        StoredFile.objects.filter(blob__in=blobs).delete()
    for blob in blobs:
        _delete_file(blob)
    return len(blobs)


def _sweep_never_sent() -> int:
    """Files for which a version made room, and which it does not list: it was committed without them."""
    before = clock.now() - _BROKEN_OFF
    return drop_never_sent(
        StoredFile.objects.filter(birth__state=VersionState.COMMITTED, blob__created_at__lt=before)
    )


def sweep_versions() -> int:
    """Uploads that broke off, and what they left. How many were looked at. What was committed goes by an erasure."""
    now = clock.now()
    # By one statement, which asks again what it waited for: one of them may be committed at this moment.
    pending = Version.objects.filter(state=VersionState.PENDING, touched_at__lt=now - _BROKEN_OFF)
    pending.update(state=VersionState.DELETED, updated_at=now)
    deleted = Version.objects.filter(state=VersionState.DELETED).select_related("collection")
    found = list(deleted.order_by("pk")[:_BATCH])
    for version in found:
        clear_version(version)
    return len(found) + _sweep_never_sent() + _sweep_collections()


def _sweep_collections() -> int:
    """Collections in which nothing was ever committed, long after they were made. Not of a project that is closed: while it is
    brought they have the moments of elsewhere."""
    before = clock.now() - _BROKEN_OFF
    empty = Collection.objects.filter(
        project__erased_at=None, versions_made=0, updated_at__lt=before, versions__isnull=True
    )
    swept = 0
    for collection in empty.order_by("pk")[:_BATCH]:
        with transaction.atomic():
            if Version.objects.filter(collection=collection).exists():
                continue
            Collection.objects.filter(pk=collection.pk).delete()
        discard_node(NodeId(collection.vault_node))
        swept += 1
    return swept
