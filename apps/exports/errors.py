from __future__ import annotations

from apps.core.errors import Unavailable


class Unread(Unavailable):
    """Something in an export cannot be read, though other files can: asked again for a while, and then left out."""

    code = "unread"

    def __init__(self) -> None:
        super().__init__("Something in it cannot be read just now. It is tried again.")
