from __future__ import annotations

from apps.core.privacy import declare
from apps.leaks.models import Finding, Scan

declare(
    Finding,
    sealed={"spot_index", "sealed_spot"},
    plain={"id", "uuid", "public_id", "run", "state", "found_at"},
    goes_with="run",
)
declare(
    Scan,
    sealed={"sealed_progress"},
    plain={"id", "uuid", "run", "version", "looked_until", "new_key_wanted_at"},
    goes_with="run",
)
