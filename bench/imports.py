"""The archive of a project of 5 000 runs of 1 000 steps with 10 metrics and a file each, handed in and brought.

`python -m bench.imports [RUNS]` measures and prints; making the runs takes longer than bringing them. The floor is the bare work for
as many runs: a Parquet file of such a history read, and its rows written as the lines that a client sends. The same archive is then
handed in over HTTP and brought once more beside another tenant.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.exports import METRICS, RUNS, STEPS
from bench.figures import Figure, most_memory_here, share
from bench.report import report
from bench.server import prepared
from bench.tenant import BEFORE, OTHERS_KEY, Tenant
from tests.live import API_KEY, LiveServer

_FLOOR_RUNS = 50
_LONGEST = 3_600


def measure(world: object = None, *, runs: int = RUNS) -> list[Figure]:
    """5 000 runs x 1 000 steps x 10 doubles with a file of 20 kB each: from the first byte that is handed in until everything is seen, by one worker; and once more beside another tenant who reads a run over and over while a worker brings it, whose p99 has the one before as its floor. The floor: as many Parquet files of such a history read, and their rows written as JSON lines."""
    with prepared("sqlite") as server:
        server.account("alice")
        server.python("-m", "bench.exports", "make", str(runs), timeout=_LONGEST)
        server.python("-m", "bench.exports", "export", timeout=_LONGEST)
        told = json.loads(server.python("-m", "bench.imports", "bring", timeout=_LONGEST).splitlines()[-1])
        before, meanwhile = _beside(server, runs)
    of = f"import of {runs} runs"
    assert told["runs"] == runs, told
    return [
        Figure(of, told["seconds"], "s", told["floor"] * runs, 360.0 * runs / RUNS),
        Figure(f"{of}, handing in", told["handing_in"], "s"),
        Figure(f"{of}, memory of the worker", told["mib"], "MiB", limit=400.0),
        Figure("p99 of another tenant while a worker imports", meanwhile, "ms", before, before * 1.3),
    ]


def _beside(server: LiveServer, runs: int) -> tuple[float, float]:
    """The p99 of another tenant's reading, in milliseconds: before, and while a worker brings the same archive once more."""
    archive = server.folder / "export.zip"
    server.python("-m", "bench.imports", "write", str(archive), timeout=_LONGEST)
    server.account("other", key=OTHERS_KEY)
    server.start()
    try:
        other, owner = Tenant(server, OTHERS_KEY), Tenant(server, API_KEY)
        other.makes_a_run()
        before = share(other.reads(lambda asked: asked < BEFORE), 99)
        with archive.open("rb") as source:
            place = {"entity": "alice", "on_clash": "rename"}
            answer = owner.session.post(f"{owner.url}/imports", params=place, data=source, timeout=_LONGEST)
        answer.raise_for_status()
        job = f"imports/{answer.json()['id']}"
        meanwhile, state = other.reads_while(owner, job)
        told = owner.ask("GET", job).json()
        assert (state, told["runs"]) == ("done", runs), told
        return before, meanwhile
    finally:
        server.stop()


# ── Inside the instance's environment ──


def write(path: str) -> None:
    """The archive, as whoever hands it in has it."""
    from apps.exports.models import Export
    from apps.exports.queries import read_archive
    from apps.vault.tree import keys_in_use

    with keys_in_use(), Path(path).open("wb") as archive:
        archive.writelines(read_archive(Export.objects.latest("pk")))


def bring() -> None:
    """Into the same instance, under another name; prints seconds and memory."""
    from apps.accounts.actors import Actor
    from apps.exports.models import Export
    from apps.exports.queries import read_archive
    from apps.imports.handed_in import advance, hand_in
    from apps.imports.types import Clash, ImportState
    from apps.vault.tree import keys_in_use

    export = Export.objects.select_related("entity__user").latest("pk")
    entity = export.entity
    assert entity.user is not None
    began = time.perf_counter()
    with keys_in_use():
        job = hand_in(entity, read_archive(export), clash=Clash.RENAME, by=Actor.person(entity.user))
    handed_in = time.perf_counter() - began
    while job.state in (ImportState.QUEUED, ImportState.RUNNING):
        advance(job.pk)
        job.refresh_from_db()
    took = time.perf_counter() - began
    mib = most_memory_here()
    told = {"seconds": took, "handing_in": handed_in, "mib": mib, "runs": job.runs, "floor": _floor()}
    print(json.dumps(told))


def _floor() -> float:
    """Seconds that one run takes at the least."""
    import numpy as np
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({f"m{each}": np.random.default_rng(each).random(STEPS) for each in range(METRICS)})
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    began = time.perf_counter()
    for _ in range(_FLOOR_RUNS):
        # By this thread alone: Arrow's own call Python to read such a file, and one that does so while Python ends aborts the process.
        kept = pq.ParquetFile(io.BytesIO(sink.getvalue()), pre_buffer=False)
        for row in kept.read(use_threads=False).to_pylist():
            orjson.dumps(row)
    return (time.perf_counter() - began) / _FLOOR_RUNS


if __name__ == "__main__":
    words = sys.argv[1:]
    if words and not words[0].isdigit():
        import django

        django.setup()
        acts: dict[str, Callable[..., None]] = {"bring": bring, "write": write}
        acts[words[0]](*words[1:])
    else:
        report("imports", measure(runs=int(words[0]) if words else RUNS))
