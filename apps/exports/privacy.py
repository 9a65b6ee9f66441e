from __future__ import annotations

from apps.core.privacy import declare, owe
from apps.exports.models import Export, ExportItem, ExportPiece

declare(
    Export,
    plain={
        "id",
        "uuid",
        "public_id",
        "entity",
        "vault_node",
        "scope",
        "tables",
        "asked_by",
        "asked_with",
        "state",
        "runs",
        "files",
        "weight",
        "weight_done",
        "size",
        "asked_at",
        "started_at",
        "ready_at",
        "expires_at",
        "fetched_at",
        "busy_until",
        "waits_until",
        "turn_at",
        "tries",
        "trouble",
        "unread_since",
        "unread_tries",
        "has_record",
        "erased_at",
        "erasure_job",
    },
    goes_with="entity",
)
declare(
    ExportPiece,
    sealed={"sealed_entries"},
    plain={"id", "uuid", "export", "number", "blob", "size", "created_at"},
    goes_with="export",
)
declare(
    ExportItem,
    plain={
        "id", "export", "kind", "project", "run", "collection", "version", "first", "last", "weight", "piece",
    },
    goes_with="export",
)  # fmt: skip

owe(
    Export,
    "exports",
    person="asked_by",
    by_id=True,
    told=(
        "public_id", "entity", "scope", "tables", "state", "runs", "files", "size", "asked_at", "ready_at", "expires_at",
        "fetched_at",
    ),
)  # fmt: skip
