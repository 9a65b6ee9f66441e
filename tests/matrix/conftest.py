from __future__ import annotations

import pytest

from tests.matrix.measure import Measure
from tests.matrix.world import make_world


@pytest.fixture
def measure(db: None) -> Measure:
    return Measure(make_world())
