from __future__ import annotations

from apps.core.errors import NotFound


class NotThere(NotFound):
    """Where a file is brought from it is named, and is not. That keeps nobody from the others."""
