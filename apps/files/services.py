from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from django.db import DatabaseError, transaction
from django.utils.translation import gettext as _

from apps.blobs.models import Blob
from apps.blobs.services import StoredBlob, delete_blob, write_blob
from apps.code_saving.policy import keeps_file
from apps.core import clock, jsontext
from apps.core.errors import Conflict, Forbidden, Invalid, NotFound
from apps.files.models import RunFile, WithheldFile
from apps.files.names import clean_file_name
from apps.files.queries import DIGESTS_LABEL, MOST_NAMES, NAME_LABEL, WITHHELD_LABEL, open_file
from apps.files.types import Announced
from apps.runs.models import Run
from apps.runs.queries import run_key
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, seal_text
from apps.vault.types import NodeId

log = logging.getLogger(__name__)


def announce_files(run: Run, names: Sequence[str]) -> list[Announced]:
    """Make room for files that will be uploaded, in the order asked. Code that may not be kept gets no room.

    Announcing twice is allowed: the client retries, and uploads a live file again and again.
    """
    if len(names) > MOST_NAMES:
        raise Invalid(f"At most {MOST_NAMES} files can be announced at once.")
    clean = [clean_file_name(name) for name in names]
    key = run_key(run)
    kept = {name for name in clean if keeps_file(name, saving_on=False)}
    with transaction.atomic():
        files = _files_by_name(run, key, kept)
        _note_withheld(run, key, set(clean) - kept)
    return [Announced(name=asked, file=files.get(name)) for asked, name in zip(names, clean, strict=True)]


def _files_by_name(run: Run, key: OpenKey, names: Iterable[str]) -> dict[str, RunFile]:
    indexes = {name: blind_index(key, NAME_LABEL, name) for name in names}
    rows = []
    for name, index in indexes.items():
        row = RunFile(uuid=uuid.uuid4(), run=run, name_index=index)
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


def _note_withheld(run: Run, key: OpenKey, names: Iterable[str]) -> None:
    rows = []
    for name in names:
        row = WithheldFile(uuid=uuid.uuid4(), run=run, reason="code")
        row.name_index = blind_index(key, WITHHELD_LABEL, name)
        row.sealed_name = seal_text(key, name, label=WITHHELD_LABEL, row=row.uuid)
        rows.append(row)
    WithheldFile.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)


def store_file(file: RunFile, source: BinaryIO | Iterable[bytes], *, max_bytes: int | None = None) -> RunFile:
    """Keep the bytes of an announced file, in place of what it held. Asks the code policy again.

    TooMuch past `max_bytes`.
    """
    if not keeps_file(open_file(file).name, saving_on=False):
        raise Forbidden(_("Code saving is off for this project; the file was not stored."))
    owner = NodeId(file.run.vault_node)
    stored = write_blob(owner, source, max_bytes=max_bytes)
    try:
        return _replace_blob(file, stored)
    except BaseException:
        _let_go(stored.blob)
        raise


def _let_go(blob: Blob) -> None:
    """Delete a blob that no file points at any more. What cannot be deleted now is left to the sweep."""
    try:
        delete_blob(blob)
    except (OSError, DatabaseError, Conflict) as error:
        log.warning("blob left to the sweep: blob=%s error=%s", blob.pk, type(error).__name__)


@transaction.atomic
def _replace_blob(file: RunFile, stored: StoredBlob) -> RunFile:
    locked = (
        RunFile.objects.select_for_update(of=("self",))
        .select_related("run", "blob")
        .filter(pk=file.pk)
        .first()
    )
    if locked is None:
        raise NotFound("The file's run is gone.")
    before = locked.blob
    digests = {"md5": stored.md5_b64, "sha256": stored.sha256_hex}
    sealed = seal(run_key(locked.run), jsontext.dumps(digests).encode(), label=DIGESTS_LABEL, row=locked.uuid)
    locked.blob, locked.size, locked.sealed_digests, locked.updated_at = (
        stored.blob,
        stored.size,
        sealed,
        clock.now(),
    )
    locked.save(update_fields=["blob", "size", "sealed_digests", "updated_at"])
    if before is not None:
        transaction.on_commit(lambda: _let_go(before))
    return locked
