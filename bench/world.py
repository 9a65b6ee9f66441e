"""A project of ten thousand runs, of which some have a long history; made through the services that real use goes through.

`World()` is an instance over it; inside it `python -m bench.world` made the runs.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tests.live import LiveServer

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.projects.models import Project

OWNER, PROJECT = "alice", "many"
RUNS, LONG_RUNS, POINTS = 10_000, 50, 10_000
_LONGEST_MAKING = 1800
_METRICS = ("train/loss", "train/grad_norm", "val/loss", "val/acc", "lr", "throughput")


class World:
    """An instance with the project `alice/many`. The runs with a long history are the newest ones."""

    def __init__(self, *, runs: int = RUNS, long_runs: int = LONG_RUNS, points: int = POINTS) -> None:
        self.server = LiveServer()
        self.sizes = ["--runs", str(runs), "--long", str(long_runs), "--points", str(points)]
        self.long_ids: list[str] = []  # public ids of the runs with a long history

    @property
    def path(self) -> str:
        return f"/{OWNER}/{PROJECT}"

    def __enter__(self) -> Self:
        self.server.prepare()
        made = self.server.python("-m", "bench.world", *self.sizes, timeout=_LONGEST_MAKING)
        self.long_ids = json.loads(made.splitlines()[-1])
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()
        self.server.remove()


def make(*, runs: int, long_runs: int, points: int) -> list[str]:
    """Fill the instance of this process's environment; the public ids of the runs with a long history."""
    from apps.accounts.actors import Actor
    from apps.demo.people import PASSWORD
    from apps.projects.services import get_or_create_project
    from apps.teams.services import create_account
    from apps.vault.tree import keys_in_use

    actor = Actor.person(create_account(OWNER, email=f"{OWNER}@example.org", password=PASSWORD))
    project = get_or_create_project(actor, entity=OWNER, name=PROJECT)
    for first in range(0, runs - long_runs, 500):
        with keys_in_use():
            for number in range(first, min(first + 500, runs - long_runs)):
                _short_run(project, number, by=actor)
    return [_long_run(project, number, points=points, by=actor) for number in range(long_runs)]


def _short_run(project: Project, number: int, *, by: Actor) -> None:
    """A finished run with settings and results, as the table lists it."""
    from apps.core import jsontext
    from apps.runs.services import start_run
    from apps.runs.types import RunPatch, RunState

    rng = random.Random(number)
    summary = {"val/acc": rng.random(), "val/loss": rng.expovariate(1), "_step": 100, "_runtime": 60.0}
    patch = RunPatch(config_text=_config(rng), summary_text=jsontext.dumps(summary), state=RunState.FINISHED)
    start_run(project, name=f"short{number:05d}", by=by, patch=patch)


def _long_run(project: Project, number: int, *, points: int, by: Actor) -> str:
    from apps.runs.history import store
    from apps.runs.services import start_run
    from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

    rng = random.Random(-1 - number)
    opened, _made = start_run(
        project, name=f"long{number:03d}", by=by, patch=RunPatch(config_text=_config(rng))
    )
    run = opened.run
    last: dict[str, float] = {}
    for first in range(0, points, 5000):
        rows = [_row(step, points, number, rng) for step in range(first, min(first + 5000, points))]
        last = rows[-1]
        lines = Lines(first=first, lines=[json.dumps(row) for row in rows])
        store.append(run, StreamRequest(streams={Stream.HISTORY: lines}))
    store.append(run, StreamRequest(summary_text=json.dumps(last), is_complete=True, exit_code=0))
    store.compact(run)
    return run.public_id


def _row(step: int, points: int, number: int, rng: random.Random) -> dict[str, float]:
    """Noise at every step: what is drawn cannot be made simpler than it is."""
    decay = math.exp(-4 * step / points)
    level = 0.3 + number / 100
    values = (
        level + 6 * decay + rng.gauss(0, 0.1),
        0.4 + 2 * decay + rng.expovariate(6),
        level + 0.1 + 5 * decay + rng.gauss(0, 0.05),
        (0.95 - number / 200) * (1 - decay) + rng.gauss(0, 0.01),
        5e-4 * 0.5 * (1 + math.cos(math.pi * step / points)),
        1800 + rng.gauss(0, 40),
    )
    clock = {"_step": step, "_runtime": step * 0.5, "_timestamp": 1.79e9 + step * 0.5}
    return dict(zip(_METRICS, values, strict=True)) | clock


def _config(rng: random.Random) -> str:
    values = {
        "lr": rng.choice([1e-4, 3e-4, 1e-3, 3e-3]),
        "batch_size": rng.choice([64, 128, 256]),
        "model": rng.choice(["resnet18", "resnet50", "swin-t", "convnext-s"]),
        "seed": rng.randrange(1000),
    }
    return json.dumps({key: {"value": value} for key, value in values.items()})


def main() -> None:
    import django

    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--long", type=int, default=LONG_RUNS)
    parser.add_argument("--points", type=int, default=POINTS)
    asked = parser.parse_args()
    django.setup()
    print(json.dumps(make(runs=asked.runs, long_runs=asked.long, points=asked.points)))


if __name__ == "__main__":
    main()
