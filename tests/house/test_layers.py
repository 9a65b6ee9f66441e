"""What import-linter cannot see: strings in foreign keys. They point down in the same picture."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]


def levels() -> dict[str, int]:
    """How high each app stands; those on one line stand equally high."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["name"] == "Imports only point down")
    return {
        name.strip(" ()"): height for height, line in enumerate(reversed(layers)) for name in line.split("|")
    }


def points_up(source: str, target: str) -> bool:
    """Does a relation lead to an app that stands higher, or beside its own? Apps of libraries stand nowhere."""
    height = levels()
    if source == target or not {source, target} <= set(height):
        return False
    return height[target] >= height[source]


def relations() -> list[tuple[str, str]]:
    """The apps at both ends of every relation."""
    return [
        (model._meta.app_label, field.related_model._meta.app_label)
        for model in apps.get_models()
        for field in (*model._meta.local_fields, *model._meta.local_many_to_many)
        if field.related_model
    ]


def test_foreign_keys_point_down() -> None:
    assert ("runs", "projects") in relations()
    assert [each for each in relations() if points_up(*each)] == []


def test_every_app_has_its_place() -> None:
    assert {
        config.name.removeprefix("apps.")
        for config in apps.get_app_configs()
        if config.name.startswith("apps.")
    } == set(levels())


@pytest.mark.parametrize(
    ("source", "target", "up"),
    [
        ("projects", "runs", True),
        ("vault", "audit", True),
        ("core", "vault", True),
        ("runs", "projects", False),
        ("runs", "runs", False),
        ("account", "accounts", False),
    ],
)
def test_a_relation_that_points_up_is_seen(source: str, target: str, up: bool) -> None:
    assert points_up(source, target) is up
