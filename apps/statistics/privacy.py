from __future__ import annotations

from apps.core.privacy import declare
from apps.statistics.models import Figure, Release

declare(
    Release,
    plain={
        "id",
        "month",
        "libraries",
        "epsilon",
        "delta",
        "minimum",
        "names_on",
        "busy_until",
        "released_on",
    },
)
declare(Figure, plain={"id", "release", "library", "users"}, goes_with="release")
