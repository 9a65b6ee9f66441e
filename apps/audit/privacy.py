from __future__ import annotations

from apps.audit.models import Event, Link, Repeat
from apps.core.privacy import declare

declare(Event, plain={"id", "at", "kind", "subject", "entity", "project", "facts", "by"})
declare(Link, plain={"number", "event_id", "previous_sha256_hex", "sha256_hex"})
declare(
    Repeat,
    plain={"id", "kind", "subject", "entity", "project", "by", "via", "more", "since", "last_at"},
)
