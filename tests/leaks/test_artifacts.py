"""What stands in files of versions that a run made is told on the run; the sweep looks, within bounds, and never at ingest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Version
from apps.core import clock
from apps.core.errors import Conflict
from apps.erasure.artifacts import erase_versions
from apps.leaks import scanning_artifacts, services
from apps.leaks.models import Scan
from apps.leaks.queries import count_open, findings_of
from apps.leaks.types import OpenFinding, Place, State
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from tests.factories import artifacts, work
from tests.leaks.test_services import KEY, OTHER, erase, looked

SCRIPT = f"import os\nkey = '{KEY}'\n".encode()


@pytest.fixture
def run(vision: Project, lab: Entity, alice: User) -> Run:
    choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(alice))
    return work.run(vision, "maker", by=alice)


def made(
    run: Run, who: User, files: dict[str, bytes], *, name: str = "source-x", kind: str = "code"
) -> Version:
    return artifacts.version(run.project, name, files, by=Actor.person(who), run=run, type_name=kind)


def spots(found: list[OpenFinding]) -> set[tuple[str, str, int, str, str]]:
    return {
        (each.spot.version, each.spot.file, each.spot.line, each.spot.detector.value, each.state.value)
        for each in found
    }


def test_code_is_looked_at_whatever_its_files_are_called_and_of_others_small_texts(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning_artifacts, "MOST_OF_A_TEXT", len(SCRIPT))
    monkeypatch.setattr(scanning_artifacts, "MOST_OF_CODE", len(SCRIPT) + 5)
    code = made(run, alice, {"pkg/a.xyz": SCRIPT, "long.py": SCRIPT + b"x" * 6, "bin": b"\0" + SCRIPT[1:]})
    data = made(
        run,
        alice,
        {"conf.YAML": f"\n\ntoken: {OTHER}".encode(), "long.txt": SCRIPT + b"x", "weights.bin": SCRIPT},
        name="data",
        kind="dataset",
    )
    wanted = {
        (code.public_id, "pkg/a.xyz", 1, "hugging_face", "open"),
        (data.public_id, "conf.YAML", 2, "github", "open"),
    }

    for _twice in range(2):
        assert spots(looked(run)) == wanted
    assert {each.spot.place for each in findings_of(run)} == {Place.ARTIFACT}


def test_a_version_that_comes_after_the_run_was_looked_at_is_looked_at_once(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looked(run) == []
    made(run, alice, {"a.py": SCRIPT})

    assert services.scan_due() == 1
    assert count_open(run) == 1

    Scan.objects.update(looked_until=clock.now() + timedelta(seconds=1))
    assert services.scan_due() == 0
    monkeypatch.delattr(scanning_artifacts, "list_entries")  # what was looked at is not read again
    assert len(looked(run)) == 1


def test_a_version_of_many_files_is_gone_on_with_where_the_turn_was_over(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning_artifacts, "_STRETCH", 1)
    monkeypatch.setattr(scanning_artifacts, "MOST_FILES", 2)
    made(run, alice, dict.fromkeys(("a.py", "b.py", "c.py"), SCRIPT))

    assert [services.scan(run, ends=0) for _turn in range(8)][-1]
    assert {each.spot.file for each in findings_of(run)} == {"a.py", "b.py"}


def test_erasing_takes_the_version_of_code_and_of_others_says_where(run: Run, alice: User) -> None:
    code = made(run, alice, {"a.py": SCRIPT})
    data = made(run, alice, {"conf.yaml": SCRIPT}, name="data", kind="dataset")
    of = {each.spot.version: each for each in looked(run)}

    erase(run, of[code.public_id], alice)
    with pytest.raises(Conflict):
        erase(run, of[data.public_id], alice)

    assert list(Version.objects.all()) == [data]
    assert (count_open(run), {each.state for each in findings_of(run)}) == (1, {State.OPEN, State.ERASED})

    erase_versions([data], by=Actor.person(alice))
    assert (count_open(run), {each.state for each in findings_of(run)}) == (0, {State.ERASED})
