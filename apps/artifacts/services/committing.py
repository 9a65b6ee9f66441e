"""A version becomes visible: once, whole, and only when every file that it lists is here."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import orjson
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.actors import Actor
from apps.artifacts.manifests import (
    DIGEST,
    MOST_ENTRIES,
    PAGE_ENTRIES,
    REF,
    SIZE,
    STORED,
    Listed,
    Rows,
    digest_of,
    in_order,
    outline_of,
    read_manifest,
    write_manifest,
)
from apps.artifacts.models import Collection, EntryPage, Manifest, Version
from apps.artifacts.queries.entries import (
    ENTRIES_LABEL,
    current_manifest,
    read_manifest_blob,
    stored_by_digest,
)
from apps.artifacts.queries.versions import (
    DIGEST_LABEL,
    NO_ARTIFACT,
    collection_key,
    committed,
    version_key,
    whose,
    words_of,
)
from apps.artifacts.services.collections import move_aliases
from apps.artifacts.services.uploads import hold, let_go, sealed_words
from apps.artifacts.types import ManifestKind, VersionState, VersionWords
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.blobs.services import write_blob
from apps.core import clock
from apps.core.errors import Invalid, NotFound, TooMuch
from apps.projects.models import Project
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal
from apps.vault.types import NodeId


class HeldAlready(Exception):
    """The latest version of the artifact holds the same files."""

    def __init__(self, version: Version) -> None:
        self.version = version


def commit_version(version: Version, *, by: Actor, unless_held: bool = False) -> Version:
    """Give a version its number and let it be seen. Invalid while a file that it lists has not come whole.

    Asking twice is allowed, also at once: the second finds it done. `unless_held`: HeldAlready where the latest holds the same.
    """
    if version.state == VersionState.COMMITTED:
        return version
    publish_whole(version, by=by, unless_held=unless_held)
    return committed().get(pk=version.pk)


def publish_whole(version: Version, *, by: Actor, unless_held: bool = False) -> None:
    """The same, also in a project that is closed still."""
    manifests = list(
        Manifest.objects.filter(version=version, blob__isnull=False).select_related("blob").order_by("id")
    )
    for each in manifests:
        each.version = version
    if not manifests:
        raise Invalid(_("The list of this artifact's files has not come."))
    full = [each for each in manifests if each.kind == ManifestKind.FULL]
    listed = _read(full[-1]) if full else _merged(version, manifests)
    words = words_of(version)
    digest = digest_of(listed.rows)
    if full and words.digest and words.digest != digest:
        raise Invalid(_("The digest of this artifact is not that of the files in its list."))
    size = _find_files(version, listed)
    current = full[-1] if full else _write_whole(version, listed)
    words = replace(words, digest=digest)
    try:
        rows = in_order(listed.rows.values())
        took = _publish(version, current, rows, size=size, words=words, by=by, unless_held=unless_held)
    except BaseException:
        let_go(None if full else current.blob)
        raise
    if not took and not full:
        let_go(current.blob)


def _read(manifest: Manifest) -> Listed:
    return read_manifest(b"".join(read_manifest_blob(manifest)))


def _merged(version: Version, manifests: list[Manifest]) -> Listed:
    """What several writers brought, or what one changed since the version it goes on from; the later word counts."""
    listed = Listed()
    if any(each.kind == ManifestKind.INCREMENTAL for each in manifests):
        base = _base(version)
        if base is not None:
            listed = _read(current_manifest(base))
    for each in manifests:
        part = _read(each)
        listed.rows |= part.rows
        listed.policy = part.policy
    if len(listed.rows) > MOST_ENTRIES:
        raise TooMuch(_("An artifact has at most %(n)d files.") % {"n": MOST_ENTRIES})
    return listed


def _base(version: Version) -> Version | None:
    """The version that was named, of the same collection; without a name the latest."""
    rows = committed().filter(collection=version.collection)
    if wanted := words_of(version).base:
        found = rows.filter(public_id=wanted).first()
        if found is None:
            raise NotFound(NO_ARTIFACT)
        return found
    return rows.order_by("-number").first()


def _find_files(version: Version, listed: Listed) -> int:
    """Put each file's row into the list and let the version hold it. The size of all; Invalid for what has not come whole."""
    digests = {row[DIGEST] for row in listed.rows.values() if not row[REF]}
    found = stored_by_digest(version.collection.project, digests, version)
    if missing := len(digests) - len(found):
        raise Invalid(
            ngettext(
                "%(n)d file of this artifact has not come.",
                "%(n)d files of this artifact have not come.",
                missing,
            )
            % {"n": missing}
        )
    size = 0
    for row in listed.rows.values():
        size += row[SIZE]
        if row[REF]:
            continue
        file = found[row[DIGEST]]
        if file.blob.plain_size != row[SIZE]:
            raise Invalid(_("A file of this artifact has another size than its list says."))
        row[STORED] = file.pk
    hold(version, found.values())
    return size


