"""Two lists compared page by page come to what whole lists would."""

from __future__ import annotations

import random

import orjson
import pytest

from apps.artifacts.manifests import Row, difference, in_order
from apps.artifacts.types import ChangeKind


def row(path: str, digest: str) -> Row:
    return [path, digest, 1, "", "", 0, ""]


def pages(rows: list[Row], size: int) -> list[bytes]:
    ordered = in_order(rows)
    return [orjson.dumps(ordered[at : at + size]) for at in range(0, len(ordered), size)]


@pytest.mark.parametrize("seed", range(40))
def test_page_by_page_is_as_all_at_once(seed: int) -> None:
    rng = random.Random(seed)
    paths = [f"{rng.randrange(4)}/{number}" if number % 3 else f"{number}" for number in range(60)]
    old = {path: rng.choice("ab") for path in paths if rng.random() < rng.choice((0.2, 0.95))}
    new = {path: rng.choice("ab") for path in paths if rng.random() < 0.9} if seed % 2 else dict(old)
    new |= dict.fromkeys(rng.sample(paths, 2), "c")
    kinds = dict.fromkeys(new.keys() - old.keys(), ChangeKind.ADDED)
    kinds |= dict.fromkeys(old.keys() - new.keys(), ChangeKind.REMOVED)
    kinds |= {path: ChangeKind.CHANGED for path in new.keys() & old.keys() if new[path] != old[path]}

    found = difference(
        pages([row(*each) for each in old.items()], 7),
        pages([row(*each) for each in new.items()], 7),
        total=len(new),
        start=1,
        count=5,
    )

    assert [(each.path, each.kind) for each in found.changes] == sorted(kinds.items())[1:6]
    for each in found.changes:
        assert (each.before and each.before.digest) == old.get(each.path)
        assert (each.after and each.after.digest) == new.get(each.path)
    counted = list(kinds.values())
    assert (found.added, found.changed, found.removed) == tuple(
        counted.count(kind) for kind in (ChangeKind.ADDED, ChangeKind.CHANGED, ChangeKind.REMOVED)
    )
    assert found.same == sum(1 for path, digest in new.items() if old.get(path) == digest)


def test_pages_that_are_the_same_are_not_looked_into() -> None:
    same = b"not even JSON"

    found = difference([same, orjson.dumps([row("z", "a")])], [same], total=1000, start=0, count=9)

    assert [(each.path, each.kind) for each in found.changes] == [("z", ChangeKind.REMOVED)]
    assert (found.removed, found.same) == (1, 1000)
