from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, islice
from typing import BinaryIO

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from apps.blobs.models import Blob
from apps.blobs.services import StoredBlob, delete_blob, write_blob
from apps.code_saving.masking import SIDE_FILES, file_masked
from apps.code_saving.minimise import rule_for
from apps.code_saving.policy import Kept, is_code, is_packages, keeps_file
from apps.code_saving.queries import kept_in
from apps.core import clock, jsontext
from apps.core.errors import Conflict, Erased, Forbidden, Invalid, NotFound, NotThere, TooMuch, Unavailable
from apps.files.models import RunFile, WithheldFile
from apps.files.names import clean_file_name
from apps.files.queries import DIGESTS_LABEL, MOST_NAMES, NAME_LABEL, WITHHELD_LABEL, open_file
from apps.files.thumbnails import is_picture, note_picture, take_small
from apps.files.types import Announced, PastFile, Withheld
from apps.runs.models import Run
from apps.runs.queries import gone_or_back_soon, require_same_key, run_key
from apps.teams.types import SystemMetadata
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, seal_text
from apps.vault.types import NodeId

# Files that are read whole because something must be taken out of them.
_MOST_WHOLE = 16 * 1024 * 1024
_BROUGHT_AT_ONCE = 200
log = logging.getLogger(__name__)


def announce_files(run: Run, names: Sequence[str]) -> list[Announced]:
    """Make room for files that will be uploaded, in the order asked. What may not be kept gets no room.

    Announcing twice is allowed: the client retries, and uploads a live file again and again.
    """
    if len(names) > MOST_NAMES:
        raise Invalid(f"At most {MOST_NAMES} files can be announced at once.")
    clean = [clean_file_name(name) for name in names]
    key = run_key(run)
    refused = _refused(run, clean)
    with transaction.atomic():
        # Held first: two who announce the same names at one moment, each in an order of their own, would wait for each other's rows.
        require_same_key(run)
        files = _files_by_name(run, key, dict.fromkeys(name for name in clean if name not in refused))
        _note_withheld(run, key, refused)
    return [
        Announced(name=asked, file=files.get(name), refused=refused.get(name))
        for asked, name in zip(names, clean, strict=True)
    ]


def _refused(run: Run, names: Iterable[str]) -> dict[str, Withheld]:
    """Which of these may not be stored, and why. The settings are asked only when one of the names could be refused."""
    doubtful = {name for name in names if is_code(name) or is_packages(name)}
    kept = kept_in(run.project.entity) if doubtful else Kept()
    reasons = {name: _reason(name, kept) for name in doubtful}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _reason(name: str, kept: Kept) -> Withheld | None:
    if not keeps_file(name, saving_on=kept.code):
        return Withheld.CODE
    return Withheld.METADATA if is_packages(name) and kept.metadata is SystemMetadata.NONE else None


def _files_by_name(run: Run, key: OpenKey, names: Iterable[str]) -> dict[str, RunFile]:
    indexes = {name: blind_index(key, NAME_LABEL, name) for name in names}
    rows = []
    for name, index in indexes.items():
        row = RunFile(uuid=uuid.uuid4(), run=run, name_index=index, is_code=is_code(name))
        row.sealed_name = seal_text(key, name, label=NAME_LABEL, row=row.uuid)
        rows.append(row)
    # Rows that exist stay as they are; what stands in the table afterwards is what counts.
    RunFile.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    found: dict[bytes, RunFile] = {}
    wanted = list(indexes.values())
    for start in range(0, len(wanted), 500):
        for row in RunFile.objects.filter(run=run, name_index__in=wanted[start : start + 500]):
            found[bytes(row.name_index)] = row
    return {name: found[index] for name, index in indexes.items()}


def _note_withheld(run: Run, key: OpenKey, refused: Mapping[str, Withheld]) -> None:
    rows = []
    for name, reason in refused.items():
        row = WithheldFile(uuid=uuid.uuid4(), run=run, reason=reason.value)
        row.name_index = blind_index(key, WITHHELD_LABEL, name)
        row.sealed_name = seal_text(key, name, label=WITHHELD_LABEL, row=row.uuid)
        rows.append(row)
    WithheldFile.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def store_file(
    file: RunFile,
    source: BinaryIO | Iterable[bytes],
    *,
    max_bytes: int | None = None,
    was: PastFile | None = None,
) -> RunFile:
    """Keep the bytes of an announced file, in place of what it held. Asks again whether it may be kept, and how much of it.

    TooMuch past `max_bytes`. One that comes from elsewhere has the moments that it had there, from the first moment on.
    """
    name = open_file(file).name
    source = _allowed_part(file, name, source)
    owner = NodeId(file.run.vault_node)
    stored = write_blob(owner, source, max_bytes=max_bytes)
    try:
        kept = _replace_blob(file, name, stored, was)
    except BaseException:
        _let_go(stored.blob)
        raise
    note_picture(kept, name)
    return kept


