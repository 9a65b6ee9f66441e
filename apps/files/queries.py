from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import re2
from django.db.models import QuerySet

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.blobs.models import Blob
from apps.blobs.services import open_blob, read_blob
from apps.core import jsontext
from apps.core.errors import Invalid, NotFound
from apps.core.ids import is_public_id
from apps.files.models import RunFile, WithheldFile
from apps.files.types import FileName, OpenFile, Withheld
from apps.runs.models import Run
from apps.runs.queries import get_run_by_id, gone_since, require_run, run_key
from apps.vault.damage import leave_out
from apps.vault.errors import KeyGone, Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, unseal, unseal_text
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

NAME_LABEL = "run_file.name"
DIGESTS_LABEL = "run_file.digests"
WITHHELD_LABEL = "withheld_file.name"
MOST_NAMES = 10_000
_LONGEST_PATTERN = 1024
_PARTS = re.compile(r"%+|_|[^%_]+", re.DOTALL)
_NO_FILE = "There is no such file, or it is not shared with you."


def get_file(actor: Actor, permission: Permission, *, public_id: str) -> RunFile:
    """The file with this opaque id, stored or only announced, for this purpose."""
    file = None
    if is_public_id(public_id):
        file = (
            RunFile.objects.select_related("run__project__entity", "blob").filter(public_id=public_id).first()
        )
    if file is None:
        raise NotFound(_NO_FILE)
    try:
        get_run_by_id(actor, permission, public_id=file.run.public_id)
    except NotFound:
        raise NotFound(_NO_FILE) from None
    return file


def get_files(actor: Actor, permission: Permission, *, public_ids: Iterable[str]) -> list[RunFile]:
    """All of these for this purpose, in the order asked; NotFound when one of them is not there. In one question, and
    the gate is asked once for all runs of a project that the same person added: what may be done is the same in each."""
    wanted = list(dict.fromkeys(public_ids))
    rows = RunFile.objects.select_related("run__project__entity", "blob")
    found = {row.public_id: row for row in rows.filter(public_id__in=filter(is_public_id, wanted))}
    if len(found) < len(wanted):
        raise NotFound(_NO_FILE)
    alike = {
        (run.project_id, run.created_by_id, run.erased_at): run
        for run in (found[public_id].run for public_id in wanted)
    }
    for run in alike.values():
        try:
            require_run(actor, permission, run)
        except NotFound:
            raise NotFound(_NO_FILE) from None
    return [found[public_id] for public_id in wanted]


def find_file(run: Run, name: str) -> OpenFile:
    """A stored file of a run that is held already."""
    key = run_key(run)
    file = _stored(run).filter(name_index=blind_index(key, NAME_LABEL, name)).first()
    if file is None:
        raise NotFound(_NO_FILE)
    return _open(file, key)


def list_files(run: Run, *, names: Iterable[str] | None = None, like: str | None = None) -> list[OpenFile]:
    """The stored files of a run, by name; only these names, or those that match a SQL LIKE pattern."""
    key = run_key(run)
    rows = _stored(run)
    if names is not None:
        indexes = {blind_index(key, NAME_LABEL, name) for name in names}
        if len(indexes) > MOST_NAMES:
            raise Invalid(f"At most {MOST_NAMES} files can be asked for at once.")
        rows = rows.filter(name_index__in=indexes)
    opened = sorted((_open(row, key) for row in rows), key=lambda each: each.name)
    if like:
        matches = like_pattern(like)
        return [each for each in opened if matches.fullmatch(each.name)]
    return opened


def file_names(run: Run) -> list[FileName]:
    """The names of all stored files of a run, in order: for a run of many files much less than the files."""
    key = run_key(run)
    rows = _stored(run).order_by().values_list("pk", "uuid", "sealed_name", "size")
    names = [
        FileName(pk, unseal_text(key, bytes(sealed), label=NAME_LABEL, row=uuid), size)
        for pk, uuid, sealed, size in rows
    ]
    return sorted(names, key=lambda each: each.name)


def names_in_order(run: Run, *, until: int | None = None) -> Iterator[FileName]:
    """The same in the order in which they came, one at a time, up to that row: later ones follow behind."""
    key, rows = run_key(run), _stored(run).order_by("pk")
    rows = rows if until is None else rows.filter(pk__lte=until)
    for pk, uuid, sealed, size in rows.values_list("pk", "uuid", "sealed_name", "size").iterator(
        chunk_size=1000
    ):
        yield FileName(pk, unseal_text(key, bytes(sealed), label=NAME_LABEL, row=uuid), size)


