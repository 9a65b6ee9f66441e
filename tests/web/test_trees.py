"""Trees of values: folds, searching, what is cut and how one reads on."""

from __future__ import annotations

import time
from typing import Any

import pytest

from apps.core import jsontext
from apps.core.errors import NotFound
from apps.runs.models import Run
from apps.web.trees import MOST_LINES, Node, tree
from tests.factories import work
from tests.web.conftest import Visit, text_of

PAGE = "/lab/vision/runs/told"


def lines_of(node: Node) -> list[tuple[str, str, bool]]:
    found = []
    for child in node.children:
        found.append((".".join(child.path), child.value, child.is_branch))
        found += lines_of(child)
    return found


def test_branches_and_leaves() -> None:
    values = {"lora": {"r": 16, "to": ["q", "k"]}, "img": {"_type": "image-file"}, "name": "x"}

    assert lines_of(tree(values)) == [
        ("img", "(image-file)", True),
        ("lora", "2 keys", True),
        ("lora.r", "16", False),
        ("lora.to", '["q", "k"]', False),
        ("name", "x", False),
    ]


def test_keys_stand_in_the_order_that_people_count_in() -> None:
    root = tree({"_step": 1, "layer10": 1, "Layer2": 1, "b": 1, "2": 1, "": 1})

    assert [child.key for child in root.children] == ["", "2", "b", "Layer2", "layer10", "_step"]


def test_a_thing_of_its_own_kind_and_a_list_begin_folded() -> None:
    root = tree({"img": {"_type": "image-file"}, "ids": list(range(30)), "net": {"a": 1}})

    assert [(child.key, child.value, child.is_open) for child in root.children] == [
        ("ids", "30 items", False),
        ("img", "(image-file)", False),
        ("net", "1 key", True),
    ]
    assert [(child.children, child.left) for child in root.children[:2]] == [([], 30), ([], 1)]


def test_measured_numbers_keep_their_letters_for_copying() -> None:
    (leaf,) = tree({"loss": 0.123456789}, measured=True).children

    assert (leaf.value, leaf.exact) == ("0.1235", "0.123456789")
    (moment,) = tree({"_timestamp": 1795435200.5}, measured=True).children
    assert (moment.value, moment.exact) == ("23 Nov 2026, 12:00", "1795435200.5")
    (chosen,) = tree({"_timestamp": 1795435200.5}).children
    assert chosen.value == "1795435200.5"


def test_ten_thousand_keys_are_bounded_and_read_on() -> None:
    values = {f"key{number}": number for number in range(10_000)}

    first = tree(values)
    after = tree(values, first=first.first_left)

    assert (len(first.children), first.left) == (MOST_LINES, 10_000 - MOST_LINES)
    assert after.children[0].key == f"key{MOST_LINES}"


def test_one_long_branch_leaves_room_for_what_follows() -> None:
    root = tree({"ids": {str(n): n for n in range(5000)}, "lr": 0.1})

    assert [(child.key, len(child.children), child.left) for child in root.children] == [
        ("ids", 100, 4900),
        ("lr", 0, 0),
    ]


def test_a_search_shows_matches_with_what_is_above_and_nothing_else() -> None:
    values = {"optim": {"name": "AdamW", "lr": 0.1}, "sched": {"warm": {"optimum": 3, "b": 4}}, "seed": 1}

    assert lines_of(tree(values, find="OPTIM")) == [
        ("optim", "2 keys", True),
        ("optim.lr", "0.1", False),
        ("optim.name", "AdamW", False),
        ("sched", "1 key", True),
        ("sched.warm", "2 keys", True),
        ("sched.warm.optimum", "3", False),
    ]
    assert lines_of(tree(values, find="adamw")) == [("optim", "2 keys", True), ("optim.name", "AdamW", False)]
    assert lines_of(tree(values, find="nowhere")) == []


def test_a_search_reaches_what_is_not_on_the_page() -> None:
    values = {"deep": {f"key{number}": number for number in range(9000)}}

    assert lines_of(tree(values, find="key8999"))[-1] == ("deep.key8999", "8999", False)


def test_what_was_cut_in_a_search_is_read_on_within_it() -> None:
    values = {"deep": {f"{kind}{number}": number for number in range(300) for kind in ("a", "b")}}

    branch = tree(values, find="b").children[0]
    rest = tree(values, find="b", path=("deep",), first=branch.first_left)

    assert (branch.is_found, branch.left) == (True, 200)
    assert [child.key for child in rest.children][:2] == ["b100", "b101"]


