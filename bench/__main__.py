"""`make bench`: everything that is measured, over one world, as one table."""

from __future__ import annotations

import importlib
import pkgutil

import bench
from bench.figures import report
from bench.world import World

_NO_MEASURES = {"__main__", "figures", "load", "world"}


def main() -> None:
    names = sorted(module.name for module in pkgutil.iter_modules(bench.__path__))
    with World() as world:
        figures = [
            one
            for name in names
            if name not in _NO_MEASURES
            for one in importlib.import_module(f"bench.{name}").measure(world)
        ]
    report("all", figures)


if __name__ == "__main__":
    main()
