from __future__ import annotations

from apps.api.models import Replay
from apps.core.privacy import declare

declare(
    Replay,
    plain={"id", "user", "key_hash", "request_hash", "status", "subject", "number", "created_at"},
    goes_with="user",
)
