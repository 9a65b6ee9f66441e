from __future__ import annotations

from apps.core.errors import Unavailable


class BackSoon(Unavailable):
    """The run is closed for as long as it takes to erase a part of it or to give it another key: asked again it is there."""

    def __init__(self) -> None:
        super().__init__("A part of this run is being erased just now. It is back in a moment: try again.")
