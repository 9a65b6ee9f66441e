from __future__ import annotations

from apps.audit.models import Event
from apps.core.privacy import declare

declare(Event, plain={"id", "at", "kind", "subject", "entity", "facts", "by"})