@pytest.mark.parametrize("path", [("a", "0", "b"), ("\ud800",)])
def test_a_path_leads_to_a_part(path: tuple[str, ...]) -> None:
    values: dict[str, Any] = {"a": [{"b": {"here": 1}}], "\ud800": {"here": 1}}

    # Half a surrogate pair comes back from an address as a question mark.
    assert lines_of(tree(values, path=tuple(key.replace("\ud800", "?") for key in path)))[0][1] == "1"


def test_a_path_to_nothing() -> None:
    with pytest.raises(NotFound):
        tree({"a": 1}, path=("b",))


def test_the_largest_tree_takes_no_time() -> None:
    values = {f"group{n}": {f"key{k}": "x" * 50 for k in range(100)} for n in range(1000)}
    began = time.perf_counter()

    tree(values, find="key99")

    assert time.perf_counter() - began < 2


# ── Their pages ──


@pytest.fixture
def wide(told: Run) -> Run:
    config = ", ".join(f'"key{n}": {{"value": {n}}}' for n in range(10_000))
    author = told.created_by
    assert author is not None
    return work.run(
        told.project,
        "wide",
        by=author,
        config_text="{" + config + "}",
        summary_text='{"loss": 0.5, "note": "done"}',
    )


def test_the_overview_cuts_and_leads_on(visit: Visit, wide: Run) -> None:
    page = visit("/lab/vision/runs/wide", by="vera").content.decode()

    assert page.count('class="row"') < 300
    assert "9\u2009800 more" in page
    assert 'href="/lab/vision/runs/wide/values/config?from=200"' in page


def test_what_was_cut_comes_as_lines_for_a_script_and_as_a_page_without_one(visit: Visit, wide: Run) -> None:
    page = visit("/lab/vision/runs/wide/values/config", by="vera", **{"from": "9990"})

    assert "key9999 9999" in text_of(page)
    assert "<html" in page.content.decode()


def test_searching_without_a_script(visit: Visit, wide: Run) -> None:
    words = text_of(visit("/lab/vision/runs/wide/values/config", by="vera", find="key9876"))

    assert "key9876 9876" in words
    assert "key9875" not in words
    assert "Nothing here has “zebra”" in text_of(
        visit("/lab/vision/runs/wide/values/config", by="vera", find="zebra")
    )


def test_a_long_value_has_a_page_of_its_own(visit: Visit, told: Run) -> None:
    author = told.created_by
    assert author is not None
    text = "<b>" + "long " * 1000 + "end"
    work.run(told.project, "long", by=author, config_text=jsontext.dumps({"prompt": {"value": text}}))

    overview = visit("/lab/vision/runs/long", by="vera").content.decode()
    whole = visit("/lab/vision/runs/long/values/config", by="vera", at="prompt").content.decode()

    assert "long end" not in overview
    assert 'href="/lab/vision/runs/long/values/config?at=prompt&"' in overview.replace("&amp;", "&")
    assert "long end" in whole
    assert "<b>" not in whole


def test_json_to_the_letter(visit: Visit, told: Run) -> None:
    author = told.created_by
    assert author is not None
    text = '{"a": {"value": 1.0}, "_wandb": {"value": {}}, "big":{"value":9007199254740993}, "n": {"value": NaN}}'
    work.run(told.project, "exact", by=author, config_text=text, summary_text='{"z":1,  "a": 2}')

    config = visit("/lab/vision/runs/exact/values/config/json", by="vera")
    summary = visit("/lab/vision/runs/exact/values/summary/json", by="vera")

    assert config.content.decode() == text
    assert summary.content == b'{"z":1,  "a": 2}'
    assert config["Content-Disposition"] == 'attachment; filename="exact-config.json"'


@pytest.mark.parametrize("which", ["nothing", "config/", "packages/json"])
def test_there_is_nothing_under_other_names(visit: Visit, told: Run, which: str) -> None:
    assert visit(f"{PAGE}/values/{which}", by="vera").status_code == 404


def test_hostile_keys_and_values_are_text(visit: Visit, told: Run) -> None:
    author = told.created_by
    assert author is not None
    evil = '"><script>alert(1)</script>\u202e\ud800'
    work.run(told.project, "evil", by=author, config_text=jsontext.dumps({evil: {"value": {evil: evil}}}))

    for part in ("", "/values/config", "/values/config?find=script"):
        page = visit(f"/lab/vision/runs/evil{part}", by="vera")
        assert page.status_code == 200
        assert "<script>alert" not in page.content.decode()
