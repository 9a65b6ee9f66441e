"""When a run began: what the client says goes before the time of arrival."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core import clock, jsontext
from apps.files.services import announce_files, store_file
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.services import request_stop
from apps.web.beginnings import beginning_of, fork_of
from tests.factories import work
from tests.web.conftest import Log, Visit, text_of


def config_of(*starts: Any, **more: Any) -> str:
    machines = {f"w{n}": {"startedAt": start, "os": "Linux"} for n, start in enumerate(starts)}
    return jsontext.dumps({"_wandb": {"value": {"e": machines, **more}}})


def test_an_offline_run_began_before_it_arrived(run: Run) -> None:
    # As the client 0.31 writes it into `_wandb`, offline as well.
    opened = replace(open_run(run), config_text=config_of("2026-11-01T02:51:13.614728Z"))

    found = beginning_of(opened)

    assert found.started_at == datetime(2026, 11, 1, 2, 51, 13, 614728, tzinfo=UTC)
    assert found.arrived_at == run.created_at


def test_a_run_that_is_heard_at_once_has_no_arrival(run: Run) -> None:
    said = (run.created_at - timedelta(seconds=2)).isoformat()

    found = beginning_of(replace(open_run(run), config_text=config_of(said)))

    assert (found.arrived_at, found.again) == (None, [])


def test_a_resumed_run_began_with_its_first_start(run: Run) -> None:
    opened = replace(open_run(run), config_text=config_of("2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z"))

    found = beginning_of(opened)

    assert (found.started_at.day, [moment.day for moment in found.again]) == (1, [2])


@pytest.mark.parametrize(
    "said",
    [
        None,
        7,
        "",
        "yesterday",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59+00:00",
        "9999-12-31T23:59:59-14:00",
        "1" * 90,
    ],
)
def test_what_no_clock_says_is_not_believed(run: Run, said: Any) -> None:
    assert beginning_of(replace(open_run(run), config_text=config_of(said))).started_at == run.created_at


def test_without_a_word_the_first_row_tells(run: Run, log: Log) -> None:
    began = clock.now() - timedelta(days=3)
    log(run, [{"_step": n, "_runtime": 60 + n, "_timestamp": began.timestamp() + 60 + n} for n in range(5)])
    run.refresh_from_db()

    found = beginning_of(open_run(run))

    assert abs(found.started_at - began) < timedelta(seconds=1)


@pytest.mark.parametrize(
    "row", [{"_step": 0}, {"_timestamp": 1e300}, {"_timestamp": -1}, {"_timestamp": "now"}]
)
def test_a_first_row_that_tells_nothing(run: Run, log: Log, row: dict[str, Any]) -> None:
    log(run, [row])
    run.refresh_from_db()

    assert beginning_of(open_run(run)).started_at == run.created_at


def test_a_fork_names_what_it_leaves() -> None:
    assert fork_of(config_of(branch_point={"run_id": "parent", "step": 12})) == ("parent", "12")
    assert fork_of(config_of(branch_point={"run_id": 7})) is None
    assert fork_of("{}") is None


# ── On the page ──


def test_page_says_when_it_began_and_when_it_arrived(visit: Visit, told: Run, alice: User) -> None:
    config = config_of(
        "2026-11-01T10:00:00Z", "2026-11-02T11:30:00Z", branch_point={"run_id": "told", "step": 3}
    )
    work.run(
        told.project, "late", by=alice, config_text=config, group='a "group"', job_type="train", sweep="s1"
    )

    page = visit("/lab/vision/runs/late", by="vera")

    words = text_of(page)
    assert "Started 1 Nov 2026, 10:00 Resumed 2 Nov 2026, 11:30 Arrived" in words
    assert "Forked from told step 3" in words
    html = page.content.decode()
    assert 'href="/lab/vision?q=group%20%3D%20%22a%20%5C%22group%5C%22%22"' in html
    assert 'href="/lab/vision?q=job%20%3D%20%22train%22"' in html


def test_links_to_what_is_alike_list_exactly_that(visit: Visit, told: Run, alice: User) -> None:
    for name, group in (("one", "123"), ("two", "1234")):
        work.run(told.project, name, by=alice, display_name=f"run {name}", group=group)

    # A group of digits is text, not a number.
    table = text_of(visit("/lab/vision", by="vera", q='group = "123"'))

    assert "run one" in table
    assert "run two" not in table


def test_tags_are_changed_where_they_stand(visit: Visit, told: Run) -> None:
    assert b"Change tags" in visit("/lab/vision/runs/told", by="bob").content
    assert b"Change tags" not in visit("/lab/vision/runs/told", by="vera").content


def test_a_stop_says_who_asked_until_the_run_has_ended(visit: Visit, told: Run, bob: User) -> None:
    request_stop(told, by=Actor.person(bob))

    assert "bob asked it to stop just now" in text_of(visit("/lab/vision/runs/told", by="vera"))


def test_packages_and_environment_have_pages(visit: Visit, told: Run) -> None:
    files = {
        "requirements.txt": b"torch==2.9.1\nown @ git+https://example.org/x\nodd line\n\n-e .\n",
        "wandb-metadata.json": b'{"os": "Linux", "gpu_nvidia": [{"name": "H100", "memoryTotal": "80"}]}',
    }
    for name, content in files.items():
        (announced,) = announce_files(told, [name])
        assert announced.file is not None
        store_file(announced.file, [content])

    packages = text_of(visit("/lab/vision/runs/told/values/packages", by="vera"))
    environment = text_of(visit("/lab/vision/runs/told/values/environment", by="vera", find="h100"))

    for words in ("torch 2.9.1", "own git+https://example.org/x", "odd line", "-e ."):
        assert words in packages
    assert "name H100" in environment
    assert "Packages 4" in text_of(visit("/lab/vision/runs/told", by="vera"))
