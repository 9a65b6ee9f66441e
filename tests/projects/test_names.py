from __future__ import annotations

import pytest

from apps.core.errors import Invalid
from apps.projects.names import clean_name


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("vision", "vision"),
        ("  vision ", "vision"),
        ("Vision", "Vision"),
        ("e\u0301tude", "\u00e9tude"),
        ('猫 & dog\'s "best" 😀', '猫 & dog\'s "best" 😀'),
        ("\u202eright to left", "\u202eright to left"),
        ("a..b", "a..b"),
        ("x" * 128, "x" * 128),
    ],
)
def test_names_people_choose(name: str, clean: str) -> None:
    assert clean_name(name, what="project") == clean


@pytest.mark.parametrize(
    "name",
    [
        "",
        "  ",
        ".",
        "..",
        " .. ",
        "a/b",
        "../a",
        "a\\b",
        "a#b",
        "a?b",
        "a%2e",
        "a:b",
        "a\x00b",
        "a\nb",
        "a\x7f",
        "\ud800",
        "x" * 129,
    ],
)
def test_names_that_would_break_a_url_are_refused(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean_name(name, what="run")

    assert "run" in caught.value.message
    assert len(name) < 3 or name not in caught.value.message
