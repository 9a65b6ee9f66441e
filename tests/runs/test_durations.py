from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.runs.durations import counted_seconds, duration_seconds

BEGAN = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("summary", "seconds"),
    [
        ({}, None),
        ({"_runtime": 12.5}, 12.5),
        ({"_runtime": 12.5, "_wandb": {"runtime": 14}}, 14.0),
        ({"_wandb": {"runtime": 3}}, 3.0),
        ({"_runtime": "12"}, None),
        ({"_runtime": True}, None),
        ({"_runtime": float("nan")}, None),
        ({"_runtime": float("inf")}, None),
        ({"_runtime": -1}, None),
        ({"_runtime": 2**70}, None),
        ({"_wandb": "x"}, None),
    ],
)
def test_the_clients_count(summary: dict[str, Any], seconds: float | None) -> None:
    assert counted_seconds(summary) == seconds


@pytest.mark.parametrize(("is_running", "seconds"), [(False, 7200.0), (True, 60.0)])
def test_a_run_sent_later_took_as_long_as_it_took(is_running: bool, seconds: float) -> None:
    heard = BEGAN + timedelta(minutes=1)

    found = duration_seconds(
        {"_runtime": 7200.0}, created_at=BEGAN, last_heard_at=heard, is_running=is_running
    )

    assert found == seconds
