"""The ladder after closing: which step does what, and which moment it leaves behind."""

from __future__ import annotations

from collections.abc import Callable

from apps.erasure.letting_go import let_go
from apps.erasure.models import ErasureJob
from apps.erasure.proof import await_epoch, prove
from apps.erasure.receipts import certify
from apps.erasure.steps import Beat, delete_bytes, delete_rows, shred
from apps.erasure.types import Step

STEPS: dict[Step, Callable[[ErasureJob, Beat], None]] = {
    Step.WAIT: let_go,
    Step.SHRED: shred,
    Step.BYTES: delete_bytes,
    Step.ROWS: delete_rows,
    Step.PROVE: prove,
    Step.EPOCH: await_epoch,
    Step.CERTIFY: certify,
}
MOMENTS: dict[Step, str] = {
    Step.SHRED: "shredded_at",
    Step.BYTES: "bytes_gone_at",
    Step.ROWS: "rows_gone_at",
    Step.PROVE: "proven_at",
    Step.EPOCH: "renewed_at",
}
