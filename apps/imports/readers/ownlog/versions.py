from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from django.utils.translation import gettext as _

from apps.artifacts.types import Entry, NewVersion, PastCollection, PastFile, PastVersion
from apps.core import jsontext
from apps.imports.errors import Broken
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.said import Said
from apps.imports.types import WholeVersion

VERSION, _MANIFEST = "version.json", "manifest.json"
_NEVER_ENDS = -2  # as the client says it


def version_in(archive: Archive, folder: str, collection: PastCollection) -> WholeVersion:
    """The version that lies in this folder."""
    said = Said(archive.json(f"{folder}/{VERSION}"))
    metadata = said.raw.get("metadata")
    new = NewVersion(
        type_name=collection.type_name,
        collection=collection.name,
        digest=said.text("digest"),
        description=None if said.raw.get("description") is None else said.text("description"),
        metadata_text=None if metadata is None else jsontext.dumps(metadata),
        aliases=tuple(said.texts("aliases")),
        tags=tuple(said.texts("tags")),
        ttl_seconds=_NEVER_ENDS if said.raw.get("ttl_seconds") == 0 else said.maybe_number("ttl_seconds"),
        history_step=said.maybe_number("history_step"),
    )
    created = said.moment("created_at")
    was = PastVersion(
        number=said.number("number"),
        new=new,
        public_id=said.text("id"),
        created_at=created,
        committed_at=said.maybe_moment("committed_at") or created,
        updated_at=said.maybe_moment("updated_at"),
    )
    maker = said.object("made_by").text("public_id")
    return WholeVersion(was, partial(_files, archive, folder), maker, said.text("id"))


def _files(archive: Archive, folder: str) -> Iterator[PastFile]:
    named: set[str] = set()
    for each in archive.json_list(f"{folder}/{_MANIFEST}"):
        said = Said(each)
        extra = said.raw.get("extra")
        entry = Entry(
            path=said.text("path"),
            digest=said.text("digest"),
            size=said.number("size"),
            ref=said.text("ref"),
            extra=jsontext.dumps(extra) if isinstance(extra, dict) and extra else "",
        )
        if entry.ref:
            yield PastFile(entry)
            continue
        path = f"{folder}/{said.text('file')}"
        # Else a short list could ask for a large file again and again.
        if path in named:
            raise Broken(
                _("Two fields of what is to be imported name the same file: %(path)s.") % {"path": path}
            )
        named.add(path)
        if not archive.has(path) or archive.size(path) != entry.size:
            raise Broken(_("A file is missing from this archive."))
        yield PastFile(entry, partial(archive.stream, path))
