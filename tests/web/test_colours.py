"""The tokens hold what the design promises of its colours, computed from the file that pages load."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.web.colour import SIGHT, Rgb, apart, contrast, rgb_of, seen

THEMES = ("light", "dark")
INKS = ("ink", "ink-2", "ink-3")
OWN_INK = {"accent-tint": "accent", "brass-tint": "brass", "brick-tint": "brick"}
GROUNDS = ("page", "sheet", "raised", "well", "hover", "select")
FILLED = (("accent-ink", "accent"), ("brick-ink", "brick-fill"), ("page", "ink"), ("page", "ink-2"))
# Every ink on every ground that it may stand on; a tint carries the inks and the colour that it is a tint of.
TEXT = (
    *itertools.product((*INKS, "accent", "brass", "brick"), GROUNDS),
    *itertools.product(INKS, OWN_INK),
    *((ink, tint) for tint, ink in OWN_INK.items()),
    *FILLED,
)
_COLOUR = r"(#[0-9a-f]{3,6}|oklch\([^)]*\))"


def _tokens(theme: str) -> dict[str, Rgb]:
    css = Path(settings.BASE_DIR, "static/css/tokens.css").read_text()
    pairs = {
        m[1]: (m[2], m[3]) for m in re.finditer(rf"--([\w-]+):\s*light-dark\({_COLOUR},\s*{_COLOUR}\)", css)
    }
    pairs |= {m[1]: (m[2], m[2]) for m in re.finditer(rf"--([\w-]+):\s*{_COLOUR};", css)}
    return {name: rgb_of(pair[THEMES.index(theme)]) for name, pair in pairs.items()}


def _runs(tokens: dict[str, Rgb]) -> dict[str, Rgb]:
    return {name: colour for name, colour in tokens.items() if re.fullmatch(r"run-\d+", name)}


@pytest.mark.parametrize("theme", THEMES)
def test_words_can_be_read_on_every_ground(theme: str) -> None:
    tokens = _tokens(theme)

    found = {f"{ink} on {ground}": contrast(tokens[ink], tokens[ground]) for ink, ground in TEXT}

    assert len(found) == 52
    assert {pair: round(value, 2) for pair, value in found.items() if value < 4.5} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_edges_of_controls_and_lines_of_runs_stand_out(theme: str) -> None:
    tokens = _tokens(theme)

    found = {f"field on {ground}": contrast(tokens["field"], tokens[ground]) for ground in GROUNDS[:4]}
    found |= {f"{name} on sheet": contrast(colour, tokens["sheet"]) for name, colour in _runs(tokens).items()}

    assert len(found) == 16
    assert {pair: round(value, 2) for pair, value in found.items() if value < 3} == {}


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", THEMES)
def test_runs_are_told_apart_by_every_eye(theme: str, sight: str) -> None:
    runs = {name: seen(colour, sight) for name, colour in _runs(_tokens(theme)).items()}

    found = {f"{a}, {b}": apart(runs[a], runs[b]) for a, b in itertools.combinations(runs, 2)}

    assert len(found) == 66
    assert {pair: round(value, 1) for pair, value in found.items() if value < 10} == {}


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        # From the table that its authors give to check implementations with.
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_difference_is_that_of_the_standard(
    one: tuple[float, float, float], other: tuple[float, float, float], difference: float
) -> None:
    assert apart(one, other) == pytest.approx(difference, abs=1e-4)
    assert apart(other, one) == pytest.approx(difference, abs=1e-4)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(rgb_of("#fff"), rgb_of("#000000")) == pytest.approx(21)
    assert contrast(rgb_of("#777777"), rgb_of("#ffffff")) == pytest.approx(4.478, abs=1e-3)
    assert rgb_of("oklch(100% 0 0)") == pytest.approx((1, 1, 1), abs=1e-4)