def _write_whole(version: Version, listed: Listed) -> Manifest:
    """The merged list as a manifest of its own, which the publishing makes the current one."""
    stored = write_blob(NodeId(version.vault_node), [write_manifest(listed)])
    return Manifest(uuid=uuid.uuid4(), version=version, kind=ManifestKind.FULL.value, blob=stored.blob)


def _publish(
    version: Version,
    current: Manifest,
    rows: Rows,
    *,
    size: int,
    words: VersionWords,
    by: Actor,
    unless_held: bool,
) -> bool:
    """All of it or nothing. False when somebody else was quicker."""
    key, digest = version_key(version), _index_of(version, words.digest)
    pages = list(_pages(version, key, rows))
    now = clock.now()
    with transaction.atomic():
        # Whoever erases the artifact holds its row: either the version is among what they mark, or it is refused here.
        collection = Collection.objects.select_for_update().filter(pk=version.collection_id).first()
        fresh = Version.objects.select_for_update(of=("self",)).filter(pk=version.pk).first()
        if collection is None or fresh is None or fresh.state == VersionState.DELETED:
            raise NotFound(NO_ARTIFACT)
        if fresh.state != VersionState.PENDING:
            return False
        if unless_held and (latest := _latest(collection)) and bytes(latest.digest_index) == digest:
            raise HeldAlready(latest)
        EntryPage.objects.bulk_create(pages, batch_size=20)
        current.is_current = True
        current.save()
        version.number, version.state, version.committed_at = (
            collection.versions_made,
            VersionState.COMMITTED,
            now,
        )
        version.size, version.file_count, version.updated_at = size, len(rows), now
        version.digest_index = digest
        version.sealed_words = sealed_words(version, key, words)
        version.save()
        Collection.objects.filter(pk=collection.pk).update(
            versions_made=F("versions_made") + 1, updated_at=now
        )
        Project.objects.filter(pk=collection.project_id).update(last_activity_at=now)
        move_aliases(version.collection, version, words.aliases)
        record(EventKind.ARTIFACT_COMMITTED, **whose(version), by=by, files=len(rows), bytes=size)
    return True


def _index_of(version: Version, digest: str) -> bytes:
    return blind_index(collection_key(version.collection), DIGEST_LABEL, digest)


def _latest(collection: Collection) -> Version | None:
    return committed().filter(collection=collection).order_by("-number").first()


def _pages(version: Version, key: OpenKey, rows: Rows) -> Iterator[EntryPage]:
    """The files in stretches, and before them what lies in which folder."""
    stretches: list[object] = [outline_of(rows)]
    stretches += [rows[at : at + PAGE_ENTRIES] for at in range(0, len(rows), PAGE_ENTRIES)]
    for number, stretch in enumerate(stretches):
        page = EntryPage(uuid=uuid.uuid4(), version=version, number=number)
        page.sealed_entries = seal(key, orjson.dumps(stretch), label=ENTRIES_LABEL, row=page.uuid)
        yield page
