"""How a version comes: announced, its files, its list of files. Nobody sees any of it before the commit.

Each act may be asked for again: the client retries whatever it has no answer to.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.manifests import (
    MOST_MANIFEST_BYTES,
    clean_path,
    is_md5,
    read_manifest,
    write_manifest,
)
from apps.artifacts.models import Collection, Manifest, RunVersion, StoredFile, Version, WithheldArtifact
from apps.artifacts.names import (
    check_metadata,
    check_parts,
    check_text,
    clean_aliases,
    clean_collection,
    clean_tags,
    clean_type,
)
from apps.artifacts.queries.entries import MANIFEST_LABEL, STORED_LABEL, stored_by_digest
from apps.artifacts.queries.lineage import WITHHELD_LABEL
from apps.artifacts.queries.lives import stored_ttl
from apps.artifacts.queries.versions import (
    DIGEST_LABEL,
    NO_ARTIFACT,
    TYPE_LABEL,
    WORDS_LABEL,
    client_index,
    collection_key,
    committed,
    distributed_index,
    open_collection,
    present,
    project_key,
    require_upload,
    version_key,
    words_of,
)
from apps.artifacts.services.collections import collection_to_add_to, move_aliases, require_sequence
from apps.artifacts.types import (
    ManifestKind,
    NewVersion,
    Room,
    RunRole,
    VersionState,
    VersionWords,
    WantedFile,
)
from apps.blobs.models import Blob, BlobState
from apps.blobs.services import delete_blob, fill_blob, reserve_blobs, write_blob
from apps.blobs.tally import Tally
from apps.code_saving.policy import keeps_artifact
from apps.code_saving.queries import kept_in
from apps.core import clock, jsontext
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMuch, Unavailable
from apps.core.ids import is_public_id
from apps.core.rows import find_row
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import require_same_key, run_key
from apps.vault.errors import KeyGone
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, seal_text, unseal_text
from apps.vault.tree import create_node, discard_node, grant_all, open_blob_key_with, open_key
from apps.vault.types import NodeId, NodeKind

MOST_FILES_AT_ONCE = 10_000
_LONGEST_ID = 512
_CODE_TYPES = ("code", "job")
# A file with all that says whose it is, without the words, which may be long.
_ALONG_FILE = (
    "blob",
    "birth",
    "birth__collection",
    "birth__collection__project",
    "birth__collection__project__entity",
)
_WORDS_OF_FILE = ("birth__sealed_words", "birth__collection__sealed_words")
BAD_DIGEST = "The bytes that came are not those that were announced: their MD5 is another."
log = logging.getLogger(__name__)


def start_version(project: Project, new: NewVersion, *, run: Run | None, by: Actor) -> Version:
    """Make room for a version, or give the one there is: of the same upload, or the latest when its content is the same."""
    check_new_version(new)
    require_kept(project, new, run)
    collection = collection_to_add_to(
        project, name=new.collection, type_name=new.type_name, client_id=new.sequence_client_id, by=by
    )
    require_sequence(collection)
    key = collection_key(collection)
    known = _same_upload(collection, key, new, by)
    if known is None and new.reuses_equal and not new.distributed_id:
        known = _equal_latest(collection, key, new.digest)
    if known is None:
        return insert_version(collection, key, new, run=run, by=by)
    with transaction.atomic():
        if known.state == VersionState.COMMITTED:
            move_aliases(collection, known, new.aliases)
            _link(run, known, RunRole.OUTPUT)
    return known


def check_new_version(new: NewVersion) -> None:
    """Invalid or TooMuch for what no version may be given."""
    clean_collection(new.collection)
    clean_type(new.type_name)
    clean_aliases(new.aliases)
    clean_tags(new.tags)
    check_text(new.description)
    check_metadata(new.metadata_text)
    for word in (new.digest, new.client_id, new.sequence_client_id, new.distributed_id):
        if len(word) > _LONGEST_ID:
            raise Invalid(_("An id or a digest has at most %(n)d letters.") % {"n": _LONGEST_ID})


def require_kept(project: Project, new: NewVersion, run: Run | None) -> None:
    """Forbidden for code that the owner did not let be saved; the run page is told that it was offered."""
    if new.type_name not in _CODE_TYPES:
        return
    if keeps_artifact(new.type_name, new.collection, saving_on=kept_in(project.entity).code):
        return
    if run is not None:
        key = run_key(run)
        row = WithheldArtifact(uuid=uuid.uuid4(), run=run)
        row.name_index = blind_index(key, WITHHELD_LABEL, new.collection)
        row.sealed_name = seal_text(key, new.collection, label=WITHHELD_LABEL, row=row.uuid)
        with transaction.atomic():
            WithheldArtifact.objects.bulk_create([row], ignore_conflicts=True)
            require_same_key(run)
    raise Forbidden(_("Code saving is off for this project; the artifact was not stored."))


def _still_kept(version: Version) -> None:
    """Asked again when bytes come: the setting may have changed since they were announced."""
    collection = version.collection
    key = project_key(collection.project)
    if bytes(collection.type_index) not in {blind_index(key, TYPE_LABEL, each) for each in _CODE_TYPES}:
        return
    opened = open_collection(collection)
    if not keeps_artifact(opened.type_name, opened.name, saving_on=kept_in(collection.project.entity).code):
        raise Forbidden(_("Code saving is off for this project; the artifact was not stored."))


def _same_upload(collection: Collection, key: OpenKey, new: NewVersion, by: Actor) -> Version | None:
    """The version that this call has made before, or that other writers of it have begun."""
    rows = present().filter(collection=collection).order_by("-id")
    if new.distributed_id:
        index = distributed_index(key, new.distributed_id)
        return rows.filter(distributed_index=index, state=VersionState.PENDING).first()
    if not new.client_id:
        return None
    return rows.filter(client_index=client_index(new.client_id), created_by_id=by.user_id).first()


def _equal_latest(collection: Collection, key: OpenKey, digest: str) -> Version | None:
    latest = committed().filter(collection=collection).order_by("-number").first()
    if latest is None or bytes(latest.digest_index) != blind_index(key, DIGEST_LABEL, digest):
        return None
    return latest


def insert_version(
    collection: Collection, key: OpenKey, new: NewVersion, *, run: Run | None, by: Actor
) -> Version:
    """Room for a version of a collection that may be added to."""
    node = create_node(NodeKind.VERSION, parent=NodeId(collection.vault_node))
    words = VersionWords(
        digest=new.digest,
        description=new.description,
        metadata_text=new.metadata_text,
        tags=clean_tags(new.tags),
        aliases=clean_aliases(new.aliases),
        history_step=new.history_step,
    )
    row = Version(
        uuid=uuid.uuid4(),
        collection=collection,
        vault_node=node,
        digest_index=blind_index(key, DIGEST_LABEL, new.digest),
        client_index=client_index(new.client_id) if new.client_id else None,
        distributed_index=distributed_index(key, new.distributed_id) if new.distributed_id else None,
        ttl_seconds=stored_ttl(new.ttl_seconds),
        created_by_id=by.user_id,
    )
    row.sealed_words = sealed_words(row, open_key(node), words)
    try:
        with transaction.atomic():
            # Whoever erases the artifact holds its row: the version is among what they mark, or refused here.
            if not Collection.objects.select_for_update().filter(pk=collection.pk).values_list("pk"):
                raise NotFound(NO_ARTIFACT)
            row.save(force_insert=True)
            _link(run, row, RunRole.OUTPUT)
    except BaseException:
        discard_node(node)
        raise
    return row


def sealed_words(row: Version, key: OpenKey, words: VersionWords) -> bytes:
    text = jsontext.dumps(asdict(words)).encode("utf-8", "surrogatepass")
    return seal(key, text, label=WORDS_LABEL, row=row.uuid)


def _link(run: Run | None, version: Version, role: RunRole) -> None:
    if run is not None:
        link = RunVersion(run=run, version=version, role=role.value)
        RunVersion.objects.bulk_create([link], ignore_conflicts=True)


def link_run(run: Run, version: Version, role: RunRole) -> None:
    """Note that a run read a version, or made it. Both are held already; noting it twice is allowed."""
    _link(run, version, role)


# ── files ──


def announce_files(version: Version, wanted: Sequence[WantedFile]) -> list[Room]:
    """Where the bytes of each file go, in the order asked; None for bytes that are here already.

    One commit in the vault and one in the database for the whole batch.
    """
    if len(wanted) > MOST_FILES_AT_ONCE:
        raise TooMuch(_("At most %(n)d files can be announced at once.") % {"n": MOST_FILES_AT_ONCE})
    for each in wanted:
        clean_path(each.name)
        if not is_md5(each.md5_base64):
            raise Invalid(_("The digest of a stored file is its MD5 in base64."))
        check_parts(each.parts)
    digests = {each.md5_base64 for each in wanted}
    if version.state == VersionState.COMMITTED:
        return [Room(None, version.public_id) for _each in wanted]
    _still_kept(version)
    here = stored_by_digest(version.collection.project, digests, version)
    hold(version, here.values())
    rooms = _rooms(version, digests - here.keys())
    return [
        Room(None, here[each.md5_base64].birth.public_id)
        if each.md5_base64 in here
        else Room(rooms[each.md5_base64], version.public_id)
        for each in wanted
    ]


def hold(version: Version, files: Iterable[StoredFile]) -> None:
    """Let a version open stored files that it may hold."""
    pairs = [
        (NodeId(file.blob.vault_node), NodeId(file.birth.vault_node))
        for file in files
        if file.birth_id != version.pk
    ]
    try:
        grant_all(pairs, NodeId(version.vault_node))
    except KeyGone:
        # The version that held it was deleted this moment; at the next try another holds it, or its bytes are asked for.
        raise Unavailable(_("A stored file is just being moved. Try again.")) from None


def _rooms(version: Version, digests: Iterable[str]) -> dict[str, StoredFile]:
    key = project_key(version.collection.project)
    indexes = {blind_index(key, STORED_LABEL, digest): digest for digest in sorted(digests)}
    found = _reserved(version, indexes)
    missing = [index for index, digest in indexes.items() if digest not in found]
    if not missing:
        return found
    with transaction.atomic():
        blobs = reserve_blobs(NodeId(version.vault_node), len(missing))
        rows = StoredFile.objects.bulk_create(
            [
                StoredFile(
                    project_id=version.collection.project_id, digest_index=index, blob=blob, birth=version
                )
                for index, blob in zip(missing, blobs, strict=True)
            ],
            batch_size=500,
        )
        Version.objects.filter(pk=version.pk).update(touched_at=clock.now())
    return found | {indexes[bytes(row.digest_index)]: row for row in rows}


def _reserved(version: Version, indexes: dict[bytes, str]) -> dict[str, StoredFile]:
    wanted = list(indexes)
    found: dict[str, StoredFile] = {}
    for at in range(0, len(wanted), 500):
        rows = StoredFile.objects.filter(birth=version, digest_index__in=wanted[at : at + 500])
        found |= {indexes[bytes(row.digest_index)]: row for row in rows}
    return found


def get_upload(actor: Actor, *, public_id: str) -> StoredFile:
    """The file for which there is room in a version that the actor uploads."""
    found = None
    if is_public_id(public_id):
        found = find_row(StoredFile, along=_ALONG_FILE, without=_WORDS_OF_FILE, public_id=public_id)
    if found is None or found.birth.state == VersionState.DELETED or _project(found).erased_at is not None:
        raise NotFound(NO_ARTIFACT)
    require_upload(actor, found.birth)
    return found


def receive_file(file: StoredFile, source: Iterable[bytes]) -> None:
    """Keep the bytes of an announced file; Invalid when they are not those that were announced."""
    key, owner = keys_for(file)

    def accepts(came: Tally) -> None:
        if blind_index(key, STORED_LABEL, came.md5_b64) != bytes(file.digest_index):
            raise Invalid(BAD_DIGEST)

    fill_blob(file.blob, owner, source, accepts=accepts)


def keys_for(file: StoredFile) -> tuple[OpenKey, NodeId]:
    """The project's key and who holds the file's, for bytes that come now; asked by two questions: this is done for each file."""
    version = file.birth
    if version.state != VersionState.PENDING and file.blob.state != BlobState.STORED:
        raise Conflict(_("This version is complete: nothing is added to it."))
    owner, project = NodeId(version.vault_node), _project(file)
    open_blob_key_with(NodeId(file.blob.vault_node), owner, NodeId(project.vault_node))
    _still_kept(version)
    return project_key(project), owner


def _project(file: StoredFile) -> Project:
    return file.birth.collection.project


# ── lists of files ──


def announce_manifest(
    version: Version,
    *,
    kind: ManifestKind,
    digest: str = "",
    base: str = "",
    manifest: Manifest | None = None,
) -> Manifest:
    """Room for a list of files. There is one full list to a version; of the others each writer brings one of its own."""
    if digest and not is_md5(digest):
        raise Invalid(_("The digest of a list of files is its MD5 in base64."))
    with transaction.atomic():
        if manifest is None and kind is ManifestKind.FULL:
            rows = Manifest.objects.filter(version=version, kind=kind.value)
            manifest = rows.order_by("-is_current", "-id").first()
        if manifest is None:
            manifest = Manifest(uuid=uuid.uuid4(), version=version, kind=kind.value)
        manifest.version = version
        if digest:
            manifest.sealed_digest = seal_text(
                version_key(version), digest, label=MANIFEST_LABEL, row=manifest.uuid
            )
        manifest.save()
        Version.objects.filter(pk=version.pk).update(touched_at=clock.now())
        if base and version.state == VersionState.PENDING:
            _note_base(version, base)
    return manifest


def _note_base(version: Version, base: str) -> None:
    key = version_key(version)
    words = words_of(version, key)
    if words.base != base:
        named = VersionWords.from_json(asdict(words) | {"base": base})
        Version.objects.filter(pk=version.pk).update(sealed_words=sealed_words(version, key, named))


def get_manifest_upload(actor: Actor, *, public_id: str) -> Manifest:
    """A list of files for which there is room in a version that the actor uploads."""
    found = None
    if is_public_id(public_id):
        rows = Manifest.objects.select_related("blob", "version__collection__project__entity")
        found = rows.filter(public_id=public_id, version__collection__project__erased_at=None).first()
    if found is None or found.version.state == VersionState.DELETED:
        raise NotFound(NO_ARTIFACT)
    require_upload(actor, found.version)
    return found


def receive_manifest(manifest: Manifest, source: Iterable[bytes]) -> None:
    """Keep a list of files, without the places in which the files lay on the machine that made it."""
    version = manifest.version
    raw = _whole(source)
    if manifest.sealed_digest is not None:
        wanted = unseal_text(
            version_key(version), bytes(manifest.sealed_digest), label=MANIFEST_LABEL, row=manifest.uuid
        )
        if base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode() != wanted:
            raise Invalid(BAD_DIGEST)
    listed = read_manifest(raw)
    del raw
    if version.state == VersionState.COMMITTED:
        return  # sent again after all was done
    stored = write_blob(NodeId(version.vault_node), [write_manifest(listed)])
    before = manifest.blob
    with transaction.atomic():
        took = Manifest.objects.filter(pk=manifest.pk, version__state=VersionState.PENDING).update(
            blob=stored.blob
        )
    let_go(before if took else stored.blob)


def _whole(source: Iterable[bytes]) -> bytes:
    data = bytearray()
    for part in source:
        data += part
        if len(data) > MOST_MANIFEST_BYTES:
            raise TooMuch(_("A list of files may have at most %(n)d MiB.") % {"n": MOST_MANIFEST_BYTES >> 20})
    return bytes(data)


def let_go(blob: Blob | None) -> None:
    """Delete a blob that nothing points at any more. What cannot be deleted now is left to the sweep."""
    if blob is None:
        return
    try:
        delete_blob(blob)
    except (OSError, Conflict) as error:
        log.warning("blob left to the sweep: blob=%s error=%s", blob.pk, type(error).__name__)
