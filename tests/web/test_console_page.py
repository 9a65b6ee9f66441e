from __future__ import annotations

import time
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import Lines, RunState, Stream, StreamRequest
from apps.web import console_search
from apps.web.console import LONGEST_LINE, console_lines, wanted
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of

PAGE = "/lab/vision/runs/loud/console"
TIME = "2026-11-23T06:38:02.000000 "


@pytest.fixture
def loud(told: Run, printed: Log, alice: User) -> Run:
    run = work.run(told.project, "loud", by=alice)
    printed(
        run,
        [
            TIME + "loading <b>weights</b>",
            "ERROR " + TIME + "\x1b[33mwarning\x1b[0m: Loss 10%\rWARNING",
            TIME + "\x1b[32mloss\x1b[0m=0.5",
            *[TIME + f"line {number}" for number in range(4, 1203)],
        ],
    )
    return Run.objects.get(pk=run.pk)


def _json(response: Any) -> Any:
    return response.json()


def test_pages_of_lines(visit: Visit, loud: Run) -> None:
    last, first = visit(PAGE, by="vera"), visit(PAGE, by="vera", page="0")

    assert "lines 1\u2009001 to 1\u2009202 of 1\u2009202" in last.content.decode()
    assert "06:38:02 line 1202" in text_of(last)
    assert "lines 1 to 500 of 1\u2009202" in first.content.decode()
    assert "lines 501 to 1\u2009000 of" in visit(PAGE, by="vera", line="777").content.decode()
    assert visit(PAGE, by="vera", page="7" * 20).status_code == 200


def test_lines_are_coloured_and_escaped(visit: Visit, loud: Run) -> None:
    page = visit(f"{PAGE}/lines", by="vera", first="0", count="3").content.decode()

    assert "loading &lt;b&gt;weights&lt;/b&gt;" in page
    assert '<span class="f2">loss</span>=0.5' in page
    assert '<span class="f3">' not in page  # overwritten after the carriage return
    assert "WARNING: Loss 10%" in page
    assert page.count('class="line bad"') == 1
    assert 'id="L3"' in page and 'id="L4"' not in page


def test_lines_by_their_numbers(visit: Visit, loud: Run) -> None:
    page = visit(f"{PAGE}/lines", by="vera", numbers="900,2,x,-1,999999,900", q="LINE").content.decode()

    assert [n for n in ("3", "901", "1000000") if f'id="L{n}"' in page] == ["3", "901", "1000000"]
    assert page.count('class="line') == 3
    assert '<span class="hit">line</span> 901' in page


def test_at_most_so_many_lines_at_once(visit: Visit, loud: Run) -> None:
    everything = ",".join(map(str, range(1200)))

    for asked in ({"first": "0", "count": "999999"}, {"numbers": everything}):
        assert visit(f"{PAGE}/lines", by="vera", **asked).content.decode().count('class="line') == 500


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"q": "LOSS"}, [1, 2]),
        ({"q": "loss="}, [2]),
        ({"q": "line 12", "after": "1199"}, [1199, 1200, 1201]),
        ({"q": "line 120.$", "pattern": "1"}, [1199, 1200, 1201]),
        ({"q": "line 120.$"}, []),
        ({"q": "warning", "pattern": "1"}, []),
        ({"q": "33m"}, []),
        ({"q": "06:38"}, []),
        ({"only": "stderr"}, [1]),
        ({"only": "stderr", "q": "line"}, []),
        ({}, []),
    ],
)
def test_search_answers_numbers_of_lines(
    visit: Visit, loud: Run, asked: dict[str, str], numbers: list[int]
) -> None:
    assert _json(visit(f"{PAGE}/search", by="vera", **asked)) == {
        "numbers": numbers,
        "after": None,
        "reason": "",
    }


