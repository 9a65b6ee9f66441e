"""`make bench`: everything that is measured, as one report. With `--docs` the documents tell it from then on.

`python -m bench [--docs] [NAME...]` measures the modules that are named, or all; of some alone the documents tell when that was.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

from bench.figures import Figure
from bench.report import KEPT, Report, keep, machine, publish, renewed
from bench.world import World
from tests.browsers import chromium_path

# The server's own first: they are what is promised of it, on instances of which nothing else was asked.
_BY_THEMSELVES = ("server", "artifacts", "epoch", "erasure", "exports", "imports", "start")
_ON_A_WORLD = ("console",)
_IN_THE_BROWSER = ("charts_page", "project_page")
NAMES = (*_BY_THEMSELVES, *_ON_A_WORLD, *_IN_THE_BROWSER)


class Bench:
    """Measures module by module. One that breaks is told in the report and does not keep the others from measuring."""

    def __init__(self, names: Sequence[str]) -> None:
        self.machine = machine()
        self.figures: list[Figure] = []
        self.left_out = [f"{name}: it was not asked for." for name in NAMES if name not in names]
        self.names = names
        self.is_broken = False

    def run(self) -> Report:
        for name in self._asked(_BY_THEMSELVES):
            self._measure(name)
        in_browser = self._asked(_IN_THE_BROWSER) if chromium_path() else []
        self.left_out += [
            f"{name}: there is no Chromium here." for name in self._asked(_IN_THE_BROWSER) if not in_browser
        ]
        if on_world := [*self._asked(_ON_A_WORLD), *in_browser]:
            with World() if in_browser else World(runs=10, long_runs=1, points=100) as world:
                for name in on_world:
                    self._measure(name, world)
        return Report(self.machine, self.figures, self.left_out)

    def _asked(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if name in self.names]

    def _measure(self, name: str, world: World | None = None) -> None:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        try:
            self.figures += told(importlib.import_module(f"bench.{name}"), world)
        except Exception as error:  # noqa: BLE001  (it is reported, and the command fails at its end)
            traceback.print_exc()
            self.left_out.append(f"{name}: it broke off with {type(error).__name__}.")
            self.is_broken = True


def told(module: ModuleType, world: World | None) -> Iterator[Figure]:
    """The figures of a module, each with how it was measured."""
    how = (module.measure.__doc__ or "").partition("\n")[0]
    for figure in module.measure(world):
        yield figure if figure.how else replace(figure, how=how)


def main(words: list[str]) -> int:
    names = [word for word in words if word != "--docs"]
    if unknown := set(names).difference(NAMES):
        print(f"There is no {', '.join(sorted(unknown))}: choose among {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    bench = Bench(names or NAMES)
    made = bench.run()
    keep("all", made)
    if "--docs" in words and not bench.is_broken:
        publish(renewed(Report.from_json(KEPT.read_text()), made) if names else made)
    return int(bench.is_broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
