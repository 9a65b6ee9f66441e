from __future__ import annotations

from apps.core.errors import Invalid


class Broken(Invalid):
    """What is to be imported is not whole, or not what it says it is: nothing of it is kept."""

    code = "broken"