def open_files(run: Run, ids: Iterable[int]) -> dict[int, OpenFile]:
    """Those of a run's stored files that have these ids."""
    key = run_key(run)
    return {row.pk: _open(row, key) for row in _stored(run).filter(pk__in=list(ids))}


def names_again(files: Iterable[RunFile]) -> Iterator[tuple[RunFile, bytes]]:
    """Files of runs, each with the index of the name that is sealed in it, whatever its row is found by now. One whose name is
    damaged keeps what it has: it is no worse than before, and in nobody's way."""
    keys: dict[int, OpenKey] = {}
    for file in files:
        if (key := keys.get(file.run_id)) is None:
            key = keys[file.run_id] = run_key(file.run)
        try:
            name = unseal_text(key, bytes(file.sealed_name), label=NAME_LABEL, row=file.uuid)
        except Tampered:
            yield file, bytes(file.name_index)
        else:
            yield file, blind_index(key, NAME_LABEL, name)


def names_of_files(files: Iterable[RunFile]) -> dict[int, str]:
    """By the file's row what each is called, with one question to the vault. Those of runs whose key is erased are left out."""
    rows, found = list(files), {}
    keys = open_keys(NodeId(row.run.vault_node) for row in rows)
    for row in rows:
        if (key := keys.get(NodeId(row.run.vault_node))) is None:
            continue
        try:
            found[row.pk] = unseal_text(key, bytes(row.sealed_name), label=NAME_LABEL, row=row.uuid)
        except Tampered as error:
            leave_out(error)
    return found


def count_files(run: Run) -> int:
    """How many files of the run are stored."""
    return RunFile.objects.filter(run=run, blob__isnull=False).count()


def _stored(run: Run) -> QuerySet[RunFile]:
    return RunFile.objects.filter(run=run, blob__isnull=False).select_related("blob")


def like_pattern(pattern: str) -> Any:
    """A SQL LIKE pattern, compiled. RE2 takes linear time, whatever the pattern; Python's re does not."""
    if len(pattern) > _LONGEST_PATTERN or any(unicodedata.category(letter) == "Cs" for letter in pattern):
        raise Invalid(f"A pattern for file names has at most {_LONGEST_PATTERN} characters.")
    # Several % in a row mean one, and make the expression grow.
    parts = (
        ".*" if part[0] == "%" else "." if part == "_" else re2.escape(part)
        for part in _PARTS.findall(pattern)
    )
    return re2.compile("(?s)" + "".join(parts))


def open_file(file: RunFile) -> OpenFile:
    return _open(file, run_key(file.run))


def _open(file: RunFile, key: OpenKey) -> OpenFile:
    digests = (
        jsontext.loads(unseal(key, bytes(file.sealed_digests), label=DIGESTS_LABEL, row=file.uuid))
        if file.sealed_digests is not None
        else {}
    )
    return OpenFile(
        file=file,
        name=unseal_text(key, bytes(file.sealed_name), label=NAME_LABEL, row=file.uuid),
        md5_base64=digests.get("md5", ""),
        sha256_hex=digests.get("sha256", ""),
    )


def read_file(file: RunFile, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes of a stored file, or of the part from `start` up to `end`."""
    if file.blob is None:
        raise NotFound(_NO_FILE)
    return read_below(file.run, file.blob, start=start, end=end)


def file_as_io(file: RunFile) -> BinaryIO:
    """A stored file to be read in any order; only what is asked for is opened."""
    if file.blob is None:
        raise NotFound(_NO_FILE)
    try:
        return open_blob(file.blob, NodeId(file.run.vault_node))
    except KeyGone as error:
        raise gone_since(file.run, error) or error from error


def read_below(run: Run, blob: Blob, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes of what lies below a run. One that was given another key since it was read is back soon, and nothing of it erased."""
    try:
        return read_blob(blob, NodeId(run.vault_node), start=start, end=end)
    except KeyGone as error:
        raise gone_since(run, error) or error from error


def withheld_names(run: Run, reason: Withheld = Withheld.CODE) -> list[str]:
    """Names of the files that the client offered and that were not stored for this reason."""
    key = run_key(run)
    rows = WithheldFile.objects.filter(run=run, reason=reason.value).order_by("id")
    return sorted(
        unseal_text(key, bytes(row.sealed_name), label=WITHHELD_LABEL, row=row.uuid) for row in rows
    )
