"""Names of tasks are strings, so nothing but this test sees one that does not exist."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


def enqueued(source: str) -> Iterator[str]:
    """The task names in a module's calls of `enqueue`; one that is no literal is an error."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
        if name == "enqueue":
            first = node.args[0]
            assert isinstance(first, ast.Constant), f"line {node.lineno}: name the task by a literal"
            yield str(first.value)


def all_enqueued() -> set[str]:
    sources = [path.read_text() for path in (ROOT / "apps").rglob("*.py") if path.name != "background.py"]
    return {name for source in sources for name in enqueued(source)}


def known() -> set[str]:
    for path in (ROOT / "apps").glob("*/tasks.py"):
        import_module(f"apps.{path.parent.name}.tasks")
    return {name for name in current_app.tasks if not name.startswith(("celery.", "tests."))}


@pytest.mark.promise("P-30")
def test_every_enqueued_task_exists() -> None:
    assert all_enqueued() - known() == set()


def test_every_scheduled_task_exists() -> None:
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} - known() == set()


def test_every_task_is_scheduled_or_enqueued() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert known() - scheduled - all_enqueued() == set()


def test_a_task_is_named_for_the_app_it_lives_in() -> None:
    modules = {name: current_app.tasks[name].__module__ for name in known()}

    assert modules == {name: f"apps.{name.partition('.')[0]}.tasks" for name in modules}


def test_a_name_that_does_not_exist_is_seen() -> None:
    assert set(enqueued('background.enqueue("runs.no_such_task", run_id=1)')) - known() == {
        "runs.no_such_task"
    }


def test_a_name_that_is_no_literal_is_seen() -> None:
    with pytest.raises(AssertionError, match="literal"):
        list(enqueued("enqueue(name)"))
