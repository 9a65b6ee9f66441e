from __future__ import annotations

from apps.core.privacy import declare
from apps.vault.models import Epoch, Grant, Head, Node, Receipt, Tombstone, Waiting

declare(
    Node,
    sealed={"secrets", "next_secrets"},
    plain={
        "id",
        "kind",
        "parent_id",
        "lies_under",
        "wrap_id",
        "content_id",
        "next_wrap_id",
        "next_content_id",
        "dirty_at",
        "created_at",
    },
)
declare(
    Grant, sealed={"secret"}, plain={"id", "blob_id", "owner_id", "lies_under", "content_id", "created_at"}
)
declare(Tombstone, sealed={"name_index"}, plain={"node_id", "kind", "scope_id", "erased_at"})
declare(Waiting, plain={"job", "scope", "asked_by", "asked_at", "due_at", "things"})
declare(Head, plain={"name", "number", "sha256_hex", "mac_hex", "kept_at"})
declare(
    Epoch,
    plain={
        "number",
        "state",
        "asked_at",
        "started_at",
        "busy_until",
        "generation",
        "renewed",
        "rewrapped",
        "marks_until",
        "finished_at",
        "tries",
        "trouble",
        "broken_at",
        "alarmed_at",
    },
)
declare(
    Receipt,
    plain={
        "number",
        "job",
        "statement",
        "statement_sha256_hex",
        "previous_sha256_hex",
        "key_b64",
        "signature_b64",
        "made_at",
    },
)
