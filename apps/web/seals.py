"""The seal of a receipt: a ray for each of the 64 hex digits of the digest of what it states, so that two differ at a glance."""

from __future__ import annotations

import math
from dataclasses import dataclass

_CENTRE, _INNER, _SHORTEST, _STEP = 50.0, 30.0, 2.2, 0.95


@dataclass(frozen=True, slots=True)
class Seal:
    sha256_hex: str

    @property
    def rays(self) -> str:
        """As the path of an SVG of 100 by 100, the first digit at the top, on clockwise."""
        return "".join(_ray(place, int(digit, 16)) for place, digit in enumerate(self.sha256_hex))

    @property
    def short(self) -> str:
        return self.sha256_hex[:12]


def _ray(place: int, digit: int) -> str:
    angle = math.tau * place / 64
    x, y = math.sin(angle), -math.cos(angle)
    ends = (_INNER, _INNER + _SHORTEST + _STEP * digit)
    return "M{:.2f} {:.2f}L{:.2f} {:.2f}".format(*(_CENTRE + end * along for end in ends for along in (x, y)))


def seal_of(receipt: dict[str, object]) -> Seal:
    """Of a receipt as it is handed out, by the digest that its signature holds."""
    link = receipt["link"]
    assert isinstance(link, dict)  # ours, or one that was checked
    return Seal(link["statement_sha256"])
