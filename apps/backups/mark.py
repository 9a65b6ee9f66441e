from __future__ import annotations

from pathlib import Path

from django.conf import settings


def mark() -> Path:
    """There while a restore has begun and not ended; it holds where the backup is."""
    return Path(settings.OWNLOG_DATA) / "restore-unfinished"
