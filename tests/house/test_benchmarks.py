"""What README.md and docs/benchmarks.md say in figures is what docs/benchmarks.json holds: a run of `make bench DOCS=yes`."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.figures import Figure
from bench.report import (
    BEGIN,
    END,
    KEPT,
    PLACES,
    Report,
    renewed,
    short_text,
    table,
    whole_text,
    with_figures,
)

MADE = Report.from_json(KEPT.read_text())


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.name)
def test_figures_in_documents_are_those_that_were_measured(path: Path) -> None:
    document = path.read_text()

    assert document == with_figures(document, PLACES[path](MADE)), "run make bench DOCS=yes"


def test_a_report_comes_back_from_its_json() -> None:
    assert Report.from_json(MADE.to_json()) == MADE


def test_a_document_keeps_what_stands_around_its_figures() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    assert with_figures(document, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="the document has no"):
        with_figures("no marks", "new")


def test_what_is_measured_again_stands_where_it_stood_and_tells_when() -> None:
    told = {**MADE.machine, "date": "then", "commit": "aaa", "load": "0.10"}
    kept = Report(
        told,
        [
            Figure("chart", 10, "ms", database="sqlite", how="As one draws."),
            Figure("epoch", 9, "s", limit=5.0, database="sqlite", how="Keys."),
            Figure("epoch, the longest wait", 1, "ms", database="sqlite", how="Keys."),
            Figure("start", 1, "s", database="sqlite", how="From nothing."),
        ],
    )
    again = Figure("epoch", 4, "s", limit=5.0, database="sqlite", how="Keys, counted anew.")

    made = renewed(kept, Report({**told, "date": "now", "commit": "bbb"}, [again]))

    assert [(one.name, one.value, one.when) for one in made.figures] == [
        ("chart", 10, ""),
        ("epoch", 4, "now at commit bbb, load before it 0.10"),
        ("start", 1, ""),
    ]
    assert "Keys, counted anew.\n\nMeasured again on now at commit bbb" in whole_text(made)
    assert "on then at commit aaa" in short_text(made)
    assert "measured again since" in short_text(made)
    assert Report.from_json(made.to_json()) == made


def test_a_table_shows_each_database_beside_the_lowest_floor_and_what_is_not_kept() -> None:
    figures = [
        Figure("chart", 12.34, "ms", 1.7, 30.0, database="sqlite"),
        Figure("chart", 31.0, "ms", 1.6, 30.0, database="postgresql"),
        Figure("at once", 1234.5, "/s", limit=1000.0, more_is_better=True, database="sqlite"),
        Figure("p99 of others", 9.0, "ms", 8.0, 9.6, database="sqlite"),
        Figure("p99 of others", 20.0, "ms", 18.0, 21.6, database="postgresql"),
    ]

    assert table(figures).splitlines() == [
        "| figure | SQLite | PostgreSQL | floor | promised | kept |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        "| chart | 12.3 ms | 31 ms | 1.6 ms | ≤ 30 ms | **no** |",
        "| at once | 1,234 /s |  |  | ≥ 1,000 /s | yes |",
        "| p99 of others | 9 ms | 20 ms | 8 ms / 18 ms | ≤ 9.6 ms / 21.6 ms | yes |",
    ]


def test_every_module_that_measures_is_measured() -> None:
    folder = Path(bench.__file__).parent
    measuring = {path.stem for path in folder.glob("*.py") if "\ndef measure(" in path.read_text()}

    assert measuring == set(bench.NAMES)


def test_what_breaks_is_told_and_keeps_nothing_else_from_being_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def measured(module: object, world: object) -> list[Figure]:
        if module.__name__ == "bench.server":  # type: ignore[attr-defined]
            raise OSError
        return [Figure("start", 1.0, "s")]

    monkeypatch.setattr(bench, "told", measured)
    ran = bench.Bench(["server", "start"])

    report = ran.run()

    assert [figure.name for figure in report.figures] == ["start"]
    assert "server: it broke off with OSError." in report.left_out
    assert ran.is_broken
