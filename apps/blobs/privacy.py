from __future__ import annotations

from apps.blobs.models import Blob
from apps.core.privacy import declare

declare(Blob, plain={"id", "object_name", "vault_node", "state", "plain_size", "stored_size", "created_at"})
