"""What the receipt of an erasure states: ids that Ownlog made, counts, times and methods. No name and no content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext

from apps.accounts.actors import Actor
from apps.core.errors import NotFound
from apps.erasure.models import ErasureJob
from apps.erasure.queries import get_job
from apps.erasure.types import Scope
from apps.vault import receipts

FORM = "ownlog-erasure-1"
OF_A_PART = {
    "run": "what stays of the run sealed again under a key of its own; the key that it had before deleted and tombstoned"
}
# Of what had names in the clear, by how they were cleared away.
_OF_THE_LOG = (
    "; what the server keeps of transactions waited for until none was under way that could see them. The write-ahead log's files up to "
    "log_file held them: log says overwritten (none of them, and none that waited to be used again, was left as it had been), let go of "
    "(one may lie there to be used again, with its bytes, until it is), moved on (the server lets go of them by log_released_by, then as "
    "before), kept (by an archive, a replica or a setting, nobody here knows for how long) or unknown; where log_is_copied, an archive or a "
    "replica has had a copy, which is not seen to"
)
OF_NAMES = {
    "overwritten": "names and addresses that stood in the clear: the rows overwritten in the database's file as they were deleted; its "
    "write-ahead log emptied then where log_is_empty, otherwise with one of the next checkpoints",
    "written anew": "names and addresses that stood in the clear: rows deleted, then the tables that had held them written anew without "
    "what was dead" + _OF_THE_LOG,
    "vacuumed": "names and addresses that stood in the clear: rows deleted, then the tables that had held them vacuumed: their bytes are "
    "free, and overwritten by what comes next" + _OF_THE_LOG,
}
OF_BACKUPS = (
    "backups made before hold ciphertext under destroyed keys until they are deleted, names too; those that were made by a version from "
    "before backups sealed names, and copies of the database that were made by other means, hold names in the clear; the last backup from "
    "before opens with its own vault and the root key that is kept with it until the next backup is made, which destroys that key"
)
METHODS = {
    "vault": "keys deleted and tombstoned; then the keys above them renewed, and the root key of before destroyed after a "
    "second copy of what replaced it was opened",
    "store": "every version, mark of deletion and part of an upload deleted, the key of each file before its bytes",
    "database": "rows deleted; free pages and logs of the database may hold them until reused: ciphertext under destroyed keys, "
    "ids, times, sizes and states",
}


def certify(job: ErasureJob, _: Callable[[], None]) -> None:
    """Give the receipt. It is there once, however often this is done."""
    receipts.append(job.public_id, statement_of(job))


def statement_of(job: ErasureJob) -> dict[str, Any]:
    return {
        "form": FORM,
        "erasure": job.public_id,
        "entity": job.entity.public_id,
        "asked": {
            "at": _moment(job.asked_at),
            "by": job.asked_by,
            "due": _moment(job.due_at),
            "cause": job.cause,
            "scope": Scope(job.scope).value,
            "things": job.asked,
        },
        "deleted": {
            "runs": job.runs,
            "versions": job.versions,
            "files": job.files,
            **({"values": job.values} if job.scope == Scope.PART else {}),
            "rows": job.rows,
            "stored_bytes": job.stored_bytes,
        },
        "methods": _methods(job),
        **({"names": job.cleared} if job.cleared else {}),
        "backups": _backups(job),
        "proof": job.proof,
        "epoch": job.epoch,
        "steps": {
            "close": _moment(job.asked_at),
            "shred": _moment(job.shredded_at),
            "bytes": _moment(job.bytes_gone_at),
            "rows": _moment(job.rows_gone_at),
            "prove": _moment(job.proven_at),
            "epoch": _moment(job.renewed_at),
        },
    }


def _methods(job: ErasureJob) -> dict[str, str]:
    methods = METHODS | (OF_A_PART if job.scope == Scope.PART else {})
    return methods | {"names": OF_NAMES[job.cleared["how"]]} if job.cleared else methods


def _backups(job: ErasureJob) -> dict[str, Any]:
    """When the last one that could hold anything of it is deleted, as far as the operators have said how long they keep them."""
    days = settings.OWNLOG_BACKUP_KEPT_DAYS
    gone = job.rows_gone_at if days else None
    last = None if gone is None else gone + timedelta(days=days)
    return {"what": OF_BACKUPS, "kept_days": days or None, "last_expires": _moment(last)}


def get_receipt(actor: Actor, *, public_id: str) -> dict[str, Any]:
    """The receipt of an erasure that the actor may see; NotFound while there is none."""
    found = receipts.receipt_of(get_job(actor, public_id=public_id).public_id)
    if found is None:
        raise NotFound(gettext("There is no receipt of this erasure (yet)."))
    return found


def receipts_to_tell(jobs: Sequence[ErasureJob]) -> list[dict[str, Any]]:
    """For the export of the account of whoever asked, or whose it was."""
    found = receipts.receipts_of(job.public_id for job in jobs)
    return [{"receipt": found.get(job.public_id)} for job in jobs]


def _moment(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