def bring_files(
    run: Run, files: Iterable[PastFile], *, lost: Callable[[str], None] = lambda _name: None
) -> int:
    """Keep files that come from elsewhere, in their order and with their moments; how many are left out, since they may not be kept or
    are not there any more, of which `lost` is told the name. Those that are here stay as they are."""
    left_out, rest = 0, iter(files)
    while batch := list(islice(rest, _BROUGHT_AT_ONCE)):
        for each, announced in zip(batch, announce_files(run, [each.name for each in batch]), strict=True):
            try:
                left_out += not _bring_file(run, announced.file, each)
            except NotThere:
                left_out += 1
                lost(each.name)
    return left_out


def _bring_file(run: Run, file: RunFile | None, past: PastFile) -> bool:
    """Whether it may be kept. That is asked with each file anew: what was announced may be refused when its turn comes. NotThere where
    its bytes are nowhere."""
    if file is None:
        return False
    file.run = run
    if file.blob_id is not None:
        # Whoever died right behind its bytes had not come to this.
        note_picture(file, open_file(file).name)
        return True
    try:
        store_file(file, past.read(), was=past)
    except Forbidden:
        return False
    return True


def refusal(reason: Withheld) -> Forbidden:
    """What is said to whoever sends what may not be stored."""
    if reason is Withheld.CODE:
        return Forbidden(_("Code saving is off for this project; the file was not stored."))
    return Forbidden(_("Nothing about the machine is kept in this project; the file was not stored."))


def _allowed_part(file: RunFile, name: str, source: BinaryIO | Iterable[bytes]) -> BinaryIO | Iterable[bytes]:
    """What of the bytes may be stored; Forbidden when nothing of them."""
    rule = rule_for(name)
    may_hold_secrets = is_code(name) or name in SIDE_FILES
    if rule is None and not may_hold_secrets and not is_packages(name):
        return source
    kept = kept_in(file.run.project.entity)
    if (reason := _reason(name, kept)) is not None:
        # It was announced while it could be kept: the run says what became of it.
        with transaction.atomic():
            _note_withheld(file.run, run_key(file.run), {name: reason})
            require_same_key(file.run)
        raise refusal(reason)
    source = source if rule is None else [rule(_whole(source), kept)]
    return source if kept.secrets or not may_hold_secrets else _masked(name, source)


def _masked(name: str, source: Iterable[bytes]) -> Iterable[bytes]:
    """What is surely a credential replaced. A file that is too long to be held goes in as it came, and is looked at later."""
    held, rest = bytearray(), iter(source)
    for part in rest:
        held += part
        if len(held) > _MOST_WHOLE:
            return chain([bytes(held)], rest)
    return [file_masked(name, bytes(held))]


def _whole(source: BinaryIO | Iterable[bytes]) -> bytes:
    data = bytearray()
    for part in source:
        data += part
        if len(data) > _MOST_WHOLE:
            raise TooMuch(_("This file may have at most %(n)d MiB.") % {"n": _MOST_WHOLE >> 20})
    return bytes(data)


def _let_go(blob: Blob) -> None:
    """Delete a blob that no file points at any more. What cannot be deleted now is left to the sweep."""
    try:
        delete_blob(blob)
    except (OSError, DatabaseError, Conflict) as error:
        log.warning("blob left to the sweep: blob=%s error=%s", blob.pk, type(error).__name__)


def _gone(file: RunFile) -> Erased | NotFound | Unavailable:
    """The file was erased, or its run; or the run is closed, or was given another key, and the sender is to ask again."""
    is_of_one = Run.objects.filter(pk=file.run_id).exists()
    if is_of_one and not RunFile.objects.filter(pk=file.pk).exists():
        return NotFound("The file is gone.")
    return gone_or_back_soon(file.run_id)


@transaction.atomic
def _replace_blob(file: RunFile, name: str, stored: StoredBlob, was: PastFile | None) -> RunFile:
    # The run's row too, and first, in the order in which everybody holds them: an eraser that has closed the run finds all that came
    # in before, and nothing comes in after.
    locked = (
        RunFile.objects.select_for_update(of=("run", "self"))
        .select_related("run", "blob")
        .filter(pk=file.pk, run__erased_at=None, run__vault_node=file.run.vault_node)
        .first()
    )
    if locked is None:
        raise _gone(file)
    before = locked.blob
    digests = {"md5": stored.md5_b64, "sha256": stored.sha256_hex}
    sealed = seal(run_key(locked.run), jsontext.dumps(digests).encode(), label=DIGESTS_LABEL, row=locked.uuid)
    locked.blob, locked.size, locked.sealed_digests = stored.blob, stored.size, sealed
    locked.updated_at = clock.now() if was is None else was.updated_at
    if was is not None:
        locked.created_at = was.created_at or was.updated_at
    locked.save(update_fields=["blob", "size", "sealed_digests", "created_at", "updated_at"])
    if before is not None:
        small = take_small(locked) if is_picture(name) else []
        for blob in (before, *small):
            transaction.on_commit(partial(_let_go, blob))
    return locked
