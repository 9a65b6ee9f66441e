"""What neptune-exporter leaves, as its own writer and schema wrote it (tests/imports/data/record_neptune.py)."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import OwnlogError, TooMuch
from apps.files.queries import list_files, read_file
from apps.imports.handed_in import advance, hand_in
from apps.imports.models import Import
from apps.imports.readers.neptune import apart, parts
from apps.imports.readers.neptune.parts import Point, in_order
from apps.imports.readers.neptune.reading import _moment
from apps.imports.readers.opening import open_file, open_reader
from apps.imports.readers.ownlog import tables
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Beat, Clash, ImportState, Origin, Reader
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.types import Stream
from apps.teams.models import Entity

pytestmark = pytest.mark.django_db
ZIP = Path(__file__).parent / "data/neptune.zip"
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


def imported(reader: Reader, into: Entity, by: User) -> Import:
    actor = Actor.person(by)
    with closing(reader):
        job = ask_for_import(into, reader, clash=Clash.SKIP, by=actor, whose_runs=actor)
        return bring(job, reader, by=actor)


def of_zip(_folder: Path) -> Reader:
    return open_reader(ZIP, Origin.NEPTUNE)


def of_folder(folder: Path) -> Reader:
    with zipfile.ZipFile(ZIP) as packed:
        packed.extractall(folder)
    return open_reader(folder / "exports", Origin.NEPTUNE)


@pytest.mark.parametrize("opened", [of_zip, of_folder])
def test_all_that_was_exported_is_there_wherever_it_lies(
    opened: Callable[[Path], Reader], tmp_path: Path, home: Entity, alice: User
) -> None:
    job = imported(opened(tmp_path), home, alice)

    assert (job.state, job.projects, job.runs) == (ImportState.DONE, 2, 3)
    assert job.left_out == 2  # a model, and a file that is not there
    projects = {open_project(each).name: each for each in Project.objects.filter(entity=home)}
    assert projects.keys() == {"vision 好き", "other"}
    runs = {open_run(each).head.display_name: each for each in Run.objects.all()}
    assert runs.keys() == {"first ✓", "half/steps", "of others"}
    _check_words(runs["first ✓"])
    _check_lines(runs["first ✓"])
    _check_files(runs["first ✓"])
    _check_fractions(runs["half/steps"])


def _check_words(run: Run) -> None:
    opened = open_run(run)
    head = opened.head
    assert (head.name, head.notes, list(head.tags), head.author) == (
        "RUN-1",
        "Some *words*.",
        ["a", "b"],
        "nina",
    )
    config = {name: each["value"] for name, each in json.loads(opened.config_text).items()}
    assert math.isnan(config.pop("params/nan"))
    assert config == {
        "params/lr": 1e-3, "params/layers": 2**62, "params/flag": True,
        "params/when": "2025-01-01T00:00:00+00:00", "params/set": ["x", "y"],
    }  # fmt: skip
    assert (run.created_at, run.state) == (BEGAN, "finished")
    assert run.finished_at == datetime(2025, 1, 1, 0, 4, 59, tzinfo=UTC)
    assert json.loads(opened.summary_text)["metrics/loss"] == 1 / 300


def _check_lines(run: Run) -> None:
    rows = list(store.rereadable(run, Stream.HISTORY)())
    assert [row["_step"] for row in rows] == list(range(300))
    assert [row["metrics/loss"] for row in rows] == [1 / (step + 1) for step in range(300)]
    assert rows[3]["_timestamp"] == BEGAN.timestamp() + 3
    assert math.isnan(rows[0]["metrics/odd"]) and rows[5]["metrics/odd"] == -math.inf
    assert (rows[1]["metrics/word"], rows[2]["metrics/word"]) == ("é", "two")
    assert rows[2]["weights"] == {"_type": "histogram", "bins": [0.0, 0.5, 1.0], "values": [3.0, 4.0]}
    assert not any(name.startswith(("monitoring", "runtime")) for row in rows for name in row)
    events = list(store.rereadable(run, Stream.EVENTS)())
    assert [
        (each["_timestamp"] - BEGAN.timestamp(), each["_runtime"], each["system.cpu"]) for each in events
    ] == [
        (2, 2, 12.5),
        (3, 3, 25.0),
    ]
    assert store.console(run, 0, 9) == [
        "2025-01-01T00:00:00+00:00 first line",
        "2025-01-01T00:00:01+00:00 second ✓",
        "ERROR 2025-01-01T00:00:00+00:00 wrong",
    ]


def _check_files(run: Run) -> None:
    assert {each.name: b"".join(read_file(each.file)) for each in list_files(run)} == {
        "model/weights.bin": b"weights",
        "source/a.txt": b"source/a.txt",
        "source/deep/b.txt": b"source/deep/b.txt",
        "drawn/0.5.txt": b"drawn/step_0_5.txt",
    }


def _check_fractions(run: Run) -> None:
    """They are no steps here: rows are counted in their order, and say what their step was."""
    rows = list(store.rereadable(run, Stream.HISTORY)())
    assert [(row["_step"], row["neptune/step"], row["loss"]) for row in rows] == [
        (0, 0.1, 1),
        (1, 0.25, 2),
        (2, 0.5, 3),
    ]
    assert open_run(run).head.name.startswith("half-steps-") and run.state == "failed"


def test_a_zip_that_is_handed_in_is_brought_by_a_worker(home: Entity, alice: User) -> None:
    job = hand_in(home, [ZIP.read_bytes()], clash=Clash.SKIP, by=Actor.person(alice), origin=Origin.NEPTUNE)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.origin, job.runs, job.archive) == (ImportState.DONE, "neptune", 3, None)


def test_series_that_are_too_many_to_hold_are_read_again_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parts, "_MOST_POINTS", 10)
    points = [Point(name, "float_series", step, step, 0.5) for name in "ab" for step in range(40)]
    reads: list[int] = []

    def read() -> Any:
        reads.append(1)
        return iter(points)

    assert [each.step for each in in_order(read, "step")] == sorted(each.step for each in points)
    assert 1 < len(reads) < 40
    with pytest.raises(TooMuch):
        list(in_order(lambda: iter(points[:1] * 11), "step"))
    monkeypatch.setattr(parts, "_MOST_PASSES", 3)
    with pytest.raises(TooMuch, match="More is said of a run"):
        list(in_order(read, "step"))


@pytest.mark.parametrize(("letters", "readings"), [(10_000, 100), (2**20, 0.02)])
def test_tables_open_to_so_many_letters_and_are_read_so_often(
    monkeypatch: pytest.MonkeyPatch, letters: int, readings: float
) -> None:
    """What they open to at once, and all readings of them taken together."""
    monkeypatch.setattr(tables, "_LARGEST_RATIO", 0)
    monkeypatch.setattr(tables, "_ALWAYS_ALLOWED", letters)
    monkeypatch.setattr(tables, "_MOST_READINGS", readings)
    with closing(open_reader(ZIP, Origin.NEPTUNE)) as reader, pytest.raises(TooMuch, match="far more than"):
        _read(reader)


def test_rows_that_nobody_asked_for_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of some bytes holds millions of them, and each is looked at."""
    monkeypatch.setattr(tables, "_ALWAYS_ALLOWED", 2**20)
    said = dict.fromkeys([*apart.VALUES.values(), "step", "timestamp"], pa.nulls(20_000))
    said |= {
        name: pa.array([name] * 20_000)
        for name in ("project_id", "run_id", "attribute_path", "attribute_type")
    }
    held = io.BytesIO()
    pq.write_table(pa.table(said), held, compression="zstd")
    opener = tables.Opener(0, Beat(), apart.__name__)

    with pytest.raises(TooMuch, match="far more than it is"):
        list(opener.lines(held, len(held.getvalue()), "r_part_0.parquet", b"int"))
    opener.close()


