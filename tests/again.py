"""pytest, and a second look, alone, at the few tests that failed; why and with what limits: docs/adr/0090.

    python -m tests.again ARGUMENTS...      # the arguments are pytest's

It tells which files took longest, so that growth is seen where it begins. Its last lines name every test that failed at first
and passed alone, also those of runs before it (see `UNSTEADY`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.memory import in_memory
from tests.turns import PASSES

MOST = 3
SLOWEST = 40
# What these show is what people trust us with, and one failure in a thousand runs is a finding. They also need no excuse
# of being slow: whoever mends one makes it wait for what it needs.
NO_SECOND_LOOK = (
    "tests/access/", "tests/audit/", "tests/blobs/", "tests/e2e/durability/", "tests/e2e/secrecy/", "tests/house/", "tests/vault/",
    "tests/web/test_hostile_in_chromium.py",
)  # fmt: skip
# Names, a line each, since `make test` began: it runs the suite twice, and both ends tell all.
UNSTEADY = Path(".pytest_cache/unsteady")


@dataclass(eq=False)  # pytest keeps its plugins in sets
class Seen:
    """What one run of pytest came to, as far as a second look has to know."""

    failed: dict[str, None] = field(default_factory=dict)
    is_whole: bool = True
    seconds: defaultdict[str, float] = field(
        default_factory=lambda: defaultdict(float)
    )  # by file, fixtures too
    tests: Counter[str] = field(default_factory=Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self.seconds[file] += report.duration
        self.tests[file] += report.when == "call"
        if report.failed:
            self.failed[report.nodeid] = None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.is_whole = False

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.shouldfail or session.shouldstop:  # -x and --maxfail: other tests never ran
            self.is_whole = False

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section(f"the {SLOWEST} slowest files")
        for file, seconds in sorted(self.seconds.items(), key=lambda each: -each[1])[:SLOWEST]:
            terminalreporter.line(f"{seconds:7.1f} s {self.tests[file]:5} tests  {file}")
        whole = sum(self.seconds.values())
        terminalreporter.line(f"{whole:7.1f} s {self.tests.total():5} tests  in all, of all workers together")

    @property
    def deserves_a_second_look(self) -> bool:
        few = 1 <= len(self.failed) <= MOST
        return self.is_whole and few and not any(test.startswith(NO_SECOND_LOOK) for test in self.failed)


def main(arguments: list[str]) -> int:
    os.environ.setdefault(PASSES, "turns")
    with in_memory():
        return _run(arguments)


def _run(arguments: list[str]) -> int:
    seen = Seen()
    code = int(pytest.main(arguments, plugins=[seen]))
    if code == pytest.ExitCode.TESTS_FAILED and seen.deserves_a_second_look:
        print(f"\n{len(seen.failed)} failed. Once more, alone: {', '.join(seen.failed)}", flush=True)
        code = subprocess.run([sys.executable, "-m", "pytest", "-n0", *seen.failed], check=False).returncode
        if code == pytest.ExitCode.OK:
            _note(list(seen.failed))
    _tell()
    return code


def _note(tests: list[str]) -> None:
    UNSTEADY.parent.mkdir(exist_ok=True)
    with UNSTEADY.open("a", encoding="utf-8") as file:
        file.writelines(f"{test}\n" for test in tests)


def _tell() -> None:
    tests = UNSTEADY.read_text(encoding="utf-8").splitlines() if UNSTEADY.exists() else []
    if not tests:
        return
    line = "#" * 100
    print(
        f"\n{line}\n# UNSTEADY: failed among all the others, passed alone. Each of them is a fault to be mended:"
    )
    for test in tests:
        print(f"#   {test}")
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
