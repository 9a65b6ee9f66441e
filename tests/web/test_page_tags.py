from __future__ import annotations

import pytest

from apps.web.columns import columns_for
from apps.web.runs_table import Cell
from apps.web.templatetags.page import cells, in_title


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("vision", "vision"),
        ("a\n b\t c", "a b c"),
        ("\u202egnp.\u2066exe\u2069\u200f", "gnp.exe"),
        ("x" * 200, "x" * 160 + "…"),
        ("x" * 157 + "&quot;y", "x" * 157 + "…"),
        ("&lt;b&gt;", "&lt;b&gt;"),
    ],
)
def test_a_title_is_short_and_turns_nothing(text: str, title: str) -> None:
    assert in_title(text) == title


@pytest.mark.parametrize(
    ("cell", "html"),
    [
        (Cell("0.5", True), '<td class="num"><bdi class="clip" title="0.5">0.5</bdi></td>'),
        (Cell("a", False), '<td class=""><bdi class="clip" title="a">a</bdi></td>'),
        (Cell("1", True, 2, True), '<td class="pin pin-5 num"><bdi class="clip best" title="1">1</bdi></td>'),
        (
            Cell("<\"'", False, 1),
            '<td class="pin pin-4"><bdi class="clip" title="&lt;&quot;&#x27;">&lt;&quot;&#x27;</bdi></td>',
        ),
    ],
)
def test_what_a_cell_holds_is_text(cell: Cell, html: str) -> None:
    assert cells([cell, cell]) == html * 2


def test_settings_that_read_the_same_tell_no_runs_apart() -> None:
    rows = [
        {"same": 0.1, "nan": float("nan"), "kind": 1, "list": [1], "word": "a"},
        {"same": 0.1, "nan": float("nan"), "kind": 1.0, "list": [1], "word": "b"},
    ]

    assert [column.key for column in columns_for([], rows)] == ["kind", "word"]


def test_what_looks_like_a_secret_is_a_column_only_where_it_is_asked_for() -> None:
    token = "ghp" + "_" + "c3D4" * 9
    rows = [
        {"args": ["--hub", token], "db.password": "hunter22", "lr": 1, "token": token},
        {"args": ["--hub", "a"], "db.password": "hunter23", "lr": 2, "token": "[secret erased]"},
    ]

    assert [column.key for column in columns_for([], rows)] == ["lr"]
    assert [column.key for column in columns_for([], rows[:1])] == ["lr"]
    assert [column.key for column in columns_for([], rows, asked=["config.token"])] == ["token"]
