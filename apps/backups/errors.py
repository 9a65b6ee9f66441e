from __future__ import annotations

from apps.core.errors import OwnlogError


class Refused(OwnlogError):
    """A backup that is not made, or not put back; the message tells the operator why and what to do."""

    code = "backup_refused"
