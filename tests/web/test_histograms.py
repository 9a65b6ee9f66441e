"""Histograms: what the client logs, what is drawn of it, and the pages that show it."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from apps.runs.models import Run
from apps.web.histograms import Histogram, Placed, drawn_range, histogram_of, over_time
from apps.web.ridge import _columns, bars, outline, ridge
from tests.web.conftest import Log, Visit, text_of

PAGE = "/lab/vision/runs/told/histograms"


def logged(counts: list[Any], edges: list[Any]) -> dict[str, Any]:
    return {"_type": "histogram", "values": counts, "bins": edges}


def test_the_clients_form() -> None:
    assert histogram_of(logged([3, 15.0], [-1, 0, 0.5])) == Histogram((-1.0, 0.0, 0.5), (3, 15))


def test_the_packed_form() -> None:
    packed = {"_type": "histogram", "values": [1, 2], "packedBins": {"min": -1, "size": 0.5, "count": 2}}

    assert histogram_of(packed) == Histogram((-1.0, -0.5, 0.0), (1, 2))


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        [],
        {"_type": "image-file"},
        {"_type": "histogram"},
        logged([], []),
        logged([1], [0]),
        logged([1], [1, 0]),
        logged([-1], [0, 1]),
        logged([math.nan], [0, 1]),
        logged([1], [0, math.inf]),
        logged([1], ["0", []]),
        logged([True], [0, 1]),
        logged([10**400], [0, 1]),
        logged([1], [0, 10**400]),
        logged([1e308, 1e308], [0, 1, 2]),
        logged([1], [-1.7e308, 1.7e308]),
        logged([1], [0, 5e-324]),
        logged([1] * 5000, list(range(5001))),
        {"_type": "histogram", "values": [1], "packedBins": {"min": 0, "size": "1", "count": 1}},
        {"_type": "histogram", "values": [1], "packedBins": {"min": 0, "size": 1, "count": 10**12}},
        {"_type": "histogram", "values": [1], "packedBins": [0, 1, 1]},
    ],
)
def test_what_is_no_histogram_is_none(value: Any) -> None:
    assert histogram_of(value) is None


def test_the_outline_has_the_area_of_the_counts() -> None:
    # Half of the values lie in a bin that is half as wide: it stands twice as high.
    found = Histogram((0.0, 0.5, 1.5), (2, 2))

    assert found.densities() == [1.0, 0.5]
    assert outline(found, 0, 1.5, foot=100, scale=100) == "M0.0 100.0L0.0 0.0H333.3L333.3 50.0H1000.0V100.0"


@pytest.mark.parametrize("edges", [(0.0, 1.0, 2.0, 10.0), (0.0, 0.1, 0.100001, 10.0), (3.0, 3.0, 3.0, 3.0)])
def test_columns_hold_all_that_the_bins_held(edges: tuple[float, ...]) -> None:
    found = Histogram(edges, (5, 1, 2))
    low, high, _ = drawn_range([found])

    width = (high - low) / 80
    assert sum(_columns(found, low, high)) * width == pytest.approx(1)


def test_one_stray_value_does_not_flatten_the_rest() -> None:
    near = Histogram((0.0, 1.0, 2.0), (500, 500))
    stray = Histogram((0.0, 1.0, 2.0, 1000.0), (500, 500, 1))

    assert drawn_range([near]) == (0.0, 2.0, False)
    low, high, leaves_out = drawn_range([near, stray])
    assert (low, leaves_out) == (0.0, True)
    assert 2 < high < 3
    # The exact one leaves nothing out.
    assert bars([stray], whole=True).ticks[-1] == "1000"


@pytest.mark.parametrize(
    ("edges", "ticks"),
    [
        ((-1.0, 1.0), ["-1", "-0.5", "0", "0.5", "1"]),
        ((1e16, 1e16 + 8), ["10000000000000000", "1e+16", "1e+16", "1e+16", "1e+16"]),
        ((1.00001, 1.00002), ["1.00001", "1.000013", "1.000015", "1.000018", "1.00002"]),
        ((2.0, 2.0), ["1", "1.5", "2", "2.5", "3"]),
    ],
)
def test_ticks_have_the_digits_that_tell_them_apart(edges: tuple[float, ...], ticks: list[str]) -> None:
    found = bars([Histogram(edges, (1,))], whole=False).ticks

    assert [float(each) for each in found] == pytest.approx([float(each) for each in ticks])


def test_a_ridge_of_histograms_without_a_value_is_flat_and_harmless() -> None:
    drawn = ridge([Placed(step, Histogram((0.0, 1.0), (0,))) for step in (0.0, 1.0)])

    assert [line.outline for line in drawn.lines] == ["", ""]


# ── What a run logged ──


@pytest.fixture
def with_histograms(told: Run, log: Log) -> Run:
    rows = [
        {"w": logged([step, 1000 - step], [-1, 0, step + 1]), "loss": 1.0, "_step": step}
        for step in range(20, 420)
    ]
    log(told, rows)
    return told


def test_a_long_run_is_sampled_with_its_last(with_histograms: Run) -> None:
    found = over_time(with_histograms, "w")

    assert len(found) == 60
    assert (found[0].step, found[-1].step) == (20, 419)
    assert found[-1].histogram.counts == (419, 581)


def test_page_lists_and_draws(visit: Visit, with_histograms: Run) -> None:
    page = visit(PAGE, by="vera").content.decode()

    assert 'data-ridge="w"' in page
    assert "1 key, with at most 60 steps spread over the run" in page
    assert len(re.findall(r"<path d=\"M[^\"]+\" stroke-opacity", page)) == 60
    assert page.count('class="chosen"') == 1


def test_page_without_a_script_shows_the_step_asked_for(visit: Visit, with_histograms: Run) -> None:
    page = visit(PAGE, by="vera", key="w", at="27")

    # The nearest of the sample.
    assert "Step 26: 1000 values in 2 bins from -1 to 27." in text_of(page)
    assert '<option value="26.0" selected>26</option>' in page.content.decode()


def test_one_step_exactly_also_between_those_of_the_sample(visit: Visit, with_histograms: Run) -> None:
    words = text_of(visit(f"{PAGE}/one", by="vera", key="w", at="28"))

    assert "Step 28: 1000 values in 2 bins from -1 to 29. Most, 972, from 0 to 29." in words
    assert "-1.0 0.0 28 0.0 29.0 972" in words


def test_a_cursor_tells_when_there_is_nothing_new(visit: Visit, with_histograms: Run, log: Log) -> None:
    first = visit(f"{PAGE}/ridge", by="vera", key="w").content.decode()
    cursor = re.search(r'data-cursor="([^"]+)"', first)
    assert cursor is not None

    still = visit(f"{PAGE}/ridge", by="vera", key="w", cursor=cursor[1])
    log(with_histograms, [{"w": logged([1], [0, 1]), "_step": 420}])
    changed = visit(f"{PAGE}/ridge", by="vera", key="w", cursor=cursor[1])

    assert still.status_code == 204
    assert "Step 420: 1 values in 1 bins" in text_of(changed)


@pytest.mark.parametrize("query", ["", "?key=", "?key=" + "x" * 2001])
def test_a_histogram_needs_its_key(visit: Visit, told: Run, query: str) -> None:
    assert visit(f"{PAGE}/ridge{query}", by="vera").status_code == 400


def test_what_cannot_be_drawn_is_said(visit: Visit, told: Run, log: Log) -> None:
    log(told, [{"bad": logged([1], [1, 0]), "_step": 20}])

    assert "No histogram of bad can be drawn." in text_of(visit(PAGE, by="vera"))
    assert "No histogram was logged at this step." in text_of(
        visit(f"{PAGE}/one", by="vera", key="bad", at="20")
    )


def test_a_run_without_histograms_has_no_tab_and_a_page_that_says_so(visit: Visit, told: Run) -> None:
    assert b"told/histograms" not in visit("/lab/vision/runs/told", by="vera").content
    assert "No histograms" in text_of(visit(PAGE, by="vera"))


def test_hostile_keys_are_text(visit: Visit, told: Run, log: Log) -> None:
    evil = '"><script>alert(1)</script>\u202e\ud800'
    log(told, [{evil: logged([1], [0, 1]), "_step": 20}])

    page = visit(PAGE, by="vera").content.decode()

    assert "<script>alert" not in page
    assert "1 values in 1 bins" in page