def _read(reader: Reader) -> None:
    for run in [run.read() for project in reader.projects() for run in project.runs()]:
        for _stretch in run.lines[Stream.HISTORY]():
            pass


def _changed(change: Callable[[dict[str, list[Any]]], object]) -> bytes:
    """The ZIP with another first part of its first run."""
    return _with_part(lambda table: _table(table, change))


def _table(table: pa.Table, change: Callable[[dict[str, list[Any]]], object]) -> bytes:
    columns = table.to_pydict()
    change(columns)
    held = io.BytesIO()
    pq.write_table(pa.Table.from_pydict(columns, schema=table.schema), held)
    return held.getvalue()


def _with_part(make: Callable[[pa.Table], bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(ZIP) as packed, zipfile.ZipFile(held, "w") as made:
        for name in packed.namelist():
            data = packed.read(name)
            is_it = "RUN-1" in name and name.endswith("_part_2.parquet")
            made.writestr(name, make(pq.read_table(io.BytesIO(data))) if is_it else data)
    return held.getvalue()


def _set(column: str, value: Any, kind: str) -> Callable[[dict[str, list[Any]]], object]:
    def change(columns: dict[str, list[Any]]) -> None:
        columns[column][columns["attribute_type"].index(kind)] = value

    return change


def _retyped(name: str, kind: pa.DataType) -> bytes:
    """The ZIP with one column of its first part of another kind, which has something to say in each row."""

    def change(table: pa.Table) -> bytes:
        held = io.BytesIO()
        column = pa.array(["1"] * table.num_rows).cast(kind)
        pq.write_table(table.set_column(table.schema.get_field_index(name), name, column), held)
        return held.getvalue()

    return _with_part(change)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "no Parquet": lambda: _with_part(lambda _table: b"PAR1 of another kind PAR1"),
    "a table of others": lambda: _with_part(lambda table: _table(table.select(["run_id"]), len)),
    "a series without a name": lambda: _changed(_set("attribute_path", None, "float_series")),
    "a name of very many letters": lambda: _changed(_set("attribute_path", "x" * 1025, "float_series")),
    "a step that is a text": lambda: _retyped("step", pa.string()),
    "numbers that are texts": lambda: _retyped("float_value", pa.string()),
    "histograms that are texts": lambda: _retyped("histogram_value", pa.string()),
    "texts that are numbers": lambda: _retyped("string_value", pa.float64()),
    "a file that leads out": lambda: _changed(_set("attribute_path", "../../etc/passwd", "file")),
    "a file that another field has": lambda: _changed(_set("file_value", {"path": "RUN-1/source/a.txt"}, "file")),
    "nothing of Neptune": lambda: _packed({"a.txt": b"a"}),
    "nothing in its table": lambda: _packed({"data/p/r_part_0.parquet": b""}),
}  # fmt: skip


def _packed(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return held.getvalue()


@pytest.mark.parametrize("what", HOSTILE)
def test_of_what_is_hostile_nothing_is_kept(what: str, home: Entity, alice: User) -> None:
    with pytest.raises(OwnlogError):
        imported(open_file(io.BytesIO(HOSTILE[what]()), Origin.NEPTUNE), home, alice)

    assert not Project.objects.filter(entity=home).exists()


def test_a_metric_that_is_called_as_the_step_does_not_stand_for_it(home: Entity, alice: User) -> None:
    def rename(columns: dict[str, list[Any]]) -> None:
        paths = columns["attribute_path"]
        paths[:] = ["_step" if each == "metrics/odd" else each for each in paths]

    imported(open_file(io.BytesIO(_changed(rename)), Origin.NEPTUNE), home, alice)

    runs = {open_run(each).head.display_name: each for each in Run.objects.all()}
    assert [row["_step"] for row in store.rereadable(runs["first ✓"], Stream.HISTORY)()] == list(range(300))


def test_a_moment_without_a_zone_is_one_of_utc() -> None:
    assert _moment({"sys/creation_time": "2025-01-01T00:00:00"}, "sys/creation_time") == BEGAN


def test_a_path_in_a_table_leads_to_what_lies_in_its_folder_alone(home: Entity, alice: User) -> None:
    changed = _changed(_set("file_value", {"path": "../../../exports/data/x"}, "file"))

    job = imported(open_file(io.BytesIO(changed), Origin.NEPTUNE), home, alice)

    assert job.left_out == 3


def test_a_run_of_which_a_part_is_missing_is_left_out(home: Entity, alice: User) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(ZIP) as packed, zipfile.ZipFile(held, "w") as made:
        for name in packed.namelist():
            if not ("RUN-1" in name and name.endswith("_part_1.parquet")):
                made.writestr(name, packed.read(name))

    job = imported(open_file(held, Origin.NEPTUNE), home, alice)

    assert (job.runs, job.left_out) == (2, 2)
