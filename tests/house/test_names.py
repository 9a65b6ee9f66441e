"""Small letters of what somebody typed as a name or an address are made in one place: a bare `.lower()` takes the Kelvin sign for a k."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

APPS = Path(__file__).resolve().parents[2] / "apps"
INSTEAD = "accounts.names.as_stored makes small letters of names, accounts.addresses of addresses"
# What words are called that somebody typed, or that say who is meant.
_WORDS = {
    "address",
    "addresses",
    "by",
    "email",
    "entity",
    "login",
    "name",
    "organisation",
    "typed",
    "username",
}
# Names of files, metrics, views and libraries, which nobody is called; and the place itself.
_OF_OTHERS = {
    "accounts/addresses.py",
    "exports/contents/runs.py",
    "projects/saved_views.py",
    "statistics/parsing.py",
    "web/code/shown.py",
    "web/columns.py",
    "web/conditions.py",
    "web/folders.py",
    "web/highlight.py",
    "web/parts.py",
}


def bare(source: str) -> list[int]:
    """The lines in which small letters are made of a name, other than to ask how it begins or ends."""
    tree = ast.parse(source)
    asked = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
    return [
        each.lineno
        for each in ast.walk(tree)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in {"lower", "casefold"}
        and id(each) not in asked
        and _WORDS & set(_words_in(each.func.value))
    ]


def _words_in(tree: ast.AST) -> list[str]:
    found = []
    for each in ast.walk(tree):
        match each:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                found.append(word)
    return found


@pytest.mark.parametrize(
    ("source", "is_bare"),
    [
        ("name = name.strip().lower()", True),
        ("user.email.casefold() == email", True),
        ('query["by"].lower()', True),
        ("as_stored(typed.strip())", False),
        ('found.name.lower().endswith(".html")', False),
        ("encoding.strip().lower()", False),
    ],
)
def test_a_bare_one_is_found(source: str, is_bare: bool) -> None:
    assert bare(source) == ([1] if is_bare else [])


def test_no_name_is_made_small_beside_the_place_for_it() -> None:
    found = {
        f"{path.relative_to(APPS)}:{line}"
        for path in APPS.rglob("*.py")
        if str(path.relative_to(APPS)) not in _OF_OTHERS
        for line in bare(path.read_text())
    }

    assert sorted(found) == [], INSTEAD
