"""Writes what tests/imports/test_tensorboard.py reads, by TensorBoard's own writer and summaries: `python record_tensorboard.py FOLDER` with
tensorboard 2.21 installed. It leaves `tensorboard.zip`. The moments are ours: its writer takes the event as it is."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-not-found]
from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-not-found]
from tensorboard.plugins.histogram.summary_v2 import histogram_pb  # type: ignore[import-not-found]
from tensorboard.plugins.scalar.summary_v2 import scalar_pb  # type: ignore[import-not-found]
from tensorboard.plugins.text.summary_v2 import text_pb  # type: ignore[import-not-found]
from tensorboard.summary.writer.event_file_writer import EventFileWriter  # type: ignore[import-not-found]

BEGAN = 1_700_000_000.0


def write(folder: Path, summaries: list[tuple[int, Summary]]) -> None:
    writer = EventFileWriter(str(folder))
    for number, (step, summary) in enumerate(summaries):
        writer.add_event(Event(wall_time=BEGAN + number, step=step, summary=summary))
    writer.close()


def old(tag: str, value: float) -> Summary:
    """As TensorFlow 1 and PyTorch write a number."""
    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def main(top: Path) -> None:
    values = [1.0, 0.5, math.nan, math.inf, -math.inf, 1e-30]
    kinds = ((scalar_pb, "new"), (old, "old"))
    both = [(step, made(tag, value)) for step, value in enumerate(values) for made, tag in kinds]
    others = [(6, histogram_pb("drawn", np.arange(100.0))), (6, text_pb("said", "好き"))]
    write(top / "train", [*both, *others, (2**40, scalar_pb("new", 7.0)), (3, scalar_pb("損失/é", 0.25))])
    write(top / "eval" / "best 好き", [(-1, old("loss", 2.0)), (5, old("loss", 3.0))])
    shutil.make_archive(str(top.parent / "tensorboard"), "zip", top.parent, top.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) / "logs")
