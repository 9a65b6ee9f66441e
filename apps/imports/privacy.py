from __future__ import annotations

from apps.core.privacy import declare
from apps.imports.models import Import, ImportItem

declare(
    Import,
    sealed={"fingerprint_index", "sealed_words"},
    personal={"brought_for"},
    plain={
        "id",
        "uuid",
        "public_id",
        "entity",
        "origin",
        "clash",
        "vault_node",
        "archive",
        "asked_by",
        "asked_with",
        "state",
        "projects",
        "runs",
        "versions",
        "left_out",
        "things",
        "asked_at",
        "ended_at",
        "busy_until",
        "turn_at",
        "tries",
        "trouble",
    },
    goes_with="entity",
)
declare(
    ImportItem,
    sealed={"key_index"},
    plain={"id", "of", "kind", "project", "run", "collection", "version", "is_done", "left_out"},
    goes_with="of",
)
