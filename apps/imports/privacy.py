from __future__ import annotations

from apps.core.privacy import declare, owe
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
        "unread_since",
        "unread_tries",
        "waits_until",
        "worked_seconds",
    },
    goes_with="entity",
)
declare(
    ImportItem,
    sealed={"called_index", "edges_index", "key_index"},
    plain={"id", "of", "kind", "project", "run", "collection", "version", "is_done", "left_out"},
    goes_with="of",
)

owe(
    Import,
    "imports",
    person="asked_by",
    by_id=True,
    told=(
        "public_id", "entity", "origin", "state", "projects", "runs", "versions", "left_out", "asked_at", "ended_at",
    ),
)  # fmt: skip
owe(Import, "imports-for-you", person="brought_for", told=("public_id", "entity", "asked_at", "state"))
