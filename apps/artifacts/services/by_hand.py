"""A version of files that come one after the other, of which nobody knows the digests before they have come."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import replace

from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.manifests import MOST_ENTRIES, Listed, Row, clean_path, digest_of, write_manifest
from apps.artifacts.models import StoredFile, Version
from apps.artifacts.queries.entries import STORED_LABEL, stored_by_digest
from apps.artifacts.queries.versions import committed, open_version, project_key
from apps.artifacts.services.collections import move_aliases
from apps.artifacts.services.committing import HeldAlready, commit_version
from apps.artifacts.services.deleting import clear_version
from apps.artifacts.services.uploads import (
    announce_manifest,
    hold,
    let_go,
    receive_manifest,
    start_version,
)
from apps.artifacts.types import ManifestKind, NewVersion, VersionState
from apps.blobs.services import write_blob
from apps.core.errors import Invalid, TooMuch
from apps.projects.models import Project
from apps.vault.seal import blind_index
from apps.vault.types import NodeId

LARGEST_FILE = 10 * 2**30


def make_version(
    project: Project, new: NewVersion, files: Iterable[tuple[str, Iterable[bytes]]], *, by: Actor
) -> Version:
    """A committed version of these files; the latest one when it holds the same. Where it breaks off nothing is left.

    Its digest is what the client would have made of them, so that the client, too, finds the one equal to the other.
    """
    begun = start_version(project, replace(new, digest="", reuses_equal=False), run=None, by=by)
    try:
        listed = Listed(_kept(begun, files))
        latest = committed().filter(collection=begun.collection).order_by("-number").first()
        if latest is not None and open_version(latest).words.digest == digest_of(listed.rows):
            raise HeldAlready(latest)
        raw = write_manifest(listed)
        md5 = base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode()
        receive_manifest(announce_manifest(begun, kind=ManifestKind.FULL, digest=md5), [raw])
        # Asked again where its number is given: the same form may have been sent twice at once.
        return commit_version(begun, by=by, unless_held=True)
    except HeldAlready as same:
        discard_upload(begun)
        move_aliases(begun.collection, same.version, new.aliases)
        return same.version
    except BaseException:
        discard_upload(begun)
        raise


def _kept(version: Version, files: Iterable[tuple[str, Iterable[bytes]]]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for path, source in files:
        clean_path(path)
        if path in rows:
            raise Invalid(_("Two files have the same name."))
        if len(rows) >= MOST_ENTRIES:
            raise TooMuch(_("An artifact has at most %(n)d files.") % {"n": MOST_ENTRIES})
        rows[path] = _keep(version, path, source)
    if not rows:
        raise Invalid(_("Choose at least one file."))
    return rows


def _keep(version: Version, path: str, source: Iterable[bytes]) -> Row:
    """The bytes sealed under the version; those of a file that the project has already are held, not stored again."""
    stored = write_blob(NodeId(version.vault_node), source, max_bytes=LARGEST_FILE)
    project, digest = version.collection.project, stored.md5_b64
    known = stored_by_digest(project, [digest], version).get(digest)
    if known is None:
        index = blind_index(project_key(project), STORED_LABEL, digest)
        known = StoredFile.objects.create(
            project=project, digest_index=index, blob=stored.blob, birth=version
        )
    else:
        let_go(stored.blob)
        hold(version, [known])
    return [path, digest, stored.size, "", _as_clients_spell(known.birth), 0, ""]


def _as_clients_spell(birth: Version) -> str:
    # Older clients build the address of a file's bytes from it.
    return base64.b64encode(f"Artifact:{birth.public_id}".encode()).decode()


def discard_upload(version: Version) -> None:
    """Take away a version that was begun and will not be committed. What cannot go at once is left to the sweep."""
    gone = Version.objects.filter(pk=version.pk, state=VersionState.PENDING)
    if gone.update(state=VersionState.DELETED):
        version.state = VersionState.DELETED.value
        clear_version(version)
