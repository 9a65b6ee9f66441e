"""The noise and what it costs, by the real library. Bounds on what is random are so wide that they are never met by chance."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from apps.statistics.noise import cost_of, released
from apps.statistics.types import MOST_DELTA, PARAMETERS, Parameters
from apps.web.library_figures import power

DOCS = (Path(__file__).resolve().parents[2] / "docs/statistics.md").read_text()
MANY, FAR = 20_000, 100_000  # figures, each so far above the minimum that none is lost


@pytest.fixture(scope="module")
def moved() -> list[int]:
    """How far each of many equal figures was moved."""
    noisy = released({f"library{n}": FAR for n in range(MANY)}, PARAMETERS)
    assert len(noisy) == MANY
    return [users - FAR for users in noisy.values()]


@pytest.mark.promise("P-02")
def test_a_release_costs_a_person_what_is_promised() -> None:
    epsilon, delta = cost_of(PARAMETERS)

    assert epsilon == pytest.approx(1.0, abs=1e-9)
    assert 0 < delta <= MOST_DELTA


def test_the_minimum_is_the_least_that_keeps_the_promise() -> None:
    _, delta = cost_of(replace(PARAMETERS, minimum=PARAMETERS.minimum - 1))

    assert delta > MOST_DELTA


@pytest.mark.parametrize(
    "parameters", [PARAMETERS, Parameters(1, 1.0, 20), Parameters(5, 0.5, 100), Parameters(20, 2.0, 90)]
)
def test_the_arithmetic_of_the_docs_is_that_of_the_library(parameters: Parameters) -> None:
    scale, most = parameters.libraries / parameters.epsilon, parameters.libraries
    seen_alone = math.exp(-(parameters.minimum - 1) / scale) / (1 + math.exp(-1 / scale))

    epsilon, delta = cost_of(parameters)

    assert epsilon == pytest.approx(most / scale, rel=1e-9)
    assert delta == pytest.approx(1 - (1 - seen_alone) ** most, rel=1e-3)


@pytest.mark.promise("P-02")
def test_the_docs_say_the_figures_that_hold() -> None:
    _, delta = cost_of(PARAMETERS)

    for figure in (
        f"| libraries of one person | {PARAMETERS.libraries} |",
        f"| ε of one month | {PARAMETERS.epsilon:g} |",
        f"| δ of one month | {power(delta)} |",
        f"| scale of the noise | {PARAMETERS.scale:g} |",
        f"| minimum | {PARAMETERS.minimum} |",
        f"| 95 of 100 figures are off by at most | {PARAMETERS.off_by_at_most} |",
    ):
        assert figure in DOCS
    assert re.search(r"12 months.*ε = 12\b", DOCS)


def test_the_noise_is_in_the_middle_and_as_wide_as_it_says(moved: list[int]) -> None:
    alpha = math.exp(-1 / PARAMETERS.scale)
    variance = 2 * alpha / (1 - alpha) ** 2

    mean = sum(moved) / MANY
    # The mean of so many has a standard deviation of 0.1, the fractions below of 0.002: each bound is ten of them away.
    assert abs(mean) < 1.0
    assert 0.8 < sum(each**2 for each in moved) / MANY / variance < 1.2
    assert 0.03 < sum(abs(each) > PARAMETERS.off_by_at_most for each in moved) / MANY < 0.07


def test_the_noise_has_the_form_of_the_discrete_laplace_distribution(moved: list[int]) -> None:
    alpha, counts = math.exp(-1 / PARAMETERS.scale), Counter(moved)

    for place in (-20, -10, -1, 0, 1, 10, 20):
        chance = (1 - alpha) / (1 + alpha) * alpha ** abs(place)
        # At least 130 of them each, and 12 standard deviations on either side.
        off = 12 * math.sqrt(MANY * chance)
        assert abs(counts[place] - MANY * chance) < off
    assert all(isinstance(each, int) for each in moved)


def test_what_few_use_is_not_there_and_what_many_use_is() -> None:
    far = replace(PARAMETERS, minimum=1_000)

    noisy = released({"few": 1, "some": 300, "many": 2_000, "all": 50_000}, far)

    # Noise of 700 and more comes once in 10³⁰ times.
    assert set(noisy) == {"many", "all"}


def test_a_library_of_one_person_is_seen_as_seldom_as_delta_says() -> None:
    low = Parameters(libraries=1, epsilon=1.0, minimum=3)
    _, delta = cost_of(low)

    seen = len(released({f"library{n}": 1 for n in range(MANY)}, low)) / MANY

    # About one in ten, give or take 0.2%: the bounds are ten times as wide, and nearer than what 0.16 says of itself (0.036).
    assert abs(seen - delta) < 0.022


def test_of_nothing_nothing_is_released() -> None:
    assert released({}, PARAMETERS) == {}


def test_two_releases_of_the_same_counts_differ() -> None:
    counts = {f"library{n}": FAR for n in range(100)}

    # That all hundred agree by chance has a probability of 10⁻¹³⁰.
    assert released(counts, PARAMETERS) != released(counts, PARAMETERS)
