"""Lists of files: read from what was sent, put in order, cut into pages, compared. Pure functions.

A row is `[path, digest, size, ref, birth, stored, extra]`, as it lies in a page: of a hundred thousand files a page is
read without making an object of each.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import orjson
from django.utils.translation import gettext as _

from apps.artifacts.types import Change, ChangeKind, Difference, Entry
from apps.core import jsontext
from apps.core.errors import Invalid, TooMuch

MOST_ENTRIES = 250_000
MOST_FOLDERS = 250_000
MOST_MANIFEST_BYTES = 96 * 1024 * 1024
# An entry holds ten at most. Of the bytes alone one could make thirty million empty lists: gigabytes of memory.
MOST_VALUES = 16 * MOST_ENTRIES
PAGE_ENTRIES = 1_000
_LONGEST_PATH = 1024
_LONGEST_WORD = 8 * 1024  # a reference, or the digest of one
_LONGEST_EXTRA = 64 * 1024
_DEEPEST = 64
_MOST_SIZE = 2**53
_MD5_BASE64 = re.compile(r"[A-Za-z0-9+/]{22}==")
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and half a character
# `C:x` leads to the folder in which that drive stands just now, so it is no better than `C:\x`.
_DRIVE = re.compile(r"[A-Za-z]:")
_POLICY = {
    "version": 1,
    "storagePolicy": "wandb-storage-policy-v1",
    "storagePolicyConfig": {"storageLayout": "V2"},
}

Row = list[Any]
PATH, DIGEST, SIZE, REF, BIRTH, STORED, EXTRA = range(7)
Rows = list[Row]
# By folder: where its files begin, how many they are, and the folders in it with the files and bytes below each.
Outline = dict[str, tuple[int, int, list[tuple[str, int, int]]]]


@dataclass(slots=True)
class Listed:
    """A manifest that was read: its files by path, and how it says they are kept."""

    rows: dict[str, Row] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=lambda: dict(_POLICY))


def clean_path(path: str) -> str:
    """A relative path with / between folders, or Invalid. It is a label here; it becomes a file only with the client."""
    if not path or len(path.encode("utf-8", "surrogatepass")) > _LONGEST_PATH:
        raise Invalid(_("The path of a file has 1 to %(n)d bytes.") % {"n": _LONGEST_PATH})
    if _UNUSABLE.search(path):
        raise Invalid(_("The path of a file may not contain control characters and must be valid Unicode."))
    parts = path.replace("\\", "/").split("/")
    if path[0] in "/\\" or ".." in parts or _DRIVE.match(path):
        raise Invalid(_("The path of a file must be relative and may not lead out of its folder."))
    if len(parts) > _DEEPEST or "" in path.split("/"):
        raise Invalid(_("A file lies in at most %(n)d folders, each with a name.") % {"n": _DEEPEST - 1})
    return path


def is_md5(digest: object) -> bool:
    """Is it the base64 of sixteen bytes, in the one spelling there is of them?"""
    if not isinstance(digest, str) or _MD5_BASE64.fullmatch(digest) is None:
        return False
    try:
        return base64.b64encode(base64.b64decode(digest, validate=True)).decode() == digest
    except binascii.Error:
        return False


def read_manifest(raw: bytes, *, any_digest: bool = False) -> Listed:
    """What a manifest lists. Invalid or TooMuch for one that no version may have; with `any_digest` files may have others than MD5."""
    if len(raw) > MOST_MANIFEST_BYTES:
        raise TooMuch(_("A list of files may have at most %(n)d MiB.") % {"n": MOST_MANIFEST_BYTES >> 20})
    if jsontext.values_in(raw) > MOST_VALUES:
        raise TooMuch(_("An artifact has at most %(n)d files.") % {"n": MOST_ENTRIES})
    value = jsontext.loads(raw)
    contents = value.get("contents") if isinstance(value, dict) else None
    if not isinstance(contents, dict):
        raise Invalid(_("This is not the list of an artifact's files."))
    if len(contents) > MOST_ENTRIES:
        raise TooMuch(_("An artifact has at most %(n)d files.") % {"n": MOST_ENTRIES})
    policy = {name: value.get(name, kept) for name, kept in _POLICY.items()}
    rows = {path: _row(path, each, any_digest=any_digest) for path, each in contents.items()}
    return Listed(rows=rows, policy=policy)


def _row(path: str, sent: Any, *, any_digest: bool) -> Row:
    clean_path(path)
    if not isinstance(sent, dict):
        raise Invalid(_("An entry of the list of files is not an object."))
    digest, ref, size = sent.get("digest"), sent.get("ref") or "", sent.get("size") or 0
    birth, extra = sent.get("birthArtifactID") or "", sent.get("extra")
    if not _is_word(digest) or not _is_word(ref) or not _is_word(birth):
        raise Invalid(_("An entry of the list of files has no usable digest or reference."))
    if type(size) is not int or not 0 <= size < _MOST_SIZE:
        raise Invalid(_("An entry of the list of files has no usable size."))
    if not ref and not any_digest and not is_md5(digest):
        raise Invalid(_("The digest of a stored file is its MD5 in base64."))
    extra_text = jsontext.dumps(extra) if isinstance(extra, dict) and extra else ""
    if len(extra_text) > _LONGEST_EXTRA:
        raise TooMuch(_("What a reference says of its file is too long."))
    return [path, digest, size, ref, birth, 0, extra_text]


def _is_word(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_WORD


def write_manifest(listed: Listed) -> bytes:
    """The list as clients read it. Where a file lay on the machine that made it is not in it."""
    contents = {}
    for path, row in sorted(listed.rows.items()):
        entry: dict[str, Any] = {"digest": row[DIGEST], "size": row[SIZE]}
        if row[BIRTH]:
            entry["birthArtifactID"] = row[BIRTH]
        if row[REF]:
            entry["ref"] = row[REF]
        if row[EXTRA]:
            entry["extra"] = jsontext.loads(row[EXTRA])
        contents[path] = entry
    return jsontext.dumps(listed.policy | {"contents": contents}).encode("utf-8", "surrogatepass")


def digest_of(rows: Mapping[str, Row]) -> str:
    """The digest of a version as the client makes it: MD5 over names and digests in order."""
    digest = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
    for path in sorted(rows):
        digest.update(f"{path}:{rows[path][DIGEST]}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def in_order(rows: Iterable[Row]) -> Rows:
    """By folder, then by name: the files of one folder stand together."""
    return sorted(rows, key=_place)


def _place(row: Row) -> tuple[str, str]:
    folder, _slash, name = row[PATH].rpartition("/")
    return folder, name


def outline_of(rows: Sequence[Row]) -> Outline:
    """What lies in which folder; `rows` are in order."""
    own: dict[str, list[int]] = {"": [0, 0, 0]}  # where its files begin, how many, how large
    for at, row in enumerate(rows):
        folder = row[PATH].rpartition("/")[0]
        found = own.get(folder)
        if found is None or not found[1]:
            found = own[folder] = [at, 0, 0]
        found[1] += 1
        found[2] += row[SIZE]
    for folder in list(own):
        while folder:
            folder = folder.rpartition("/")[0]
            if folder in own:
                break
            own[folder] = [0, 0, 0]
        if len(own) > MOST_FOLDERS:
            raise TooMuch(_("An artifact has at most %(n)d folders.") % {"n": MOST_FOLDERS})
    return _summed(own)


def _summed(own: Mapping[str, list[int]]) -> Outline:
    below = {folder: [count, size] for folder, (_start, count, size) in own.items()}
    inside: dict[str, list[tuple[str, int, int]]] = {folder: [] for folder in own}
    # The deepest first, so that each is complete before it is counted in the one it lies in.
    for folder in sorted(own, key=lambda each: -each.count("/") if each else 1):
        if not folder:
            continue
        above, _slash, name = folder.rpartition("/")
        count, size = below[folder]
        below[above][0] += count
        below[above][1] += size
        inside[above].append((name, count, size))
    return {folder: (start, count, sorted(inside[folder])) for folder, (start, count, _size) in own.items()}


def entry_of(row: Sequence[Any]) -> Entry:
    return Entry(*row)


def difference(
    before: Iterable[bytes], after: Iterable[bytes], *, total: int, start: int, count: int
) -> Difference:
    """What changed from one list to the other, and a page of it. Lists come as the pages in which they lie; `total` is how
    many files the second has."""
    found: dict[str, tuple[Row | None, Row | None]] = {}
    for old, new in _paired(before, after):
        if old is None or new is None:
            found[(old or new or [""])[PATH]] = (old, new)
        elif old[DIGEST] != new[DIGEST] or old[SIZE] != new[SIZE] or old[REF] != new[REF]:
            found[new[PATH]] = (old, new)
    kinds = {path: _kind(old, new) for path, (old, new) in found.items()}
    counted = Counter(kinds.values())
    added, changed = counted[ChangeKind.ADDED], counted[ChangeKind.CHANGED]
    shown = [
        Change(kinds[path], path, *(None if row is None else entry_of(row) for row in found[path]))
        for path in sorted(found)[start : start + count]
    ]
    same = total - added - changed
    return Difference(added, changed, counted[ChangeKind.REMOVED], same, shown, start)


def _paired(before: Iterable[bytes], after: Iterable[bytes]) -> Iterator[tuple[Row | None, Row | None]]:
    """The rows of both by path, but for those of pages that are the same; None where one list has no such file.

    Both are in the same order, so that few rows wait for their like: all of both at once would take longer to make.
    """
    gone: dict[str, Row] = {}
    came: dict[str, Row] = {}
    for ours, theirs in zip_longest(before, after, fillvalue=b"[]"):
        if ours == theirs:  # no path is twice in a list: none of these is waited for
            continue
        for row in orjson.loads(ours):
            if (other := came.pop(row[PATH], None)) is None:
                gone[row[PATH]] = row
            else:
                yield row, other
        for row in orjson.loads(theirs):
            if (other := gone.pop(row[PATH], None)) is None:
                came[row[PATH]] = row
            else:
                yield other, row
    yield from ((row, None) for row in gone.values())
    yield from ((None, row) for row in came.values())


def _kind(old: Row | None, new: Row | None) -> ChangeKind:
    if old is None:
        return ChangeKind.ADDED
    return ChangeKind.REMOVED if new is None else ChangeKind.CHANGED
