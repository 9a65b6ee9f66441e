"""How long a million points take as a table. Run by `make bench`."""

from __future__ import annotations

import io
import time

import pyarrow.parquet as pq
import pytest

from apps.accounts.models import User
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.types import Lines, Stream, StreamRequest
from tests.api.conftest import RUN, Ask
from tests.factories import work

POINTS, BATCH = 1_000_000, 100_000
PARQUET = "application/vnd.apache.parquet"


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_a_million_points_as_parquet(ask: Ask, vision: Project, alice: User) -> None:
    run = work.run(vision, "told", by=alice)
    for first in range(0, POINTS, BATCH):
        lines = [f'{{"_step":{n},"loss":{n / 7}}}' for n in range(first, first + BATCH)]
        store.append(run, StreamRequest(streams={Stream.HISTORY: Lines(first, lines)}))
    store.compact(run)

    ask("GET", f"{RUN}/history?samples=2", by="alice", Accept=PARQUET)  # what is imported at first use
    for query in ("", "?key=_step&key=loss", "?samples=1000"):
        began = time.perf_counter()
        body = ask("GET", f"{RUN}/history{query}", by="alice", Accept=PARQUET).body
        seconds = time.perf_counter() - began
        print(f"\nparquet{query}: {seconds:.2f} s, {len(body) / 1e6:.1f} MB", end="")
        assert pq.read_table(io.BytesIO(body)).num_rows == (1000 if "samples" in query else POINTS)
