"""The sixteen colours of logs and code can be read on their ground, and their ground on each of them, in both themes."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[2] / "static/css/tokens.css"
LEAST = 4.5
_PAIR = re.compile(
    r"--(?P<name>[\w-]+):\s*light-dark\((?P<light>oklch\([^)]*\)|#\w+),\s*(?P<dark>oklch\([^)]*\)|#\w+)\)"
)


def _linear_of(colour: str) -> tuple[float, float, float]:
    if colour.startswith("#"):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return red, green, blue
    lightness, chroma, hue = re.findall(r"[\d.]+", colour)
    return _from_oklch(float(lightness) / 100, float(chroma), math.radians(float(hue)))


def _from_oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _luminance(colour: str) -> float:
    red, green, blue = _linear_of(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _tokens(theme: str) -> dict[str, str]:
    return {found["name"]: found[theme] for found in _PAIR.finditer(TOKENS.read_text())}


def test_the_measure_is_right() -> None:
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#767676", "#ffffff"), 2) == 4.54
    assert round(contrast("oklch(100% 0 0)", "#777777"), 2) == 4.48


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_colour_of_a_terminal_can_be_read(theme: str) -> None:
    tokens = _tokens(theme)

    measured = {name: contrast(tokens[name], tokens["well"]) for name in tokens if name.startswith("ansi-")}

    assert len(measured) == 16
    assert {name: round(value, 2) for name, value in measured.items() if value < LEAST} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), [("ink-3", "well"), ("ink", "brass-tint"), ("well", "ink")])
def test_the_other_words_of_a_log_can_be_read(theme: str, text: str, ground: str) -> None:
    tokens = _tokens(theme)

    assert contrast(tokens[text], tokens[ground]) >= LEAST
