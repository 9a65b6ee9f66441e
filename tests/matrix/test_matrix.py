"""Who may do what by every way in, measured and compared with the one table."""

from __future__ import annotations

import pytest

from tests.matrix.measure import Measure, measured, seen_by
from tests.matrix.ways import Door, list_ways, project_ways
from tests.matrix.world import make_world


@pytest.fixture
def measure(db: None) -> Measure:
    return Measure(make_world())


@pytest.mark.promise("P-24")
@pytest.mark.parametrize("door", Door)
def test_everybody_may_by_each_way_in_what_the_table_says(measure: Measure, door: Door) -> None:
    cells = list(measure.cells(way for way in project_ways() if way.door is door))
    wrong = [str(mismatch) for cell in cells for mismatch in measure.cell(*cell)]

    assert not wrong, f"{len(wrong)} wrong answers\n" + "\n".join(wrong)
    assert len(cells) > 1000


@pytest.mark.promise("P-23")
def test_what_lists_many_things_shows_nobody_the_words_of_others(measure: Measure) -> None:
    shown, wrong = set(), []
    for way in list_ways():
        for asker in (each for each in measure.world.askers if measured(each, way)):
            marks = measure.asked(asker, way, measure.world.places[0].target).marks
            shown |= marks
            if others := marks - seen_by(measure.world, asker, way):
                wrong.append(f"{asker.name} {way.label} shows {', '.join(sorted(others))}")

    assert not wrong, "\n".join(wrong)
    assert {"mark-private", "mark-restricted", "mark-public"} <= shown
