from __future__ import annotations

from apps.core.privacy import declare
from apps.erasure.models import ErasureJob

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
        "rows",
        "stored_bytes",
        "asked_at",
        "shredded_at",
        "done_at",
        "busy_until",
        "tries",
        "trouble",
    },
    goes_with="entity",
)
