from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from apps.accounts.actors import Actor
from apps.accounts.queries import names_of
from apps.artifacts.queries import versions_of_run, withheld_artifacts
from apps.artifacts.types import RunRole
from apps.core.errors import NotFound
from apps.exports.contents.places import project_folder, run_folder
from apps.exports.contents.texts import json_file, lines, moment, text_file
from apps.exports.names import Paths
from apps.exports.types import Content, LeftOut, Member, Tables
from apps.files.models import RunFile
from apps.files.queries import names_in_order, read_file, withheld_names
from apps.files.types import Withheld
from apps.runs.alerts import MOST_OF_A_RUN, alerts_of, count_alerts
from apps.runs.formats.arrow import parquet
from apps.runs.formats.columns import Reread, Source
from apps.runs.formats.text import csv_rows, ndjson
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import gone_or_back_soon, open_run
from apps.runs.types import HEAD_FIELDS, OpenRun, Stream
from apps.teams.queries import author_names

METADATA = "wandb-metadata.json"
_WRITERS: dict[Tables, Callable[[Reread], Iterator[bytes]]] = {
    Tables.PARQUET: parquet,
    Tables.CSV: csv_rows,
    Tables.JSONL: ndjson,
}
# Packed by their own formats: to try again makes them no smaller.
_PACKED = frozenset(
    [
        "7z",
        "avi",
        "bz2",
        "gif",
        "gz",
        "jpeg",
        "jpg",
        "lz4",
        "mkv",
        "mov",
        "mp3",
        "mp4",
        "npz",
        "ogg",
        "parquet",
        "png",
        "pt",
        "pth",
        "safetensors",
        "tgz",
        "webm",
        "webp",
        "whl",
        "xz",
        "zip",
        "zst",
    ]
)


def is_packed(name: str) -> bool:
    return name.rpartition(".")[2].lower() in _PACKED


def run_words(pk: int, tables: Tables, asker: Actor, planned: Sequence[tuple[int, int]]) -> Content:
    """What is said of a run, and its lines. Of its files those that lie in the archive: the rows from one to another."""
    run = _run(pk)
    if run is None:
        yield LeftOut("runs", "erased")
        return
    opened = open_run(run)
    above = run_folder(project_folder(run.project), run, opened.head.name)
    at = run.finished_at or run.heartbeat_at
    yield json_file(f"{above}/run.json", at, lambda: _said(opened, asker, planned))
    yield text_file(f"{above}/config.json", at, opened.config_text)
    yield text_file(f"{above}/summary.json", at, opened.summary_text)
    if count_alerts(run):
        yield json_file(f"{above}/alerts.json", at, lambda: _alerts(run))
    for stream, count in ((Stream.HISTORY, run.history_lines), (Stream.EVENTS, run.event_lines)):
        if count:
            path = f"{above}/{stream.value}.{tables.value}"
            yield Member(path, partial(_table, run, stream, tables), at, tables is Tables.PARQUET)
    if run.output_lines:
        yield Member(f"{above}/output.log", lambda: lines(_console(run)), at)
    for name in withheld_names(run, Withheld.CODE):
        yield LeftOut(f"{above}/files/{name}", "code saving was off: it was never stored")
    for name in withheld_names(run, Withheld.METADATA):
        yield LeftOut(f"{above}/files/{name}", "its owner keeps nothing of the machine: it was never stored")
    for name in withheld_artifacts(run):
        yield LeftOut(f"{above}: artifact {name}", "code saving was off: it was never stored")


def _alerts(run: Run) -> list[dict[str, Any]]:
    """What the script said by `run.alert()`, the newest first."""
    return [
        {
            "id": each.public_id,
            "level": each.level.value,
            "title": each.title,
            "text": each.text,
            "raised_at": moment(each.raised_at),
            "repeats": each.repeats,
            "last_at": moment(each.last_at),
        }
        for each in alerts_of(run, most=MOST_OF_A_RUN)
    ]


