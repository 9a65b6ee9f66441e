"""The second look of `make test`: a steady failure stays one, an unsteady test is named, and a promise has one chance."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import memory
from tests.again import Seen
from tests.turns import (
    BY_TURNS,
    EVERY_OTHER_DAY,
    EVERY_OTHER_DAY_ON_SERVERS,
    PASSES,
    TURN,
    is_left_to_another_day,
    is_left_to_the_other_pass,
    of_each_kind,
    seed,
)

ROOT = Path(__file__).resolve().parents[2]
STEADY = "def test_{0}():\n    assert False\n"
# It fails among others and passes once it was tried: what a busy machine does to a test that waits too little.
UNSTEADY = """
from pathlib import Path

def test_{0}():
    tried = Path("tried-{0}")
    was_tried = tried.exists()
    tried.touch()
    assert was_tried
"""
FINE = "def test_{0}():\n    pass\n"


def make_test(suite: Path, tests: dict[str, str], *options: str) -> tuple[int, str]:
    """Run a suite of these files under `suite` as `make test` would; how it ended and what it printed."""
    (suite / "pytest.ini").write_text("[pytest]\naddopts = -p xdist\n")
    for number, (path, source) in enumerate(tests.items()):
        file = suite / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source.format(number))
    done = subprocess.run(
        [sys.executable, "-m", "tests.again", *options],
        cwd=suite,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_test_that_passes_alone_is_let_pass_and_named_in_the_last_lines(tmp_path: Path) -> None:
    code, said = make_test(tmp_path, {"tests/web/test_a.py": UNSTEADY, "tests/web/test_b.py": FINE}, "-n2")

    assert code == 0
    assert "1 failed, 1 passed" in said
    last = said.split("UNSTEADY: ")[1].splitlines()
    assert last[1:] == ["#   tests/web/test_a.py::test_0", "#" * 100]


def test_a_steady_failure_fails_also_beside_an_unsteady_one(tmp_path: Path) -> None:
    # Folders as arguments with conftests beside one another, as the pass on real servers has them.
    files = {"tests/web/test_a.py": UNSTEADY, "tests/api/test_b.py": STEADY}
    files |= {f"tests/{folder}/conftest.py": "" for folder in ("web", "api")}
    code, said = make_test(tmp_path, files, "tests/api", "tests/web")

    assert code == 1
    assert "2 failed" in said
    assert "1 failed, 1 passed" in said
    assert "UNSTEADY: " not in said


def test_a_promise_has_no_second_look(tmp_path: Path) -> None:
    code, said = make_test(
        tmp_path, {"tests/web/test_a.py": UNSTEADY, "tests/e2e/durability/test_b.py": UNSTEADY}
    )

    assert code == 1
    assert "Once more" not in said


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({f"tests/web/test_{name}.py": UNSTEADY for name in "abcd"}, ()),
        ({"tests/web/test_a.py": UNSTEADY, "tests/web/test_b.py": FINE}, ("-x",)),
        ({"tests/web/test_a.py": UNSTEADY, "tests/web/test_b.py": "import nothing_of_that_name\n"}, ()),
    ],
    ids=["more than three", "others were left out", "a file that cannot be read"],
)
def test_what_is_not_one_to_three_of_a_whole_suite_fails_at_once(
    tmp_path: Path, files: dict[str, str], options: tuple[str, ...]
) -> None:
    code, said = make_test(tmp_path, files, *options)

    assert code != 0
    assert "Once more" not in said


def test_the_slowest_files_are_told_slowest_first(tmp_path: Path) -> None:
    slow = "import time\n\ndef test_{0}():\n    time.sleep(0.3)\n"
    _, said = make_test(tmp_path, {"tests/web/test_a.py": FINE, "tests/web/test_b.py": slow}, "-n2")

    told = [line.split() for line in said.split("slowest files")[1].splitlines() if " tests " in line]
    assert [(line[2], line[4]) for line in told] == [
        ("1", "tests/web/test_b.py"),
        ("1", "tests/web/test_a.py"),
        ("2", "in"),
    ]
    assert float(told[0][0]) >= 0.3


@pytest.mark.parametrize(
    "folder",
    ["access", "audit", "blobs", "e2e/durability", "e2e/secrecy", "house", "vault"],
)
def test_the_folders_of_promises_are_where_they_are_said_to_be(folder: str) -> None:
    assert (ROOT / "tests" / folder).is_dir()
    assert not Seen(failed={f"tests/{folder}/test_x.py::test_y": None}).deserves_a_second_look


def test_make_test_and_its_second_pass_go_through_it() -> None:
    shown = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert shown.count("-m tests.again") == 2
    assert "-m pytest" not in shown


def test_what_the_suite_writes_is_in_memory_and_gone_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(memory, "ROOM", 0)
    with memory.in_memory(tmp_path):
        made = Path(tempfile.mkdtemp())
        child = "import tempfile; print(tempfile.gettempdir())"
        seen = subprocess.run(
            [sys.executable, "-c", child], capture_output=True, text=True, check=True
        ).stdout
        assert made.is_relative_to(tmp_path)
        assert Path(seen.strip()) == made.parent

    assert list(tmp_path.iterdir()) == []
    assert not Path(tempfile.gettempdir()).is_relative_to(tmp_path)


@pytest.mark.parametrize("reason", ["no room", "a place of the caller's own"])
def test_it_is_where_it_always_was(reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ROOM", 2**62 if reason == "no room" else 0)
    if reason == "no room":
        monkeypatch.delenv("TMPDIR", raising=False)
    else:
        monkeypatch.setenv("TMPDIR", str(tmp_path / "own"))
    before = os.environ.get("TMPDIR")
    with memory.in_memory(tmp_path):
        assert os.environ.get("TMPDIR") == before
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", BY_TURNS)
def test_what_is_asked_in_one_pass_a_day_is_asked_in_the_other_the_day_after(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSES, "turns")
    left = list[tuple[bool, bool]]()
    for day in ("8", "9"):
        monkeypatch.setenv(TURN, day)
        left.append(
            (
                is_left_to_the_other_pass(file, on_servers=False),
                is_left_to_the_other_pass(file, on_servers=True),
            )
        )

    assert sorted(left) == [(False, True), (True, False)]
    # Each of them is wholly in both passes, or a day would be without it.
    text = (ROOT / file).read_text()
    assert "mark.embedded" not in text and "mark.browser" not in text
    assert any(file == place or file.startswith(f"{place}/") for place in _second_pass())


@functools.cache
def _second_pass() -> list[str]:
    said = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (second,) = (line for line in said.splitlines() if "tests.servers" in line)
    return second.split()


def test_what_is_asked_on_servers_every_other_day_is_asked_on_the_folder_every_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PASSES, "turns")
    folders = [ROOT / folder for folder in EVERY_OTHER_DAY_ON_SERVERS]
    files = {str(file.relative_to(ROOT)) for folder in folders for file in folder.rglob("test_*.py")}
    files -= {*EVERY_OTHER_DAY}
    left = dict[str, set[str]]()
    for day in ("8", "9"):
        monkeypatch.setenv(TURN, day)
        assert not any(is_left_to_another_day(file, on_servers=False) for file in files)
        left[day] = {file for file in files if is_left_to_another_day(file, on_servers=True)}

    assert not left["8"] & left["9"]
    assert left["8"] | left["9"] == files - {*BY_TURNS}
    assert min(map(len, left.values())) > len(files) / 3
    for wanted in ("", "whole"):
        monkeypatch.setenv(PASSES, wanted)
        assert not any(is_left_to_another_day(file, on_servers=True) for file in files)


def test_what_takes_long_and_has_one_pass_is_asked_every_other_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSES, "turns")
    asked = list[str]()
    for day in ("8", "9"):
        monkeypatch.setenv(TURN, day)
        asked += [each for each in EVERY_OTHER_DAY if not is_left_to_another_day(each, on_servers=False)]

    assert sorted(asked) == sorted(EVERY_OTHER_DAY)
    assert [each for each in EVERY_OTHER_DAY if not (ROOT / each).exists() or each in BY_TURNS] == []
    monkeypatch.setenv(PASSES, "whole")
    assert not any(is_left_to_another_day(each, on_servers=False) for each in EVERY_OTHER_DAY)


def test_of_what_is_answered_the_same_each_has_its_turn_and_one_is_asked_every_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    things = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]
    seen = set[str]()
    for day in ("8", "9", "10"):
        monkeypatch.setenv(TURN, day)
        found = of_each_kind(things, lambda thing: thing[0], days=3)
        assert {thing[0] for thing in found} == {"a", "b", "c"} and len(found) < len(things)
        seen |= {*found}

    assert seen == {*things}
    assert of_each_kind(things, lambda thing: thing[0], days=1) == things


def test_whoever_names_a_file_or_wants_all_has_it_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted in ("", "whole"):
        monkeypatch.setenv(PASSES, wanted)
        assert not any(
            is_left_to_the_other_pass(file, on_servers=on) for file in BY_TURNS for on in (False, True)
        )


def test_chance_begins_with_the_day_unless_a_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TURN, "739948")
    assert seed("OWNLOG_ANY_SEED") == 739948

    monkeypatch.setenv("OWNLOG_ANY_SEED", "11")
    assert seed("OWNLOG_ANY_SEED") == 11


def test_one_day_is_that_of_all_workers() -> None:
    """Whichever of them asks behind midnight: the first process says it, to all that it starts."""
    assert os.environ[TURN].isdigit()
