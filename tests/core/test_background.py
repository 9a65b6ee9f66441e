from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from celery import current_app, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import ResponseError

from apps.core import background

pytestmark = pytest.mark.django_db
received: list[dict[str, Any]] = []
Captured = Callable[..., AbstractContextManager[list[Callable[[], Any]]]]


@shared_task(name="tests.note")
def note(**ids: Any) -> None:
    received.append(ids)


@pytest.fixture(autouse=True)
def _nothing_received() -> None:
    received.clear()


def test_task_starts_after_the_commit_only(django_capture_on_commit_callbacks: Captured) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        with transaction.atomic():
            background.enqueue("tests.note", run_id=1)
        assert received == []

    assert received == [{"run_id": 1}]


def test_task_of_an_act_that_failed_never_starts(django_capture_on_commit_callbacks: Captured) -> None:
    def fail() -> None:
        with transaction.atomic():
            background.enqueue("tests.note", run_id=1)
            raise ZeroDivisionError

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ZeroDivisionError):
        fail()

    assert received == []


@pytest.mark.promise("P-30")
@pytest.mark.parametrize(
    "error", [OperationalError("redis://secret"), ConnectionRefusedError(), ResponseError("OOM")]
)
def test_a_broker_that_is_down_loses_the_message_and_nothing_else(
    django_capture_on_commit_callbacks: Captured,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def refuse(**ids: Any) -> None:
        raise error

    monkeypatch.setattr(current_app.tasks["tests.note"], "delay", refuse)

    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True):
        background.enqueue("tests.note", run_id=1)

    assert received == []
    assert caplog.messages == [
        f"broker unreachable, the sweep will find it: task=tests.note error={type(error).__name__}"
    ]


def test_task_is_found_by_its_name_alone() -> None:
    assert background._task("accounts.sweep").name == "accounts.sweep"

    with pytest.raises(KeyError):
        background._task("accounts.no_such_task")