def run_files(pk: int, first: int, last: int) -> Content:
    """A run's files with these rows, under their names."""
    run = _run(pk)
    if run is None:
        yield LeftOut("runs", "erased")
        return
    above = run_folder(project_folder(run.project), run, open_run(run).head.name)
    paths = _paths(run, until=last)
    rows = RunFile.objects.filter(run=run, blob__isnull=False, pk__gte=first, pk__lte=last).order_by("pk")
    for file, at in list(rows.values_list("pk", "updated_at")):
        name, path = paths[file]
        if name == METADATA:
            yield Member(f"{above}/metadata.json", partial(_bytes, run, file), at)
        yield Member(f"{above}/files/{path}", partial(_bytes, run, file), at, is_packed(name))


def _run(pk: int) -> Run | None:
    """None for one that was erased; Unavailable while only a part of it is, or it gets another key: asked again it is there."""
    run = Run.everything.select_related("project__entity").filter(pk=pk, project__erased_at=None).first()
    if run is not None and run.is_back_soon:
        raise gone_or_back_soon(pk)
    return run if run is not None and run.erased_at is None else None


def _bytes(run: Run, pk: int) -> Iterator[bytes]:
    """Of the file as it is now: one that is still written to has other bytes than when it was listed."""
    file = RunFile.objects.select_related("blob").filter(run=run, pk=pk).first()
    if file is None:
        raise NotFound("This file is gone.")
    file.run = run
    return read_file(file)


def _paths(run: Run, *, until: int) -> dict[int, tuple[str, str]]:
    """The name and the path of each file, by row. Files that came later change nothing of those before."""
    paths = Paths()
    return {each.id: (each.name, paths.give(each.name)) for each in names_in_order(run, until=until)}


def _table(run: Run, stream: Stream, tables: Tables) -> Iterator[bytes]:
    found = store.rereadable(run, stream)
    return _WRITERS[tables](Source(rows=found, columnar=found.columnar))


def _console(run: Run) -> Iterator[str]:
    for _first, stretch in store.console_stretches(run):
        yield from stretch


def _maker(run: Run, asker: Actor) -> str | None:
    """Who added it, where the asker is told. On the machine everybody is."""
    ids = [run.created_by_id]
    names = names_of(ids) if asker.is_at_the_machine else author_names(asker, ids)
    return names.get(run.created_by_id or 0)


def _said(opened: OpenRun, asker: Actor, planned: Sequence[tuple[int, int]]) -> dict[str, Any]:
    run, head = opened.run, opened.head
    adder = _maker(run, asker)
    return {
        "id": head.name,
        "public_id": run.public_id,
        "number": run.number,
        **{field: getattr(head, field) for field in HEAD_FIELDS},
        "dropped": head.dropped,
        "state": run.state,
        "exit_code": run.exit_code,
        "created_at": moment(run.created_at),
        "heartbeat_at": moment(run.heartbeat_at),
        "finished_at": moment(run.finished_at),
        "created_by": head.author or adder,
        **({"imported_by": adder} if head.author else {}),
        "lines": {"history": run.history_lines, "events": run.event_lines, "output": run.output_lines},
        "artifacts": {
            role.value: [
                {"type": each.collection.type_name, "name": each.name, "id": each.version.public_id}
                for each in versions_of_run(asker, run, role)
            ]
            for role in RunRole
        },
        "files": list(_files(run, planned)),
    }


def _files(run: Run, planned: Sequence[tuple[int, int]]) -> Iterator[dict[str, Any]]:
    """The moments besides: ZIP has them to two seconds."""
    rows = RunFile.objects.filter(run=run, blob__isnull=False)
    moments = {pk: found for pk, *found in rows.values_list("pk", "created_at", "updated_at")}
    for row, (name, path) in _paths(run, until=max((last for _, last in planned), default=0)).items():
        if any(first <= row <= last for first, last in planned):
            created, updated = moments.get(row, (None, None))
            yield {
                "name": name,
                "path": f"files/{path}",
                "created_at": moment(created),
                "updated_at": moment(updated),
            }
