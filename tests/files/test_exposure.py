from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.access.policy import Visibility
from apps.accounts.models import User
from apps.code_saving import policy
from apps.files import opening, services
from apps.files.exposure import METADATA, Asked, Exposure, WouldShow, exposure_of, require_agreement
from apps.files.services import announce_files, store_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.services import choose
from tests.factories import artifacts, people, work

pytestmark = pytest.mark.django_db


def store(run: Run, name: str) -> None:
    file = announce_files(run, [name])[0].file
    assert file is not None
    store_file(file, io.BytesIO(b"12345"))


@pytest.fixture
def saving_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where somebody has switched it on: this is about what is there, not about how it came there."""
    monkeypatch.setattr(services, "keeps_file", lambda name, saving_on: True)


def test_an_empty_project_shows_nothing(vision: Project) -> None:
    found = exposure_of(vision)

    assert found == Exposure(0, 0, 0, 0, 0, 0, 0)
    assert not found.asked


def test_values_and_named_files_alone_are_published_without_a_question(vision: Project, alice: User) -> None:
    run = work.run(vision, "run1", by=alice)
    store(run, "model.pt")
    announce_files(run, ["announced-only.txt"])
    Run.objects.filter(pk=run.pk).update(output_lines=7)

    found = exposure_of(vision)

    assert found == Exposure(1, 1, 5, 1, 7, 0, 0)
    assert not found.asked


def test_versions_of_artifacts_are_counted_and_those_that_are_code_by_themselves(
    vision: Project, alice: User
) -> None:
    by = people.actor(alice)
    choose(vision.entity, SettingName.CODE_SAVING, True, by=by)
    other = work.project("lab", "speech", by=alice)
    artifacts.version(vision, "model", {"weights": b"12345"}, by=by)
    artifacts.begin(vision, "model", {"weights": b"being sent"}, by=by)
    artifacts.version(other, "source-lab-speech-train.py", {"train.py": b"1"}, by=by, type_name="code")
    without = exposure_of(vision)
    for content in (b"print(1)", b"print(2)"):
        artifacts.version(
            vision, "source-lab-vision-train.py", {"train.py": content}, by=by, type_name="code"
        )
    artifacts.version(vision, "job-of-it", {"wandb-job.json": b"{}"}, by=by, type_name="job")
    artifacts.version(vision, "snippets", {"a.py": b"1"}, by=by, type_name="code")  # that a script names

    found = exposure_of(vision)

    assert (without.versions, without.version_bytes, without.code_versions, without.asked) == (1, 5, 0, [])
    assert (found.versions, found.version_bytes, found.code_versions) == (5, 24, 3)
    assert (found.code_files, found.asked) == (0, [Asked.CODE])
    with pytest.raises(WouldShow, match=r"This would show 3 versions of artifacts of code to everybody\."):
        require_agreement(vision, Visibility.PUBLIC)
    require_agreement(vision, Visibility.PUBLIC, agreed={Asked.CODE})


@pytest.mark.parametrize(
    ("config", "tells"),
    [
        ({"_wandb": {"value": {"e": {"w": {"gpu": "A100"}}}}}, True),
        ({"_wandb": {"value": {"e": {"w": {"git": {"commit": "abc"}}}, "cli_version": "0.31"}}}, False),
        ({"_wandb": {"value": {"cli_version": "0.31"}}}, False),
        ({"note": {"value": "_wandb"}}, False),
    ],
)
def test_a_machine_that_the_config_alone_tells_of_is_counted(
    vision: Project, alice: User, config: dict[str, Any], tells: bool
) -> None:
    work.run(vision, "run1", by=alice, config_text=json.dumps(config))

    found = exposure_of(vision)

    assert found.metadata_runs == int(tells)
    assert found.asked == ([Asked.SYSTEM_METADATA] if tells else [])


def test_both_kinds_of_code_and_machines_are_named_in_one_sentence() -> None:
    found = Exposure(3, 2, 9, 0, 0, 1, 2, versions=4, version_bytes=9, code_versions=1)

    words = "2 files with code, 1 version of an artifact of code and 1 run that tells of its machine"
    assert WouldShow(found.asked, found).message == f"This would show {words} to everybody."


@pytest.mark.usefixtures("saving_code")
def test_code_and_what_tells_of_machines_are_counted_by_run_and_file(vision: Project, alice: User) -> None:
    described, measured, both = (work.run(vision, name, by=alice) for name in ("a", "b", "c"))
    for run in (described, both):
        store(run, METADATA)
    Run.objects.filter(pk__in=[measured.pk, both.pk]).update(event_lines=3)
    store(both, "code/train.py")
    store(both, "diff.patch")
    other = work.project("lab", "speech", by=alice)
    store(work.run(other, "x", by=alice), "code/train.py")

    found = exposure_of(vision)

    assert (found.metadata_runs, found.code_files, found.files) == (3, 2, 4)
    assert found.asked
    assert policy.is_code("code/train.py")


def test_with_more_files_than_are_looked_at_there_is_a_question(
    vision: Project, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = work.run(vision, "run1", by=alice)
    for n in range(4):
        store(run, f"file{n}")
    monkeypatch.setattr(opening, "MOST_LOOKED_AT", 3)
    monkeypatch.setattr(opening, "_AT_ONCE", 2)

    assert exposure_of(vision).is_partial
    assert exposure_of(vision).asked


@pytest.mark.parametrize("count", [1, 3])
def test_it_costs_the_same_for_one_run_and_three(vision: Project, alice: User, count: int) -> None:
    for n in range(count):
        store(work.run(vision, f"run{n}", by=alice), "model.pt")

    with CaptureQueriesContext(connection) as asked:
        exposure_of(vision)

    assert len(asked) == 8
