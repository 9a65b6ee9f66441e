"""Services and queries answer everybody what the one table says, also without the door in front of them."""

from __future__ import annotations

import pytest

from tests.matrix.measure import DAYS, SHARE, Measure
from tests.matrix.world import make_world
from tests.mutations.checks import Checks, in_turn
from tests.turns import turn


@pytest.mark.promise("P-24")
def test_services_answer_everybody_what_the_table_says(db: None) -> None:
    checks = Checks(Measure(make_world()))

    names = [
        *checks.direct(days=DAYS),
        *in_turn(checks.answers(days=DAYS), every=SHARE**2, begin=turn(SHARE**2)),
        *checks.told(),
        *checks.offers(days=DAYS),
        *checks.besides(),
    ]
    wrong = [f"{name}: {found}" for name in names if (found := checks.wrong(name))]

    assert not wrong, f"{len(wrong)} wrong answers\n" + "\n".join(wrong)
