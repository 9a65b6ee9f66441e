"""A run with something of everything, and all that a reader can have of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.code_saving.credentials import Detector
from apps.core.privacy import declared
from apps.files.models import RunFile
from apps.files.queries import list_files, read_file, withheld_names
from apps.files.services import announce_files, store_file
from apps.leaks import services as leaks
from apps.leaks.notes import note
from apps.leaks.queries import findings_of
from apps.leaks.types import Place, Spot
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run, Segment
from apps.runs.parts import PartKind, RunPart
from apps.runs.queries import open_run
from apps.runs.services import finish_run
from apps.runs.types import Lines, RunState, Stream, StreamRequest
from tests.factories import work

LOSS = RunPart(PartKind.METRIC, "loss")
CONFIG = {
    "lr": {"value": 0.125, "desc": None},
    "model": {"value": {"layers": 3, "name": "small"}},
    "_wandb": {"value": {"m": [{"1": "loss", "7": [1]}, {"1": "acc", "5": 1}]}},
}
SUMMARY = '{"loss":9.75,"acc":1,"big":1180591620717411303424,"nan":NaN,"_step":11}'


def image(step: int, place: int = 0) -> str:
    return f"media/images/pics_{step}_{place}.png"


def row(step: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "_step": step,
        "loss": step + 0.25,
        "acc": step,
        "deep": {"loss": 1, "other": "x"},
    }
    if step % 4 == 0:
        found["pics"] = {
            "_type": "images/separated",
            "filenames": [image(step, 0), image(step, 1)],
            "captions": ["first of them", "second of them"],
            "count": 2,
        }
    return found


def log(run: Run, first: int, count: int, *, writer: str = "") -> None:
    lines = [json.dumps(row(first + n)) for n in range(count)]
    events = [json.dumps({"system.cpu": first + n, "system.gpu": 1}) for n in range(count)]
    streams = {
        Stream.HISTORY: Lines(first, lines),
        Stream.EVENTS: Lines(first, events),
        Stream.OUTPUT: Lines(first, [f"said {first + n}" for n in range(count)]),
    }
    store.append(run, StreamRequest(streams=streams, writer=writer))


def put(run: Run, name: str, data: bytes) -> RunFile:
    (announced,) = announce_files(run, [name])
    assert announced.file is not None
    return store_file(announced.file, io.BytesIO(data))


def rich_run(project: Project, *, by: User) -> Run:
    """A run that has ended, with lines in two files and lines as they came, media, notes of others and a finding."""
    run = work.run(
        project, "rich", by=by, config_text=json.dumps(CONFIG), summary_text=SUMMARY, notes="noted"
    )
    for first in (0, 4):
        log(run, first, 4)
        store.compact(run)
    log(run, 8, 4)
    for step in (0, 4, 8):
        for place in (0, 1):
            put(run, image(step, place), f"{step} {place}".encode())
    put(run, "out/a.txt", b"out")
    put(run, "wandb-summary.json", SUMMARY.encode())
    put(run, "config.yaml", b"lr:\n  value: 0.125\n")
    announce_files(run, ["code/main.py"])
    note(run, [Spot(Place.CONFIG, Detector.PRIVATE_KEY, path=("lr",))])
    run.refresh_from_db()
    assert leaks.scan(run)
    finish_run(run, state=RunState.FINISHED, by=Actor.person(by))
    run.refresh_from_db()
    return run


def fresh(run: Run) -> Run:
    return Run.objects.select_related("project__entity").get(pk=run.pk)


def everything(run: Run) -> dict[str, Any]:
    """All that a reader can have of a run."""
    run = fresh(run)
    opened = open_run(run)
    return {
        "history": list(store.scan(run, Stream.HISTORY)),
        "events": list(store.scan(run, Stream.EVENTS)),
        "console": store.console(run, 0, 100),
        "config": opened.config_text,
        "summary": opened.summary_text,
        "head": opened.head,
        "files": {each.name: b"".join(read_file(each.file)) for each in list_files(run)},
        "digests": {each.name: (each.md5_base64, each.sha256_hex) for each in list_files(run)},
        "withheld": withheld_names(run),
        "keys": store.key_list(run),
        "acc": store.sample_metric(run, "acc", 100),
        "findings": [each.spot for each in findings_of(run)],
        "state": (run.state, run.exit_code, run.finished_at, run.history_lines, run.output_lines),
    }


def without_loss(before: dict[str, Any]) -> dict[str, Any]:
    after = dict(before)
    after["history"] = [
        {key: value for key, value in each.items() if key != "loss"} for each in before["history"]
    ]
    after["summary"] = SUMMARY.replace('"loss":9.75,', "")
    config = json.loads(before["config"])
    config["_wandb"]["value"]["m"][0] = {}
    after["config"] = json.dumps(config, separators=(",", ":"))
    gone = {"wandb-summary.json", "config.yaml"}
    for name in ("files", "digests"):
        after[name] = {key: value for key, value in before[name].items() if key not in gone}
    keys = {key: value for key, value in before["keys"]["keys"].items() if key != "loss"}
    after["keys"] = before["keys"] | {"keys": keys}
    return after


def history_of(run: Run) -> list[Segment]:
    rows = Segment.objects.filter(run=run, stream=Stream.HISTORY.value)
    return list(rows.select_related("blob").order_by("pk"))


def sealed_of(thing: Any) -> Iterator[tuple[str, Any]]:
    return (
        (name, getattr(thing, name))
        for name in declared()[type(thing)].sealed
        if (name.startswith("sealed_") or name == "payload") and getattr(thing, name)
    )


def left_of(logged: dict[str, Any], part: RunPart) -> dict[str, Any]:
    left: dict[str, Any] = json.loads(json.dumps(logged))
    if part.kind is PartKind.METRIC and part.name == "deep.loss":
        del left["deep"]["loss"]
    elif part.kind is PartKind.METRIC:
        left.pop(part.name, None)
    elif part.kind is PartKind.MEDIA and part.name in left.get("pics", {}).get("filenames", ()):
        del left["pics"]
    return left
