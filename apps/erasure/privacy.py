from __future__ import annotations

from apps.core.privacy import declare, owe
from apps.erasure.models import ErasureJob, PartErasure, Remainder, Rewritten, WayBack

declare(
    ErasureJob,
    plain={
        "id",
        "uuid",
        "public_id",
        "scope",
        "cause",
        "entity",
        "asked_by",
        "step",
        "asked",
        "runs",
        "files",
        "versions",
        "values",
        "rows",
        "stored_bytes",
        "asked_at",
        "due_at",
        "epoch",
        "proof",
        "cleared",
        "shredded_at",
        "bytes_gone_at",
        "rows_gone_at",
        "proven_at",
        "renewed_at",
        "done_at",
        "busy_until",
        "tries",
        "trouble",
        "alarmed_at",
    },
    goes_with="entity",
)
declare(Remainder, plain={"id", "job", "kind", "ident", "above", "gone_at", "is_kept"}, goes_with="job")
declare(
    PartErasure,
    sealed={"sealed_parts"},
    plain={"id", "uuid", "run", "erasure_job", "vault_node", "exchanged_at"},
    goes_with="run",
)
declare(Rewritten, sealed={"sealed_removed"}, plain={"id", "part", "segment", "blob"}, goes_with="part")
declare(WayBack, plain={"id", "job", "secret_sha256_hex", "made_at", "handed_at", "used_at"}, goes_with="job")

_TOLD = (
    "public_id", "scope", "cause", "asked", "runs", "files", "versions", "values", "asked_at", "due_at", "done_at",
)  # fmt: skip
owe(ErasureJob, "erasures", person="entity__user", told=_TOLD)
owe(ErasureJob, "erasures-asked-for", person="asked_by", by_id=True, told=(*_TOLD, "entity"))
