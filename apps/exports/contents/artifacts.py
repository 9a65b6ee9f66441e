from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Link, StoredFile, Version
from apps.artifacts.queries import (
    aliases_of,
    list_entries,
    made_by,
    note_listed,
    open_collection,
    open_members,
    open_version,
    read_stored,
    used_by,
)
from apps.artifacts.queries.links import links_in, shown
from apps.artifacts.queries.versions import committed
from apps.artifacts.types import CollectionKind, Entry, OpenVersion
from apps.core import jsontext
from apps.exports.contents.places import collection_folder, project_folder
from apps.exports.contents.runs import is_packed
from apps.exports.contents.texts import json_file, moment
from apps.exports.names import Paths
from apps.exports.types import Content, LeftOut, Member
from apps.runs.models import Run
from apps.runs.queries import open_run

_PAGE = 1000


def collection_files(pk: int, asker: Actor) -> Content:
    """What is said of an artifact: its versions and where its aliases lead, or what a portfolio links to."""
    collection = Collection.objects.select_related("project__entity").filter(pk=pk).first()
    if collection is None or collection.project.erased_at is not None:
        yield LeftOut("artifacts", "erased")
        return
    opened = open_collection(collection)
    above = collection_folder(project_folder(collection.project), opened)
    is_portfolio = collection.kind == CollectionKind.PORTFOLIO
    said = {
        "id": collection.public_id,
        "name": opened.name,
        "type": opened.type_name,
        "kind": collection.kind,
        "description": opened.description,
        "tags": list(opened.tags),
        "created_at": moment(collection.created_at),
        "updated_at": moment(collection.updated_at),
        "versions_made": collection.versions_made,
        **(_links(collection, asker) if is_portfolio else _versions(collection)),
    }
    yield json_file(f"{above}/collection.json", collection.updated_at, lambda: said)


def _versions(collection: Collection) -> dict[str, Any]:
    numbers = committed().filter(collection=collection).order_by("number").values_list("number", flat=True)
    return {
        "versions": [f"v{number}" for number in numbers],
        "aliases": [name for name, _ in aliases_of(collection, of_closed=False)],
    }


def _links(collection: Collection, asker: Actor) -> dict[str, Any]:
    members = open_members(_looked_behind(asker, collection))
    return {
        "links": [
            {
                "number": each.link.number,
                "version": each.source.version.public_id,
                "name": each.source.name,
                "aliases": list(each.aliases),
                "created_at": moment(each.link.created_at),
            }
            for each in members
        ]
    }


def _looked_behind(asker: Actor, portfolio: Collection) -> list[Link]:
    """The links behind which the asker may look; whose that is, sees that they did. On the machine no gate is asked."""
    links = list(links_in(portfolio))
    if asker.is_at_the_machine:
        return links
    if portfolio.project.is_registry:
        note_listed(asker, [each.version for each in links])
    return shown(asker, links)


def version_files(pk: int, first: int, last: int, asker: Actor) -> Content:
    """A version's files from one place of its list up to another; with the first of them what is said of it."""
    version = committed().filter(pk=pk).first()
    if version is None:
        yield LeftOut("artifacts", "erased")
        return
    opened = open_version(version)
    top = collection_folder(project_folder(version.collection.project), opened.collection)
    above = f"{top}/v{version.number}"
    at = version.committed_at or version.created_at
    if first == 0:
        yield json_file(f"{above}/version.json", at, lambda: _said(opened, asker))
        yield Member(f"{above}/manifest.json", lambda: _manifest(version), at)
    for page in _pages(version, first, last):
        stored = StoredFile.objects.select_related("blob").in_bulk({entry.stored for entry, _ in page} - {0})
        for entry, path in page:
            if entry.stored in stored:
                read = partial(read_stored, version, stored[entry.stored])
                yield Member(f"{above}/files/{path}", read, at, is_packed(entry.path))
            elif not entry.ref:
                yield LeftOut(f"{above}/files/{path}", "erased")


def _pages(version: Version, first: int, last: int) -> Iterator[list[tuple[Entry, str]]]:
    """The files from one place up to another with their paths: those before are looked at, for each path is its own."""
    paths, start = Paths(), 0
    while start < last:
        entries = list_entries(version, start=start, count=min(_PAGE, last - start))
        if not entries:
            return
        named = [(entry, paths.give(entry.path)) for entry in entries]
        yield named[max(0, first - start) :]
        start += len(entries)


def _manifest(version: Version) -> Iterator[bytes]:
    """All files of a version, a line each: those whose bytes are in the archive, and references to bytes elsewhere."""
    between = b"[\n"
    for page in _pages(version, 0, version.file_count):
        for entry, path in page:
            line = {"path": entry.path, "digest": entry.digest, "size": entry.size}
            line |= {"file": f"files/{path}"} if entry.stored else {"ref": entry.ref}
            if entry.extra:
                line["extra"] = json.loads(entry.extra)
            yield between + json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")
            between = b",\n"
    yield b"[]\n" if between == b"[\n" else b"\n]\n"


def _said(opened: OpenVersion, asker: Actor) -> dict[str, Any]:
    version, words = opened.version, opened.words
    maker = made_by(asker, version)
    return {
        "id": version.public_id,
        "number": version.number,
        "name": opened.name,
        "digest": words.digest,
        "description": words.description,
        "metadata": None if words.metadata_text is None else jsontext.loads(words.metadata_text),
        "tags": list(words.tags),
        "aliases": list(opened.aliases),
        "history_step": words.history_step,
        "ttl_seconds": version.ttl_seconds,
        "size": version.size,
        "file_count": version.file_count,
        "created_at": moment(version.created_at),
        "committed_at": moment(version.committed_at),
        "updated_at": moment(version.updated_at),
        "made_by": _called(maker),
        "used_by": [_called(run) for run in used_by(asker, version)],
    }


def _called(run: Run | None) -> dict[str, str] | None:
    return None if run is None else {"id": open_run(run).head.name, "public_id": run.public_id}
