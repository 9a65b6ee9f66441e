"""Artifacts of a project: collections, their versions with what they list, and what is linked where."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from apps.artifacts.manifests import (
    DIGEST,
    EXTRA,
    MOST_MANIFEST_BYTES,
    REF,
    SIZE,
    Row,
    digest_of,
    is_md5,
    read_manifest,
)
from apps.artifacts.types import CollectionKind, Entry, NewVersion, PastCollection, PastFile, PastVersion
from apps.core import jsontext
from apps.core.errors import NotThere
from apps.imports.errors import Broken
from apps.imports.readers.paging import Once, at_most, too_long
from apps.imports.readers.said import Said
from apps.imports.readers.wandb_server import addresses, questions
from apps.imports.readers.wandb_server.server import Server, inside
from apps.imports.types import BroughtCollection, BroughtLink, BroughtVersion, WholeVersion

_AT_ONCE = 100
_MOST_VERSIONS, _MOST_LINKS = 100_000, 1_000_000  # of one collection, and of all; they are held
_KIND, _MD5 = "alg", "MD5"  # how the digest of a file was made, where its entry says so
_NEVER_ENDS = -2  # as the client says it
_NUMBERED = re.compile(r"v([0-9]{1,9})", re.ASCII)

Where = Mapping[str, Any]


def collections(server: Server, project: Where) -> Iterator[BroughtCollection]:
    """Those in which something was made first: what is linked in others must have come."""
    portfolios: list[BroughtCollection] = []
    once, links = Once(), 0
    for kind in server.pages(questions.TYPES, "project", "artifactTypes", size=_AT_ONCE, **project):
        word = kind.object("node").text("name")
        way = ("project", "artifactType", "artifactCollections")
        for edge in server.pages(questions.COLLECTIONS, *way, size=_AT_ONCE, type=word, **project):
            if not once.is_new(edge.object("node").text("id")):
                continue
            found = _collection(server, {**project, "type": word}, edge.object("node"))
            if found.was.kind is CollectionKind.PORTFOLIO:
                portfolios.append(found)
                links += len(found.links)
                if len(portfolios) > _MOST_VERSIONS or links > _MOST_LINKS:
                    raise too_long()
            else:
                yield found
    yield from portfolios


def _collection(server: Server, of: Where, said: Said) -> BroughtCollection:
    name, key, is_portfolio = (
        said.text("name"),
        said.text("id"),
        said.text("__typename") == "ArtifactPortfolio",
    )
    way = ("project", "artifactType", "artifactCollection", "artifacts")
    edges = server.pages(questions.VERSIONS, *way, size=_AT_ONCE, collection=name, **of)
    # Only their numbers and ids: they come in another order than they were made in.
    listed = sorted(
        (_number(edge), edge.object("node").text("id"))
        for edge in at_most(_MOST_VERSIONS, edges)
        if edge.object("node").text("state") in ("", "COMMITTED")
    )
    was = PastCollection(
        name=name,
        type_name=of["type"],
        description=said.text("description"),
        tags=tuple(each.object("node").text("name") for each in said.object("tags").objects("edges")),
        kind=CollectionKind.PORTFOLIO if is_portfolio else CollectionKind.SEQUENCE,
        versions_made=listed[-1][0] + 1 if listed else 0,
        created_at=said.moment("createdAt"),
        updated_at=said.maybe_moment("updatedAt") or said.moment("createdAt"),
    )
    if is_portfolio:
        links = [link for _n, each in listed for link in _links(server, each, key)]
        return BroughtCollection(key, was, lambda: (), links)
    return BroughtCollection(
        key, was, partial(_versions, server, of, was, key, [each for _n, each in listed])
    )


def _number(edge: Said) -> int:
    named = _NUMBERED.fullmatch(edge.text("version"))
    return int(named[1]) if named else edge.object("node").count("versionIndex")


def _links(server: Server, version: str, portfolio: str) -> Iterator[BroughtLink]:
    said = server.ask(questions.MEMBERSHIPS, id=version).object("artifact").object("artifactMemberships")
    for each in said.objects("edges"):
        node = each.object("node")
        if node.object("artifactCollection").text("id") == portfolio:
            aliases = [
                alias
                for one in node.objects("aliases")
                if not _NUMBERED.fullmatch(alias := one.text("alias"))
            ]
            yield BroughtLink(version, node.count("versionIndex"), aliases, node.moment("createdAt"))


def _versions(
    server: Server, of: Where, collection: PastCollection, key: str, listed: list[str]
) -> Iterator[BroughtVersion]:
    for each in listed:
        yield BroughtVersion(each, partial(_read, server, of, collection, key, each))


def _read(
    server: Server, of: Where, collection: PastCollection, key: str, version: str
) -> WholeVersion | None:
    said = server.ask(questions.VERSION, id=version).object("artifact")
    if not said.raw:  # it was deleted meanwhile, and not all that is here
        inside(server.ask(questions.PROJECT, entity=of["entity"], project=of["project"]), "project")
        return None
    url = said.object("currentManifest").object("file").text("directUrl")
    listed = server.whole(
        lambda: read_manifest(b"".join(server.download(url, most=MOST_MANIFEST_BYTES)), any_digest=True).rows
    )
    new = _new(said, collection, key)
    lost: list[str] = []
    if other := {path for path, row in listed.items() if not row[REF] and not _is_md5(row)}:
        lost = _digest_anew(server, version, listed, other)
        new = replace(new, digest=digest_of(listed))
    created, maker = said.moment("createdAt"), said.object("createdBy")
    place = maker.object("project")
    is_ours = (place.text("entityName"), place.text("name")) == (of["entity"], of["project"])
    return WholeVersion(
        PastVersion(
            number=said.count("versionIndex"),
            new=new,
            created_at=created,
            committed_at=created,
        ),
        partial(_files, server, version, listed),
        f"{of['entity']}/{of['project']}/{maker.text('name')}" if is_ours else "",
        lost=lost,
    )


def _new(said: Said, collection: PastCollection, key: str) -> NewVersion:
    aliases = [
        each.text("alias")
        for each in said.objects("aliases")
        if each.object("artifactCollection").text("id") == key
    ]
    return NewVersion(
        type_name=collection.type_name,
        collection=collection.name,
        digest=said.text("digest"),
        description=said.text("description") or None,
        metadata_text=said.text("metadata") or None,
        aliases=tuple(each for each in aliases if not _NUMBERED.fullmatch(each)),
        tags=tuple(each.text("name") for each in said.objects("tags")),
        ttl_seconds=_ttl(said),
        history_step=said.maybe_number("historyStep"),
    )


def _ttl(said: Said) -> int | None:
    seconds = said.raw.get("ttlDurationSeconds")
    if said.raw.get("ttlIsInherited", True) or seconds is None:
        return None
    return (
        said.number("ttlDurationSeconds") or _NEVER_ENDS
        if type(seconds) is int and seconds >= 0
        else _NEVER_ENDS
    )


def _is_md5(row: Row) -> bool:
    """Every digest looks like it that has as many bytes: the list says of which kind it is."""
    kind = jsontext.loads(row[EXTRA]).get(_KIND) if row[EXTRA] else None
    return kind in (None, _MD5) and is_md5(row[DIGEST])


def _digest_anew(server: Server, version: str, listed: dict[str, Row], paths: set[str]) -> list[str]:
    """Files of which it says another digest than the one that files have here: they are read for theirs, and once more to be kept. So
    does the client where its server knows MD5 alone. Those that are not there any more are taken from the list, and returned."""
    lost: list[str] = []
    for path, read in _places(server, version, listed, paths):
        row, found = listed[path], hashlib.md5(usedforsecurity=False)
        try:
            for piece in read():
                found.update(piece)
        except NotThere:
            lost.append(path)
            continue
        extra = jsontext.loads(row[EXTRA]) if row[EXTRA] else {}
        extra.pop(_KIND, None)
        row[DIGEST] = base64.b64encode(found.digest()).decode()
        row[EXTRA] = jsontext.dumps(extra) if extra else ""
    for path in lost:
        del listed[path]
    return lost


def _files(server: Server, version: str, listed: Mapping[str, Row]) -> Iterator[PastFile]:
    """What its list says, each file with where its bytes lie. The list is looked at as one that a client sends."""
    for path, row in listed.items():
        if row[REF]:
            yield PastFile(Entry(path, row[DIGEST], row[SIZE], row[REF], extra=row[EXTRA]))
    stored = {path for path, row in listed.items() if not row[REF]}
    for path, read in _places(server, version, listed, stored):
        row = listed[path]
        yield PastFile(Entry(path, row[DIGEST], row[SIZE], "", extra=row[EXTRA]), read)


def _places(
    server: Server, version: str, listed: Mapping[str, Row], paths: set[str]
) -> Iterator[tuple[str, Callable[[], Iterator[bytes]]]]:
    """Each of these files with how its bytes are read."""
    missing = set(paths)
    for edge in (
        server.pages(questions.ENTRIES, "artifact", "files", size=_AT_ONCE, id=version) if missing else ()
    ):
        node = edge.object("node")
        path = node.text("name")
        if path in missing:
            missing.remove(path)
            anew = partial(addresses.of_entry, server, version, path)
            read = partial(server.download, node.text("directUrl"), most=listed[path][SIZE], anew=anew)
            yield path, partial(server.whole_bytes, partial(_held_to, listed, path, read))
        if not missing:
            return
    if missing:
        raise Broken(_("The server does not say where the files of an artifact lie."))


def _held_to(listed: Mapping[str, Row], path: str, read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
    """To the size that the list says, and to the digest where it says one that files have here."""
    row, size, found = listed[path], 0, hashlib.md5(usedforsecurity=False)
    for piece in read():
        size += len(piece)
        found.update(piece)
        yield piece
    if size != row[SIZE] or (_is_md5(row) and base64.b64decode(row[DIGEST]) != found.digest()):
        raise Broken(_("A file is not what the server says of it: %(name)s.") % {"name": path})
