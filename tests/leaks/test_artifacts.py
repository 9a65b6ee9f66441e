"""What stands in files of versions that a run made is told on the run; the sweep looks, within bounds, and never at ingest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import EntryPage, StoredFile, Version
from apps.artifacts.queries import read_stored
from apps.core import clock
from apps.core.errors import Conflict, Forbidden, Unavailable
from apps.erasure.artifacts import erase_versions
from apps.leaks import scanning, scanning_artifacts, services
from apps.leaks.models import Scan
from apps.leaks.queries import count_open, findings_of
from apps.leaks.types import OpenFinding, Place, State
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose
from apps.vault.errors import KeyGone
from tests.factories import artifacts, work
from tests.leaks.leaking import KEY, OTHER, erase, looked, say

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


def test_a_second_run_of_the_same_code_erases_the_version_whatever_else_it_made(
    run: Run, vision: Project, alice: User, bob: User
) -> None:
    code = made(run, alice, {"a.py": SCRIPT})
    again = work.run(vision, "again", by=alice)
    assert (
        artifacts.begin(
            vision, "source-x", {"a.py": SCRIPT}, by=Actor.person(alice), run=again, type_name="code"
        )
        == code
    )
    made(again, bob, {"b": b"nothing"}, name="bobs", kind="dataset")
    (found,) = looked(again)

    with pytest.raises(Forbidden):
        erase(again, found, bob)
    assert Version.objects.filter(pk=code.pk).exists()

    erase(again, found, alice)
    assert not Version.objects.filter(pk=code.pk).exists()
    assert (count_open(again), Version.objects.count()) == (0, 1)


def test_one_that_is_erased_or_damaged_meanwhile_keeps_no_other_from_being_looked_at(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["source-gone", "source-damaged", "source-x"]
    gone, damaged, last = (
        made(run, alice, {"a.py": f"# {each}\n".encode() + SCRIPT}, name=each) for each in names
    )
    EntryPage.objects.filter(version=damaged).update(sealed_entries=b"\0" * 64)

    def erased_meanwhile(version: Version, file: StoredFile) -> Iterator[bytes]:
        if version == gone:
            raise KeyGone(version.vault_node)
        return read_stored(version, file)

    monkeypatch.setattr(scanning_artifacts, "read_stored", erased_meanwhile)

    assert services.scan_due() == 1
    assert {each.spot.version for each in findings_of(run)} == {last.public_id}


def test_what_broke_off_is_looked_at_again_and_what_was_behind_it_is_not(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looked(run) == []
    say(run, 0, f"key {KEY}")
    made(run, alice, {"a.py": SCRIPT})

    def is_down(*_: object) -> None:
        raise Unavailable("The store does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(scanning_artifacts, "read_stored", is_down)
        assert services.scan_due() == 0
    assert [each.spot.place for each in findings_of(run)] == [Place.CONSOLE]
    monkeypatch.delattr(scanning, "_note_lines")  # the console is not read again

    assert services.scan_due() == 1
    assert [each.spot.place for each in findings_of(run)] == [Place.CONSOLE, Place.ARTIFACT]


def test_a_version_that_could_not_be_read_is_due_also_when_nothing_more_comes(
    run: Run, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(run, alice, {"a.py": SCRIPT})
    run.refresh_from_db()
    Scan.objects.create(run=run, version=run.version, looked_until=clock.now() - timedelta(hours=1))

    def is_down(*_: object) -> None:
        raise Unavailable("The store does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(scanning_artifacts, "read_stored", is_down)
        assert services.scan_due() == 0
    assert (services.scan_due(), count_open(run)) == (1, 1)
