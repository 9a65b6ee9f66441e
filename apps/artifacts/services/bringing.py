"""Artifacts that come from elsewhere as they stood there: numbers, digests, aliases and moments. Each act may be done again.

They lie in a project that is closed until all has come. What their lists say of a file is held to its bytes, as with any upload.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.manifests import (
    DIGEST,
    MOST_ENTRIES,
    REF,
    Listed,
    Row,
    clean_path,
    digest_of,
    write_manifest,
)
from apps.artifacts.models import Collection, Link, StoredFile, Version
from apps.artifacts.names import check_text, clean_aliases, clean_collection, clean_tags, clean_type
from apps.artifacts.queries.entries import MOST_AT_ONCE, list_entries
from apps.artifacts.queries.versions import (
    client_index,
    collection_key,
    find_collection,
    version_key,
    words_of,
)
from apps.artifacts.services.collections import make_collection, move_aliases, seal_collection_words
from apps.artifacts.services.committing import publish_whole
from apps.artifacts.services.deleting import drop_never_sent
from apps.artifacts.services.uploads import (
    announce_files,
    announce_manifest,
    check_new_version,
    insert_version,
    link_run,
    receive_file,
    receive_manifest,
    require_kept,
    sealed_words,
)
from apps.artifacts.types import (
    Entry,
    ManifestKind,
    PastCollection,
    PastFile,
    PastVersion,
    Room,
    RunRole,
    VersionState,
    WantedFile,
)
from apps.blobs.models import BlobState
from apps.core.errors import Conflict, Invalid, NotFound, NotThere, TooMuch
from apps.projects.models import Project
from apps.projects.past import kept_id
from apps.runs.models import Run

_AT_ONCE = 500  # files for which room is made together
_MOST_VERSIONS = 10**9


def bring_collection(project: Project, was: PastCollection, *, by: Actor) -> Collection:
    """The collection of this name in a project that is closed still, made as it stood."""
    name, type_name = clean_collection(was.name), clean_type(was.type_name)
    check_text(was.description)
    if not 0 <= was.versions_made < _MOST_VERSIONS:
        raise Invalid("A number of versions is out of range.")
    made = find_collection(project, name)
    made = made or make_collection(project, name, type_name, client_id="", by=by, kind=was.kind)
    seal_collection_words(
        made,
        collection_key(made),
        name=name,
        type_name=type_name,
        description=was.description,
        tags=clean_tags(was.tags),
    )
    if made.public_id != was.public_id:
        made.public_id = kept_id(Collection, was.public_id)
    made.created_at, made.updated_at = was.created_at, was.updated_at
    made.save(update_fields=["sealed_words", "public_id", "created_at", "updated_at"])
    return made


def bring_version(
    collection: Collection,
    was: PastVersion,
    files: Iterable[PastFile],
    *,
    key: str,
    by: Actor,
    lost: Callable[[str], None] = lambda _path: None,
) -> Version:
    """A version with all of its files under the number that it had. `key` tells it from all others that ever come: what broke off
    is gone on with. Invalid where bytes, or the list, have another digest than was said.

    Without the files that are not there any more, of which `lost` is told the paths: then it has the digest of those that are."""
    version = _begun(collection, was, key=key, by=by)
    if version.state == VersionState.COMMITTED:
        if was.new.digest not in (
            "",
            words_of(version).digest,
        ):  # whoever died behind it had not told of them
            here = {each.path for each in _entries(version)}
            for file in files:
                if file.entry.path not in here:
                    lost(file.entry.path)
        return version
    rows, missing = _received(version, files)
    if missing:
        # Its own digest is asked for while all that it names stands in the list: then it has another one.
        if was.new.digest not in ("", digest_of(rows)):
            raise Invalid(_("The digest of this artifact is not that of the files in its list."))
        for path in missing:
            lost(path)
            del rows[path]
        while drop_never_sent(StoredFile.objects.filter(birth=version)):
            pass
        words = replace(words_of(version), digest=digest_of(rows))
        version.sealed_words = sealed_words(version, version_key(version), words)
    raw = write_manifest(Listed(rows))
    md5 = base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode()
    receive_manifest(announce_manifest(version, kind=ManifestKind.FULL, digest=md5), [raw])
    with transaction.atomic():
        _make_next(collection, was.number)
        publish_whole(version, by=by)
        Version.objects.filter(pk=version.pk).update(
            created_at=was.created_at,
            committed_at=was.committed_at,
            updated_at=was.updated_at or was.committed_at,
        )
    return Version.objects.select_related("collection__project__entity").get(pk=version.pk)


def _begun(collection: Collection, was: PastVersion, *, key: str, by: Actor) -> Version:
    rows = Version.objects.select_related("collection__project__entity").filter(collection=collection)
    made = rows.filter(client_index=client_index(key)).first()
    if made is None:
        new = replace(was.new, client_id=key, sequence_client_id="", distributed_id="")
        check_new_version(new)
        require_kept(collection.project, new, None)
        made = insert_version(collection, collection_key(collection), new, run=None, by=by)
    # Before its files come: their list says with which version each of them came. Whoever broke off may not have come to it.
    if made.public_id != was.public_id and kept_id(Version, was.public_id) == was.public_id:
        made.public_id = was.public_id
        made.save(update_fields=["public_id"])
    return made


def _entries(version: Version) -> Iterator[Entry]:
    for start in range(0, version.file_count, MOST_AT_ONCE):
        yield from list_entries(version, start=start, count=MOST_AT_ONCE)


def _received(version: Version, files: Iterable[PastFile]) -> tuple[dict[str, Row], list[str]]:
    """The rows of the list, once the bytes of each file are here, and which paths are of those whose bytes are nowhere."""
    rows: dict[str, Row] = {}
    nowhere: set[str] = set()  # digests
    batch: list[PastFile] = []
    for file in files:
        clean_path(file.entry.path)
        if file.entry.path in rows:
            raise Invalid(_("Two files have the same name."))
        if len(rows) >= MOST_ENTRIES:
            raise TooMuch(_("An artifact has at most %(n)d files.") % {"n": MOST_ENTRIES})
        entry = file.entry
        rows[entry.path] = [entry.path, entry.digest, entry.size, entry.ref, "", 0, entry.extra]
        if not entry.ref:
            batch.append(file)
        if len(batch) == _AT_ONCE:
            _receive(version, batch, rows, nowhere)
            batch = []
    if batch:
        _receive(version, batch, rows, nowhere)
    return rows, [path for path, row in rows.items() if not row[REF] and row[DIGEST] in nowhere]


def _receive(version: Version, batch: Sequence[PastFile], rows: dict[str, Row], nowhere: set[str]) -> None:
    rooms = announce_files(version, [WantedFile(each.entry.path, each.entry.digest) for each in batch])
    came: set[int] = set()
    for each, room in zip(batch, rooms, strict=True):
        rows[each.entry.path][4] = base64.b64encode(f"Artifact:{room.birth}".encode()).decode()
        if room.file is None or room.file.pk in came:
            continue
        try:
            _fill(each, room)
        except NotThere:  # of two with the same bytes one may be
            nowhere.add(each.entry.digest)
        else:
            came.add(room.file.pk)
            nowhere.discard(each.entry.digest)


def _fill(file: PastFile, room: Room) -> None:
    if file.read is None:
        raise Invalid(_("The bytes of a file are missing."))
    rows = StoredFile.objects.select_related("blob", "birth__collection__project__entity")
    found = rows.get(pk=room.file.pk) if room.file is not None else None
    if found is not None and found.blob.state != BlobState.STORED:
        receive_file(found, file.read())


def _make_next(collection: Collection, number: int) -> None:
    """The next version that is committed has this number. They come in order, and one that was erased leaves its number empty."""
    row = Collection.objects.select_for_update().filter(pk=collection.pk).first()
    if row is None:
        raise NotFound("There is no such artifact, or it is not shared with you.")
    if not row.versions_made <= number < _MOST_VERSIONS:
        raise Conflict("Versions come in the order of their numbers.")
    Collection.objects.filter(pk=row.pk).update(versions_made=number)


@transaction.atomic
def settle_collection(collection: Collection, was: PastCollection) -> None:
    """All of its versions have come: the next one gets the number that it would have got."""
    row = Collection.objects.select_for_update().filter(pk=collection.pk).first()
    if row is None:
        raise NotFound("There is no such artifact, or it is not shared with you.")
    row.versions_made, row.updated_at = max(row.versions_made, was.versions_made), was.updated_at
    row.save(update_fields=["versions_made", "updated_at"])
    # The ids by which they were told apart while they came are nobody's.
    Version.objects.filter(collection=row).update(client_index=None)


@transaction.atomic
def bring_link(
    portfolio: Collection,
    version: Version,
    *,
    number: int,
    aliases: Sequence[str],
    created_at: datetime,
    by: Actor,
) -> None:
    """A version that was brought as well, as a member of a portfolio."""
    if not 0 <= number < _MOST_VERSIONS:
        raise Invalid("The number of a link is out of range.")
    held = Link.objects.filter(Q(number=number) | Q(version=version), collection=portfolio)
    if not held.exists():
        Link.objects.create(
            collection=portfolio,
            version=version,
            number=number,
            created_at=created_at,
            created_by_id=by.user_id,
        )
        move_aliases(portfolio, version, clean_aliases(aliases))


def bring_role(run: Run, version: Version, role: RunRole) -> None:
    """A run that was brought read a version that was brought, or made it."""
    link_run(run, version, role)
