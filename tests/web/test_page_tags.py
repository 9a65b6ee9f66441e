from __future__ import annotations

import pytest

from apps.web.templatetags.page import in_title


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