def test_search_goes_on_where_it_was_full(visit: Visit, loud: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = console_search.find_lines(loud, wanted("line"), most=10)
    assert found.numbers == list(range(3, 13))
    assert found.after == 13

    monkeypatch.setattr(console_search, "SECONDS", -1.0)
    slow = console_search.find_lines(loud, wanted("line"), first=50)
    assert slow.numbers == [50]
    assert slow.after == 51


@pytest.mark.parametrize("pattern", ["(", "(?=x)", "x" * 1001, "(x{1000}){1000}"])
def test_what_is_no_pattern_is_said(visit: Visit, loud: Run, pattern: str) -> None:
    answer = _json(visit(f"{PAGE}/search", by="vera", q=pattern, pattern="1"))
    page = visit(PAGE, by="vera", q=pattern, pattern="1")

    assert answer["numbers"] == [] and answer["reason"]
    assert page.status_code == 200
    assert 'aria-invalid="true"' in page.content.decode()


def test_search_without_a_script(visit: Visit, loud: Run) -> None:
    page = visit(PAGE, by="vera", q="line")
    words = text_of(page)

    assert "500 lines, and more further on" in words
    assert f'href="{PAGE}?q=line&amp;after=503"' in page.content.decode()
    assert f'href="{PAGE}?line=4#L4"' in page.content.decode()
    assert "2 lines" in text_of(visit(PAGE, by="vera", q="loss"))
    assert "0 lines" in text_of(visit(PAGE, by="vera", q="nowhere"))


def test_times_can_be_hidden_without_a_script(visit: Visit, loud: Run) -> None:
    assert 'class="console timeless"' in visit(PAGE, by="vera", times="off").content.decode()
    assert 'class="console"' in visit(PAGE, by="vera").content.decode()


def test_changes_since_a_cursor(visit: Visit, loud: Run, alice: User) -> None:
    first = _json(visit(f"{PAGE}/changes", by="vera"))
    assert (first["total"], first["live"]) == (1202, True)
    assert visit(f"{PAGE}/changes", by="vera", cursor=first["cursor"]).status_code == 204

    store.append(loud, StreamRequest(streams={Stream.OUTPUT: Lines(1201, ["new", "newer"])}))
    second = _json(visit(f"{PAGE}/changes", by="vera", cursor=first["cursor"]))
    assert (second["total"], second["stretches"]) == (1203, [[1201, 2]])

    finish_run(loud, state=RunState.FINISHED, by=Actor.person(alice))
    assert _json(visit(f"{PAGE}/changes", by="vera", cursor=second["cursor"]))["live"] is False


def test_downloads(visit: Visit, loud: Run) -> None:
    text, raw = visit(f"{PAGE}/text", by="vera"), visit(f"{PAGE}/raw", by="vera")

    lines = b"".join(text).decode().split("\n")
    assert len(lines) == 1203
    assert lines[1:3] == ["ERROR " + TIME + "WARNING: Loss 10%", TIME + "loss=0.5"]
    assert b"\x1b[32mloss\x1b[0m=0.5\n" in b"".join(raw)
    assert text["Content-Disposition"] == 'attachment; filename="loud-console.txt"'
    assert raw["Content-Disposition"] == 'attachment; filename="loud-console-raw.log"'
    assert "sandbox" in raw["Content-Security-Policy"]


def test_a_line_of_a_megabyte_is_cut_on_the_page_and_whole_in_the_download(
    visit: Visit, told: Run, printed: Log, alice: User
) -> None:
    run = work.run(told.project, "loud", by=alice)
    printed(run, [TIME + "x" * 1_000_000, "\x1b[31m" + "y" * 1_000_000, "x" * LONGEST_LINE])

    page = visit(PAGE, by="vera").content.decode()

    assert len(page) < 40_000
    assert page.count("the line goes on; the download has all of it") == 2
    assert len(b"".join(visit(f"{PAGE}/raw", by="vera"))) > 2_000_000


def test_marks_across_colours() -> None:
    (line,) = console_lines(["a \x1b[31mlo\x1b[32mss\x1b[0m é loss"], looked_for=wanted("LOSS"))

    assert [(span.text, span.classes) for span in line.spans] == [
        ("a ", ""),
        ("lo", "f1 hit"),
        ("ss", "f2 hit"),
        (" é ", ""),
        ("loss", "hit"),
    ]


@pytest.mark.parametrize("part", ["", "/lines", "/search?q=x", "/changes", "/text", "/raw"])
def test_outsiders_find_nothing(visit: Visit, loud: Run, mallory: User, part: str) -> None:
    for by in ("mallory", None):
        assert visit(PAGE + part, by=by).status_code == 404
    assert visit(f"/lab/vision/runs/none/console{part}", by="vera").status_code == 404


def test_half_a_character_breaks_nothing(visit: Visit, told: Run, printed: Log, alice: User) -> None:
    run = work.run(told.project, "loud", by=alice)
    printed(run, ["\ud800 half \x1b[31m\udfff\x1b]0;"])

    for part in ("", "/lines", "/lines?numbers=0&q=half"):
        assert "half" in text_of(visit(PAGE + part, by="vera"))
    assert _json(visit(f"{PAGE}/search?q=%3F+half", by="vera"))["numbers"] == [0]
    assert b"".join(visit(f"{PAGE}/text", by="vera")) == b"? half ?\n"


def test_matches_and_colours_cross_each_other_anywhere() -> None:
    (line,) = console_lines(["a\x1b[31mé\x1b[32mb c\x1b[0mé!"], looked_for=wanted("é|éb|c", is_pattern=True))
    shown = [(span.text, span.classes) for span in line.spans]
    assert shown == [("a", ""), ("é", "f1 hit"), ("b ", "f2"), ("c", "f2 hit"), ("é", "hit"), ("!", "")]


def test_marks_in_a_line_of_many_colours_cost_little() -> None:
    """Two seconds for one line, when each colour was held against each match: a page has five hundred."""
    coloured = "".join(f"\x1b[3{number % 7 + 1}ma" for number in range(LONGEST_LINE))
    before = time.process_time()
    (line,) = console_lines([coloured], looked_for=wanted("a"))
    assert time.process_time() - before < 0.5
    assert sum(span.classes.endswith("hit") for span in line.spans) == 200
