"""The runs table: columns, several orders, windows of rows, editing; and runs side by side."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core import jsontext
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.web.colours import run_colour, swatch_class, told_apart
from apps.web.comparing import compare
from apps.web.editing import patch_of, tag_line
from apps.web.listing import PAGE_SIZE
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of
from tests.web.test_project_page import HOSTILE

PAGE = "/lab/vision"


@pytest.fixture
def six(vision: Project, alice: User) -> list[Run]:
    return [
        work.run(
            vision,
            f"run-{number}",
            by=alice,
            display_name=f"run {number}",
            tags=[f"t{number}"],
            config_text=jsontext.dumps({"size": {"value": number % 2}, "same": {"value": 1}}),
            summary_text=jsontext.dumps({"acc": number // 2, "deep": {"f1": 0.5}}),
        )
        for number in range(6)
    ]


def _named(page: str) -> list[str]:
    return re.findall(r'<td class="pin pin-3 name"><a href="[^"]*" title="([^"]*)"', page)


def _heads(page: str) -> list[str]:
    return re.findall(r'<bdi class="clip">([^<]*)</bdi>', page.split("</thead>")[0])


def test_chosen_columns_in_their_order(visit: Visit, six: list[Run]) -> None:
    page = visit(PAGE, by="vera", col=["tags", "config.same", "summary_metrics.deep.f1"])

    assert _heads(page.content.decode()) == ["State", "Tags", "same", "deep.f1", "Created", "Runtime"]
    assert re.search(r"run 3 .*? t3 1 0.5000", text_of(page))


def test_columns_can_be_chosen_by_a_form_that_keeps_the_rest(visit: Visit, six: list[Run]) -> None:
    page = visit(PAGE, by="vera", q="acc > 0", order="-config.size").content.decode()

    form = page.split("data-columns")[1].split("</form>")[0]
    assert 'name="q" value="acc &gt; 0"' in form
    assert 'name="order" value="-config.size"' in form
    for key in ("summary_metrics.deep.f1", "config.same", "tags"):
        assert f'name="col" value="{key}"' in form


@pytest.mark.parametrize("column", [HOSTILE, "config.", "x" * 3000, "config." + HOSTILE])
def test_a_column_of_nothing_is_empty_and_harmless(visit: Visit, six: list[Run], column: str) -> None:
    response = visit(PAGE, by="vera", col=column)

    assert response.status_code == 200
    assert b"<img" not in response.content
    assert len(_named(response.content.decode())) == 6


def test_several_orders(visit: Visit, six: list[Run]) -> None:
    page = visit(PAGE, by="vera", order=["-config.size", "+summary_metrics.acc"]).content.decode()

    assert _named(page) == ["run 1", "run 3", "run 5", "run 0", "run 2", "run 4"]
    assert page.split("</thead>")[0].count("<sup>") == 2


def test_a_head_can_add_its_order_to_those_there_are(visit: Visit, six: list[Run]) -> None:
    page = visit(PAGE, by="vera", order="-config.size").content.decode()

    also = re.findall(r'data-also="([^"]*)" title="acc"', page)[0].replace("&amp;", "&")
    assert parse_qs(urlsplit(also).query)["order"] == ["-config.size", "-summary_metrics.acc"]


def test_a_window_of_rows(visit: Visit, vision: Project, alice: User) -> None:
    for number in range(130):
        work.run(vision, f"run-{number:03}", by=alice, display_name=f"run {number:03}")

    page = visit(PAGE, by="vera").content.decode()
    rows = visit(f"{PAGE}/rows", by="vera", **{"from": "100", "order": "+display_name", "col": "tags"})

    assert 'aria-rowcount="131"' in page
    assert 'data-total="130"' in page
    assert _named(rows.content.decode()) == [f"run {number:03}" for number in range(100, 130)]
    assert 'aria-rowindex="102"' in rows.content.decode()
    assert b"<html" not in rows.content
    assert 'data-window="50"' in page
    assert len(_named(visit(f"{PAGE}/rows", by="vera").content.decode())) == 50


def test_keys_are_offered_while_one_types(visit: Visit, six: list[Run]) -> None:
    page = visit(PAGE, by="vera").content.decode()

    offered = re.findall(
        r'<option value="([^"]*)"></option>', page.split("<datalist")[1].split("</datalist")[0]
    )
    assert {"state", "tag", "acc", "deep.f1", "config.size"} <= set(offered)


def test_runs_whose_eye_was_opened_are_on_the_page(visit: Visit, vision: Project, alice: User) -> None:
    runs = [
        work.run(vision, f"r{number}", by=alice, display_name=f"run {number}")
        for number in range(PAGE_SIZE + 2)
    ]

    page = visit(PAGE, by="vera", show=f"{runs[0].public_id}.nothing").content.decode()

    def spans(run: Run) -> list[str]:
        return re.findall(
            rf'<span data-run="{run.public_id}" data-colour="\d+" data-name="[^"]*"[^>]*>', page
        )

    assert len(spans(runs[0])) == 1
    assert "data-place" not in spans(runs[0])[0]
    assert f'data-place="{PAGE_SIZE}"' in spans(runs[2])[0]
    assert f'<span data-run="{runs[1].public_id}"' not in page


@pytest.mark.parametrize(
    ("asked", "open_eyes"),
    [
        ({}, [5, 4, 3, 2, 1, 0]),
        ({"first": "2"}, [5, 4]),
        ({"first": "0", "show": 1}, [1]),
        ({"hide": 4}, [5, 3, 2, 1, 0]),
        ({"first": "x"}, [5, 4, 3, 2, 1, 0]),
    ],
)
def test_which_eyes_are_open(
    visit: Visit, six: list[Run], asked: dict[str, str | int], open_eyes: list[int]
) -> None:
    query = {name: six[each].public_id if isinstance(each, int) else each for name, each in asked.items()}

    page = visit(PAGE, by="vera", **query).content.decode()

    pressed = re.findall(r'aria-pressed="true" aria-label="Show run (\d) in charts"', page)
    assert [int(each) for each in pressed] == open_eyes


# ── Colours ──


def _hues(page: str) -> dict[str, int]:
    rows = re.findall(r'<tr[^>]*data-name="(run \d+)"[^>]*data-colour="(\d+)"', page)
    return {name: (int(colour) - 1) % 12 + 1 for name, colour in rows}


def test_a_run_keeps_its_colour_whatever_is_filtered_or_sorted(
    visit: Visit, vision: Project, alice: User
) -> None:
    for number in range(1, 15):
        work.run(vision, f"r{number}", by=alice, display_name=f"run {number}")
    hues = {f"run {number}": (number - 1) % 12 + 1 for number in range(1, 15)}

    newest = visit(PAGE, by="vera").content.decode()
    oldest = visit(PAGE, by="vera", order="+created_at").content.decode()
    two = visit(PAGE, by="alice", q="name in run 13, run 2").content.decode()

    assert _hues(newest) == _hues(oldest) == hues
    assert _hues(two) == {"run 2": 2, "run 13": 1}
    assert '<span class="swatch run-1">' in two
    assert '<span class="swatch run-1 dashed">' in visit(PAGE, by="alice", first="24").content.decode()


def test_a_run_has_the_same_colour_on_each_page(visit: Visit, six: list[Run]) -> None:
    compared = visit(f"{PAGE}/compare", by="vera", runs=[six[4].public_id, six[2].public_id])
    alone = visit(f"{PAGE}/runs/run-4", by="vera").content.decode()

    assert re.findall(r'data-colour="(\d+)"', compared.content.decode()) == ["5", "3"]
    assert 'data-colour="5"' in alone
    assert '<span class="swatch run-5"></span><h1' in alone


def test_the_second_of_a_colour_has_dashes_the_third_dots() -> None:
    assert [run_colour(number) for number in (1, 12, 13, 36, 38)] == [1, 12, 1, 12, 2]
    assert told_apart([3, 1, 3, 3, 1, 3]) == [3, 1, 15, 27, 13, 3]
    assert [swatch_class(colour) for colour in (1, 12, 13, 24, 25, 36)] == [
        "run-1",
        "run-12",
        "run-1 dashed",
        "run-12 dashed",
        "run-1 dotted",
        "run-12 dotted",
    ]


def test_damaged_keys_of_one_run_leave_its_project_a_page(
    visit: Visit, vision: Project, alice: User, log: Log
) -> None:
    runs = [work.run(vision, name, by=alice) for name in ("whole", "hurt")]
    for run, key in zip(runs, ("acc", "lost"), strict=True):
        log(run, [{key: 1.0, "_step": 0}])
    runs[1].refresh_from_db()
    Run.objects.filter(pk=runs[1].pk).update(sealed_keys=bytes(runs[1].sealed_keys or b"")[:-1] + b"x")

    for url in (PAGE, f"{PAGE}/compare?runs=whole,hurt"):
        page = visit(url, by="vera")
        assert page.status_code == 200
        assert 'data-key="acc"' in page.content.decode()
        assert 'data-key="lost"' not in page.content.decode()
        assert "run.keys" in text_of(page)


@pytest.mark.parametrize(
    ("goal", "key", "best"),
    [
        ({"7": [2]}, "acc", "0.9000"),
        ({"7": [1]}, "acc", "0.2000"),
        ({"8": 1}, "acc", "0.2000"),
        ({}, "acc", None),
    ],
)
def test_the_best_of_a_column_is_marked_where_its_script_said_which_way_is_better(
    visit: Visit, vision: Project, alice: User, goal: dict[str, Any], key: str, best: str | None
) -> None:
    config = jsontext.dumps({"_wandb": {"value": {"m": [{"1": "acc", **goal}]}}})
    for number, value in enumerate((0.2, 0.9, "NaN", 0.5)):
        text = f'{{"acc": {value}}}'
        work.run(vision, f"r{number}", by=alice, config_text=config, summary_text=text)

    page = visit(PAGE, by="vera", col=f"summary_metrics.{key}").content.decode()
    filtered = visit(PAGE, by="vera", col=f"summary_metrics.{key}", q="acc = 0.5").content.decode()

    marked = re.findall(r'<bdi class="clip best" title="([^"]*)"', page)
    assert marked == ([best] if best else [])
    assert "clip best" not in filtered


# ── Editing ──


def test_name_tags_and_notes_are_edited(send: Visit, visit: Visit, told: Run) -> None:
    response = send(
        f"{PAGE}/runs/told/edit", by="bob", name="  new  name ", tags='a, b ,a,"x, y"', notes="one\r\ntwo"
    )

    told.refresh_from_db()
    head = open_run(told).head
    assert (response.status_code, response["Location"]) == (302, f"{PAGE}/runs/told")
    assert (head.display_name, head.tags, head.notes) == ("new name", ["a", "b", "x, y"], "one\ntwo")


def test_what_a_form_leaves_out_stays(send: Visit, told: Run) -> None:
    send(f"{PAGE}/runs/told/edit", by="bob", tags="")

    told.refresh_from_db()
    head = open_run(told).head
    assert (head.display_name, head.tags, head.notes) == ("a run that tells", [], "Cut at section borders.")


@pytest.mark.parametrize(("who", "status"), [("vera", 403), ("mallory", 404), (None, 404)])
def test_only_who_may_write_edits(
    send: Visit, visit: Visit, told: Run, mallory: User, who: str | None, status: int
) -> None:
    assert send(f"{PAGE}/runs/told/edit", by=who, name="x").status_code == status
    assert visit(f"{PAGE}/runs/told/edit", by=who).status_code == status
    assert "data-pen" not in visit(PAGE, by="vera").content.decode()


def test_the_form_holds_what_there_is_harmlessly(visit: Visit, vision: Project, alice: User) -> None:
    work.run(vision, "odd", by=alice, display_name=HOSTILE, tags=[HOSTILE, "a,b"], notes=HOSTILE)

    page = visit(f"{PAGE}/runs/odd/edit", by="alice")

    assert page.status_code == 200
    assert b"<img" not in page.content


@pytest.mark.parametrize("tags", [[], ["a"], ["a", "b c"], ["x, y", 'q"q', "z"]])
def test_tags_go_through_a_line(tags: list[str]) -> None:
    assert patch_of({"tags": tag_line(tags)}).tags == tags


def test_too_long_a_name_is_refused(send: Visit, told: Run) -> None:
    assert send(f"{PAGE}/runs/told/edit", by="bob", name="x" * 2000).status_code == 400


@pytest.mark.parametrize("name", ["a\u202eb", "\u2066c", "d\u200f"])
@pytest.mark.parametrize("url", [f"{PAGE}/runs/told/edit", f"{PAGE}/new-run"])
def test_a_name_with_marks_that_turn_text_is_refused_beside_its_field(
    send: Visit, told: Run, url: str, name: str
) -> None:
    answer = send(url, by="bob", name=name, tags="new", notes="")

    told.refresh_from_db()
    page = answer.content.decode()
    assert answer.status_code == 400
    assert re.search(r'<p class="error"[^>]*>.*A name has no marks that turn text around\.', page)
    assert name in re.findall(r'name="name"[^>]* value="([^"]*)"', page)
    assert (open_run(told).head.display_name, open_run(told).head.tags) == ("a run that tells", ["paper"])
    assert Run.objects.count() == 1


def test_marks_that_a_client_gave_a_name_are_not_in_the_way_of_its_tags(
    send: Visit, visit: Visit, vision: Project, alice: User
) -> None:
    run = work.run(vision, "odd", by=alice, display_name="a\u202eb")
    page = visit(f"{PAGE}/runs/odd/edit", by="alice").content.decode()
    (name,) = re.findall(r'name="name"[^>]* value="([^"]*)"', page)

    answer = send(f"{PAGE}/runs/odd/edit", by="alice", name=name, tags="new")

    run.refresh_from_db()
    assert answer.status_code == 302
    assert (open_run(run).head.display_name, open_run(run).head.tags) == ("ab", ["new"])


# ── Comparing ──


def _compare(visit: Visit, **query: Any) -> str:
    return text_of(visit(f"{PAGE}/compare", by="vera", **query))


def test_differences_first(visit: Visit, six: list[Run]) -> None:
    some = _compare(visit, runs=f"{six[0].public_id},{six[3].public_id}")
    every = _compare(visit, runs=[six[0].public_id, "run-3"], all="1")

    assert re.search(r"size 0 1 .*acc 0 1", some)
    assert "same 1 1" not in some
    assert "1 key is the same" in some
    assert "same 1 1" in every
    assert re.search(r"Id run-0 run-3", every)


@pytest.mark.parametrize("runs", ["", "nothing", ",,,", "x" * 3000, HOSTILE])
def test_nothing_to_compare(visit: Visit, six: list[Run], runs: str) -> None:
    assert "Choose runs to compare" in _compare(visit, runs=runs)


def test_runs_of_another_project_are_not_compared(visit: Visit, six: list[Run], mallory: User) -> None:
    other = work.run(work.project("mallory", "own", by=mallory), "theirs", by=mallory)

    assert "theirs" not in _compare(visit, runs=f"{six[0].public_id},{other.public_id},{six[1].public_id}")


def test_figures_that_look_alike_may_differ(vision: Project, alice: User) -> None:
    runs = [
        open_run(work.run(vision, name, by=alice, summary_text=f'{{"acc": {value}}}'))
        for name, value in (("a", 0.500001), ("b", 0.500002))
    ]

    summary = compare(runs, everything=False)[1]

    assert [(row.key, [cell.text for cell in cells]) for row, cells in summary.shown] == [
        ("acc", ["0.5000", "0.5000"])
    ]


def test_names_side_by_side_are_harmless(
    client: Client, vision: Project, alice: User, log: Log, visit: Visit
) -> None:
    runs = [
        work.run(vision, f"odd{n}", by=alice, display_name=HOSTILE, notes=HOSTILE + str(n)) for n in range(2)
    ]
    for run in runs:
        log(run, [{HOSTILE: 1.0, "_step": 0}], summary_text=jsontext.dumps({HOSTILE: HOSTILE}))

    page = visit(f"{PAGE}/compare", by="vera", runs=[run.public_id for run in runs], all="1")

    assert page.status_code == 200
    assert b"<img" not in page.content
