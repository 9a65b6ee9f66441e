"""/{entity}/{project}/alerts, …/runs/{run}/alerts, /go/alerts/{id} and /go/runs/{id}"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs.alerts import raise_alert
from apps.runs.models import Alert, Run
from apps.runs.types import AlertLevel
from tests.factories import people
from tests.web.conftest import Visit, text_of

RUN = "/lab/vision/runs/run1"
TITLE = "<b>loss\u202e"


@pytest.fixture
def raised(run: Run, alice: User) -> Alert:
    level = AlertLevel.ERROR
    by = people.actor(alice)
    made = raise_alert(run, title=TITLE, text="<i>nan\x00</i>", level=level, wait=timedelta(0), by=by)
    assert made is not None
    return made


@pytest.mark.parametrize("url", [RUN, f"{RUN}/alerts", "/lab/vision/alerts"])
def test_it_is_shown_on_the_run_and_in_the_project(visit: Visit, raised: Alert, url: str) -> None:
    page = visit(url, by="vera")

    html = page.content.decode()
    assert page.status_code == 200 and "Error" in text_of(page)
    assert re.search(r"<bdi[^>]*>&lt;b&gt;loss", html) and "<b>loss" not in html and "<i>nan" not in html
    assert ("&lt;i&gt;nan" in html) is (url != RUN)  # a run's first page has the titles


def test_a_project_says_which_run_raised_it(visit: Visit, raised: Alert) -> None:
    assert f'href="{RUN}/alerts"' in visit("/lab/vision/alerts", by="bob").content.decode()


def test_without_one_the_pages_say_how_there_would_be(visit: Visit, run: Run) -> None:
    for url in (f"{RUN}/alerts", "/lab/vision/alerts"):
        assert "No alerts" in text_of(visit(url, by="alice"))
    assert f"{RUN}/alerts" not in visit(RUN, by="alice").content.decode()


@pytest.mark.parametrize(("who", "status"), [("alice", 302), ("vera", 302), ("mallory", 404), (None, 404)])
def test_an_id_leads_on_whoever_may_read_the_run(
    visit: Visit, raised: Alert, mallory: User, who: str | None, status: int
) -> None:
    alert, run = (
        visit(f"/go/alerts/{raised.public_id}", by=who),
        visit(f"/go/runs/{raised.run.public_id}", by=who),
    )

    assert (alert.status_code, run.status_code) == (status, status)
    if status == 302:
        assert alert["Location"] == f"{RUN}/alerts#{raised.public_id}"
        assert run["Location"] == RUN


@pytest.mark.parametrize("public_id", ["x" * 20, "x", "%00", "a" * 5000])
def test_an_id_of_nothing_leads_nowhere(visit: Visit, vision: Project, public_id: str) -> None:
    for kind in ("alerts", "runs"):
        assert visit(f"/go/{kind}/{public_id}", by="alice").status_code == 404


def test_what_is_mailed_is_switched_one_by_one(visit: Visit, send: Visit, alice: User) -> None:
    words = text_of(visit("/settings/notifications", by="alice"))
    assert "Alerts of your runs" in words and "outside of this instance" in words

    send("/settings/notifications", by="alice", name="mail_alert_words", on="1")

    assert 'name="on" value="1" aria-labelledby="mail_alert_words-label"' in (
        page := visit("/settings/notifications", by="alice").content.decode()
    )
    assert 'aria-describedby="mail_alert_words-words" checked' in page
