"""`run.alert()`, spoken by hand; the real client's is in test_client_run.py."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.models import User
from apps.runs.alerts import alerts_of
from apps.runs.models import Alert, Run
from tests.factories import people
from tests.wandb_protocol.asking import Asker

ALERT = (
    "mutation($input: NotifyScriptableRunAlertInput!) { notifyScriptableRunAlert(input: $input) { success } }"
)
WHERE = {"entityName": "lab", "projectName": "vision", "runName": "run1"}
WORDS = {"title": "損失", "text": "", "severity": "WARN", "waitDuration": 60000}


def ask(asker: Asker, **changes: Any) -> bool:
    sent = {key: value for key, value in (WHERE | WORDS | changes).items() if value is not ...}
    return bool(asker.data(ALERT, input=sent)["notifyScriptableRunAlert"]["success"])


def test_it_is_a_success_also_when_it_comes_too_soon(ann: Asker, run: Run) -> None:
    assert [ask(ann), ask(ann, text="other"), ask(ann, title="other")] == [True, True, True]

    assert [(each.title, each.level, each.repeats) for each in alerts_of(run)] == [
        ("other", "WARN", 0),
        ("損失", "WARN", 1),
    ]


@pytest.mark.parametrize("wait", [0, -5, 2**53, None, ...])
def test_any_time_to_wait_is_one(ann: Asker, run: Run, wait: Any) -> None:
    assert ask(ann, waitDuration=wait)


def test_without_a_level_it_is_for_your_information(ann: Asker, run: Run) -> None:
    ask(ann, severity=...)

    assert [each.level for each in alerts_of(run)] == ["INFO"]


def test_whoever_may_not_write_the_run_raises_nothing(ann: Asker, mal: Asker, vera: User, run: Run) -> None:
    assert "not allow" in Asker(people.api_key(vera)).error(ALERT, input=WHERE | WORDS)
    assert "no such run" in mal.error(ALERT, input=WHERE | WORDS)
    assert "no such run" in ann.error(ALERT, input=WHERE | WORDS | {"runName": "none"})
    assert "at most" in ann.error(ALERT, input=WHERE | WORDS | {"title": "x" * 1001})

    assert not Alert.objects.exists()
