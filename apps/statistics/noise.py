"""The one place where figures leave: counts go in, noisy counts above the minimum come out. By OpenDP, and by nothing of ours.

Its library is opened only here and only when it is needed: it is large, and no idle process should hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from apps.statistics.types import Parameters

if TYPE_CHECKING:
    from opendp.mod import Measurement


def released(counts: Mapping[str, int], parameters: Parameters) -> dict[str, int]:
    """Each count with discrete Laplace noise of its own, as far as it then reaches the minimum."""
    if not counts:
        return {}
    return {name: int(users) for name, users in _measurement(parameters)(dict(counts)).items()}


def cost_of(parameters: Parameters) -> tuple[float, float]:
    """Epsilon and delta of one release for one person, by OpenDP."""
    most = parameters.libraries
    # It releases what reaches the minimum and reckons delta for what exceeds it (0.16: tests/statistics/test_noise.py counts it).
    # Asked of a minimum that is lower by one it says what holds; should that change, what we say is too much, never too little.
    stricter = replace(parameters, minimum=parameters.minimum - 1)
    # One person comes or goes: at most so many figures change, together by as much, each by one.
    epsilon, delta = _measurement(stricter).map((most, most, 1))  # type: ignore[no-untyped-call]
    return float(epsilon), float(delta)


def _measurement(parameters: Parameters) -> Measurement:
    from opendp.domains import atom_domain, map_domain
    from opendp.measurements import make_laplace_threshold
    from opendp.metrics import absolute_distance, l01inf_distance
    from opendp.mod import enable_features

    # "contrib" is what OpenDP calls everything whose proof was not yet signed off by a second reader.
    enable_features("contrib")
    return make_laplace_threshold(
        map_domain(atom_domain(T="String"), atom_domain(T="i64")),
        l01inf_distance(absolute_distance(T="i64")),
        scale=parameters.scale,
        threshold=parameters.minimum,
    )
