"""…/runs/{run}/parts: what erasing parts of a run would take, and DELETE"""

from __future__ import annotations

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.erasure.models import ErasureJob
from apps.projects.models import Project
from apps.runs.models import Run
from apps.runs.services import finish_run
from apps.runs.types import RunState
from tests.api.conftest import VISION, Ask
from tests.erasure.conftest import finish, full_run

FULL = f"{VISION}/runs/full"
PARTS = f"{FULL}/parts"


@pytest.fixture
def ended(vision: Project, alice: User) -> Run:
    run = full_run(vision, "full", by=alice)
    return finish_run(run, state=RunState.FINISHED, by=Actor.person(alice))


@pytest.mark.parametrize(
    ("who", "status"),
    [("bob", 403), ("vera", 403), ("mallory", 404), (None, 404), ("revoked", 401)],
)
def test_only_who_may_erase_the_run_erases_parts_of_it(
    ask: Ask, ended: Run, mallory: User, who: str | None, status: int
) -> None:
    for method in ("GET", "DELETE"):
        assert ask(method, f"{PARTS}?metric=loss", by=who).status == status
    assert not ErasureJob.objects.exists()


def test_a_metric_is_counted_and_goes_and_the_run_is_back_without_it(
    ask: Ask, ended: Run, mallory: User
) -> None:
    asked = f"{PARTS}?metric=loss&config=lr"
    counted = ask("GET", asked, by="alice")
    assert counted.json == {"values": 6, "files": 0, "stored_bytes": 0, "copies": []}

    begun = ask("DELETE", asked, by="alice")

    assert (begun.status, begun.json["kind"], begun.json["asked"]) == (202, "part", 2)
    assert ask("GET", FULL, by="alice").status == 503
    assert ask("GET", FULL, by="mallory").status == 404
    finish(ErasureJob.objects.get())
    assert ask("GET", f"{FULL}/config", by="alice").json == {}
    assert ask("GET", f"{FULL}/summary", by="alice").json == {}
    assert ask("DELETE", asked, by="alice").status == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("?metric=", 400),
        ("?metric=absent", 404),
        ("?metric=_step", 400),
        ("?media=out/a.txt", 404),
        ("?metric=%00", 400),
        ("?config=" + "x" * 2_000, 400),
        ("?metric=loss&metric=../../x", 404),
    ],
)
def test_nothing_goes_by_a_name_that_is_not_there(ask: Ask, ended: Run, query: str, status: int) -> None:
    for method in ("GET", "DELETE"):
        assert ask(method, PARTS + query, by="alice").status == status
    assert not ErasureJob.objects.exists()


def test_a_run_that_goes_on_is_refused(ask: Ask, vision: Project, alice: User) -> None:
    full_run(vision, "full", by=alice)

    refused = ask("DELETE", f"{PARTS}?metric=loss", by="alice")

    assert refused.status == 409 and "still going on" in refused.text
