"""/projects/{entity}/{project}/alerts and …/runs/{run}/alerts"""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.accounts.models import User
from apps.runs import alerts
from apps.runs.alerts import raise_alert
from apps.runs.models import Alert, Run
from apps.runs.types import AlertLevel, OpenAlert
from apps.vault.keys import OpenKey
from tests.api.conftest import LADDER, VISION, Ask
from tests.factories import people

ALERTS = f"{VISION}/runs/run1/alerts"


@pytest.fixture
def raised(run: Run, alice: User) -> Run:
    for n in range(3):
        raise_alert(
            run,
            title=f"t{n} \u202e",
            text="\ud800",
            level=AlertLevel.INFO,
            wait=timedelta(0),
            by=people.actor(alice),
        )
    return run


@pytest.mark.parametrize("url", [ALERTS, f"{VISION}/alerts"])
def test_they_are_listed_page_by_page_the_newest_first(ask: Ask, raised: Run, url: str) -> None:
    first = ask("GET", f"{url}?limit=2", by="vera").json
    rest = ask("GET", f"{url}?limit=2&cursor={first['next']}", by="vera").json

    assert [each["title"] for each in first["items"] + rest["items"]] == [
        "t2 \u202e",
        "t1 \u202e",
        "t0 \u202e",
    ]
    assert (first["total"], rest["next"]) == (3, None)
    one = first["items"][0]
    assert (one["run"], one["level"], one["text"], one["repeats"]) == (raised.public_id, "INFO", "\ud800", 0)


@pytest.mark.parametrize("url", [ALERTS, f"{VISION}/alerts"])
def test_of_many_only_those_of_the_page_are_opened(
    ask: Ask, raised: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Alert] = []
    real = alerts._open

    def count(row: Alert, key: OpenKey) -> OpenAlert:
        opened.append(row)
        return real(row, key)

    monkeypatch.setattr(alerts, "_open", count)

    assert ask("GET", f"{url}?limit=1", by="vera").json["total"] == 3

    assert len(opened) == 1


@pytest.mark.parametrize(("who", "status"), LADDER)
def test_whoever_reads_the_run_reads_them(
    ask: Ask, raised: Run, mallory: User, who: str | None, status: int
) -> None:
    assert {ask("GET", url, by=who).status for url in (ALERTS, f"{VISION}/alerts")} == {status}
