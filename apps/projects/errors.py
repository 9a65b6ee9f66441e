from __future__ import annotations

from apps.core.errors import Forbidden


class KeptPrivate(Forbidden):
    """An organisation keeps the projects of its teams to their own people."""

    code = "kept_private"
