"""Every package is pinned and hashed, for every machine, and the pins name no index and no place on anybody's disk."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
SETS = ("base", "dev", "frameworks", "oldest-client", "peers")
PIN = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9.-]*)(\[[a-z,]+\])?==(?P<version>[^ ;\\]+)(?P<marker> ; [^\\]+)?(?P<hashes>( \\\n    --hash=sha256:[0-9a-f]{64})+)$",
    re.MULTILINE,
)


def lines(name: str) -> list[str]:
    return (REQUIREMENTS / name).read_text().splitlines()


def pins(name: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in PIN.finditer((REQUIREMENTS / f"{name}.txt").read_text()):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def wanted(name: str) -> set[str]:
    words = (
        re.match(r"[A-Za-z0-9._-]+", line) for line in lines(f"{name}.in") if line and line[0] not in "#-"
    )
    return {word.group().lower().replace("_", "-") for word in words if word}


@pytest.mark.parametrize("name", SETS)
def test_every_line_is_a_hashed_pin_or_a_comment(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()

    left = [line for line in PIN.sub("", text).splitlines() if line and not line.lstrip().startswith("#")]

    assert left == []


@pytest.mark.parametrize("name", SETS)
def test_no_index_and_no_place_is_recorded(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text()

    assert re.findall(r"https?:|file:|--index|--find-links|--trusted|/home/|/root/|/opt/|@ ", text) == []


@pytest.mark.parametrize("name", SETS)
def test_what_is_asked_for_is_pinned(name: str) -> None:
    assert wanted(name) - pins(name).keys() == set()


@pytest.mark.parametrize("name", ["base", "dev"])
def test_what_a_pin_needs_is_pinned_since_nobody_looks_for_it(name: str) -> None:
    """The Makefile has pip install what is named and reckon nothing."""
    pinned = pins(name)
    needed = _needed(pinned, _asked(name))

    def is_met(wish: Requirement) -> bool:
        versions = pinned.get(canonicalize_name(wish.name), set())
        return any(wish.specifier.contains(version, prereleases=True) for version in versions)

    assert [f"{pin}: {wish}" for pin, wish in needed if not is_met(wish)] == []
    assert len(needed) > len(pinned) / 2


def test_an_extra_is_followed_to_what_it_needs_and_to_the_extras_of_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needs = {"a": ['b[fast]; extra == "all"', 'c; extra == "other"'], "b": ['d; extra == "fast"'], "d": []}
    monkeypatch.setattr(metadata, "requires", needs.__getitem__)

    def found(asked: str) -> list[tuple[str, str]]:
        return sorted((pin, wish.name) for pin, wish in _needed(needs, [Requirement(asked)]))

    assert (found("a"), found("a[all]")) == ([], [("a", "b"), ("b", "d")])


def _asked(name: str) -> list[Requirement]:
    """What a person asked for, with its extras."""
    asked: list[Requirement] = []
    for line in lines(f"{name}.in"):
        if line.startswith("-r "):
            asked += _asked(line.removeprefix("-r ").removesuffix(".in"))
        elif line and line[0] != "#":
            asked.append(Requirement(line))
    return asked


def _needed(pins: Iterable[str], asked: Iterable[Requirement]) -> list[tuple[str, Requirement]]:
    """Which pin needs what on this machine, for itself or for an extra that somebody asks for."""
    found: dict[tuple[str, str], Requirement] = {}
    waiting = [*((pin, "") for pin in pins), *_extras(asked)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        pin, extra = part = waiting.pop()
        if part in seen:
            continue
        seen.add(part)
        for wish in map(Requirement, _requires(pin)):
            if wish.marker is None or wish.marker.evaluate({"extra": extra}):
                found[pin, str(wish)] = wish
                waiting += _extras([wish])
    return [(pin, wish) for (pin, _words), wish in found.items()]


def _extras(wishes: Iterable[Requirement]) -> list[tuple[str, str]]:
    return [(canonicalize_name(wish.name), extra) for wish in wishes for extra in wish.extras]


def _requires(pin: str) -> list[str]:
    try:
        return metadata.requires(pin) or []
    except metadata.PackageNotFoundError:  # of another machine's
        return []


def test_the_larger_set_pins_the_same_versions() -> None:
    base, larger = pins("base"), pins("dev")

    assert {package: versions for package, versions in base.items() if larger.get(package) != versions} == {}


def test_in_files_are_sorted() -> None:
    for name in SETS:
        asked = [
            re.split(r"[^\w-]", line.lower())[0]
            for line in lines(f"{name}.in")
            if line and line[0] not in "#-"
        ]

        assert asked == sorted(asked)


def test_the_pins_are_what_is_installed_here() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True,
        text=True,
        check=True,
    )
    installed = dict(line.lower().split("==", 1) for line in done.stdout.splitlines() if "==" in line)
    pinned = pins("dev")

    other = {
        name: version for name, version in installed.items() if name in pinned and version not in pinned[name]
    }

    assert other == {}
