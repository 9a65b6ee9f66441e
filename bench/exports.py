"""A project of 5 000 runs of 1 000 steps with 10 metrics and a file each as one archive, and a million points as Parquet.

`python -m bench.exports [RUNS]` measures and prints; making the runs takes longer than exporting them. The floor is the bare
work for as many runs: a Parquet file of such a history, written, and read once.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
from typing import TYPE_CHECKING

from bench.figures import Figure, most_memory_here, share
from bench.report import report
from bench.server import prepared
from bench.tenant import BEFORE, OTHERS_KEY, Tenant
from tests.live import API_KEY, LiveServer

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.projects.models import Project

RUNS, STEPS, METRICS, FILE_BYTES = 5_000, 1_000, 10, 20_000
_FLOOR_RUNS = 100
_LONGEST = 3_600


def measure(world: object = None, *, runs: int = RUNS) -> list[Figure]:
    """5 000 runs x 1 000 steps x 10 doubles with a file of 20 kB each: asked for until the archive is ready, by one worker; then read to its end; and once more beside another tenant who reads a run over and over, whose p99 has the one before as its floor. The floor: as many Parquet files of such a history, made and packed in memory."""
    with prepared("sqlite") as server:
        server.account("alice")
        server.python("-m", "bench.exports", "make", str(runs), timeout=_LONGEST)
        told = json.loads(server.python("-m", "bench.exports", "export", timeout=_LONGEST).splitlines()[-1])
        points = json.loads(server.python("-m", "bench.exports", "points", timeout=_LONGEST).splitlines()[-1])
        before, meanwhile = _beside(server)
    of = f"export of {runs} runs"
    part = runs / RUNS
    return [
        Figure(of, told["seconds"], "s", told["floor"] * runs, 180.0 * part),
        Figure(f"{of}, memory of the worker", told["mib"], "MiB", limit=400.0),
        Figure(f"{of}, downloaded", told["mb_per_second"], "MB/s"),
        Figure("p99 of another tenant while a worker exports", meanwhile, "ms", before, before * 1.3),
        Figure("a million points of history as Parquet", points, "s", limit=1.0),
    ]


def _beside(server: LiveServer) -> tuple[float, float]:
    """The p99 of another tenant's reading, in milliseconds: before, and while the same project is exported once more."""
    server.account("other", key=OTHERS_KEY)
    server.start()
    try:
        other, owner = Tenant(server, OTHERS_KEY), Tenant(server, API_KEY)
        other.makes_a_run()
        before = share(other.reads(lambda asked: asked < BEFORE), 99)
        made = owner.ask("POST", "exports", json={"entity": "alice", "project": "many"}).json()
        meanwhile, state = other.reads_while(owner, f"exports/{made['id']}")
        assert state == "ready", state
        return before, meanwhile
    finally:
        server.stop()


# ── Inside the instance's environment ──


def make(runs: int) -> None:
    from apps.accounts.actors import Actor
    from apps.accounts.models import User
    from apps.projects.services import get_or_create_project
    from apps.vault.tree import keys_in_use

    by = Actor.person(User.objects.get(username="alice"))
    project = get_or_create_project(by, entity="alice", name="many")
    for first in range(0, runs, 100):
        with keys_in_use():
            for number in range(first, min(first + 100, runs)):
                _run(project, number, steps=STEPS, by=by)
    with keys_in_use():
        _run(get_or_create_project(by, entity="alice", name="long"), -1, steps=1_000_000 // METRICS, by=by)


def _run(project: Project, number: int, *, steps: int, by: Actor) -> None:
    from apps.files.services import announce_files, store_file
    from apps.runs.history import store
    from apps.runs.services import start_run
    from apps.runs.types import Lines, RunPatch, Stream, StreamRequest

    rng = random.Random(number)
    patch = RunPatch(config_text=json.dumps({"lr": {"value": rng.random()}, "seed": {"value": number}}))
    run = start_run(project, name=f"run{number}", by=by, patch=patch)[0].run
    for first in range(0, steps, 5_000):
        lines = [json.dumps(_row(rng, step)) for step in range(first, min(first + 5_000, steps))]
        store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first, lines)}))
    store.append(run, StreamRequest(summary_text='{"m0": 1}', is_complete=True, exit_code=0))
    store.compact(run)
    (room,) = announce_files(run, ["model.bin"])
    assert room.file is not None
    store_file(room.file, io.BytesIO(rng.randbytes(FILE_BYTES)))


def _row(rng: random.Random, step: int) -> dict[str, float]:
    return {"_step": step} | {f"m{each}": rng.random() for each in range(METRICS)}


def export() -> None:
    """From asking until it is ready; prints seconds, memory and the speed of reading it."""
    from apps.accounts.actors import Actor
    from apps.exports.queries import read_archive
    from apps.exports.services import advance, export_project
    from apps.exports.types import ExportState
    from apps.runs.models import Run
    from apps.vault.tree import keys_in_use

    project = Run.objects.select_related("project__entity").earliest("pk").project
    began = time.perf_counter()
    made = export_project(project, by=Actor.operator())
    while made.state != ExportState.READY:
        advance(made.pk)
        made.refresh_from_db()
    took = time.perf_counter() - began
    mib = most_memory_here()
    began = time.perf_counter()
    with keys_in_use():
        size = sum(map(len, read_archive(made)))
    speed = size / (time.perf_counter() - began) / 1e6
    print(json.dumps({"seconds": took, "mib": mib, "mb_per_second": speed, "floor": _floor()}))


def _floor() -> float:
    """Seconds that one run takes at the least."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({f"m{each}": np.random.default_rng(each).random(STEPS) for each in range(METRICS)})
    began = time.perf_counter()
    for _ in range(_FLOOR_RUNS):
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", use_dictionary=False)
        pq.read_table(pa.BufferReader(sink.getvalue()))
    return (time.perf_counter() - began) / _FLOOR_RUNS


def points() -> None:
    """The history of the long run as an export writes it; prints seconds."""
    from apps.runs.formats.arrow import parquet
    from apps.runs.formats.columns import Source
    from apps.runs.history import store
    from apps.runs.models import Run
    from apps.runs.types import Stream
    from apps.vault.tree import keys_in_use

    run = Run.objects.latest("pk")
    with keys_in_use():
        began = time.perf_counter()
        found = store.rereadable(run, Stream.HISTORY)
        assert sum(map(len, parquet(Source(rows=found, columnar=found.columnar)))) > 1_000_000
        print(time.perf_counter() - began)


if __name__ == "__main__":
    words = sys.argv[1:]
    if words and not words[0].isdigit():
        import django

        django.setup()
        {"make": lambda: make(int(words[1])), "export": export, "points": points}[words[0]]()
    else:
        report("exports", measure(runs=int(words[0]) if words else RUNS))
