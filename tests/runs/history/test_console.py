from __future__ import annotations

import pytest

from apps.runs.history import store
from apps.runs.models import Chunk, Run
from apps.runs.types import Stream
from tests.runs.history.sending import send

pytestmark = pytest.mark.django_db
OUT = Stream.OUTPUT


@pytest.fixture(params=["hot", "compacted", "half"])
def settled(request: pytest.FixtureRequest, run: Run) -> Run:
    send(run, 0, ["loading", "10%", ""], stream=OUT)
    send(run, 1, ["50%"], stream=OUT)
    if request.param == "half":
        store.compact(run)
    send(run, 1, ["100%", "done"], stream=OUT)
    send(run, 6, ["late stretch \ud800"], stream=OUT)
    send(run, 3, ["é", "NaN"], stream=OUT)
    if request.param == "compacted":
        store.compact(run)
        assert not Chunk.objects.exists()
    return run


def test_the_last_word_on_a_line_counts(settled: Run) -> None:
    assert store.console(settled, 0, 100) == [
        "loading",
        "100%",
        "done",
        "é",
        "NaN",
        "",
        "late stretch \ud800",
    ]
    assert Run.objects.get(pk=settled.pk).output_lines == 7


@pytest.mark.parametrize(
    ("first", "count", "expected"),
    [
        (0, 1, ["loading"]),
        (1, 2, ["100%", "done"]),
        (5, 9, ["", "late stretch \ud800"]),
        (7, 5, []),
        (0, 0, []),
    ],
)
def test_a_page_of_lines(settled: Run, first: int, count: int, expected: list[str]) -> None:
    assert store.console(settled, first, count) == expected


def test_no_output_at_all(run: Run) -> None:
    assert store.console(run, 0, 10) == []


def test_lines_of_two_writers_merge_by_the_time_before_them(run: Run) -> None:
    send(run, 0, ["2026-11-23T06:48:34.3 a1", "no time", "2026-11-23T06:48:36.3 a2"], stream=OUT, writer="a")
    send(
        run,
        0,
        ["ERROR 2026-11-23T06:48:35.1 b1", '{"ts":"2026-11-23T06:48:37.1","content":"b2"}'],
        stream=OUT,
        writer="b",
    )

    found = store.console(run, 0, 10)

    assert [line[-2:] for line in found] == ["a1", "me", "b1", "a2", '"}']
    assert store.console(run, 3, 1) == found[3:4]
    assert Run.objects.get(pk=run.pk).output_lines == 5
