from __future__ import annotations

from apps.blobs.models import Blob, BlobPart
from apps.core.privacy import declare

declare(
    Blob,
    plain={
        "id", "object_name", "vault_node", "state", "plain_size", "stored_size", "part_count", "created_at",
    },
)  # fmt: skip
declare(
    BlobPart,
    sealed={"digest_index"},
    plain={"id", "blob", "number", "is_last", "object_name", "plain_size", "stored_size", "created_at"},
    goes_with="blob",
)
