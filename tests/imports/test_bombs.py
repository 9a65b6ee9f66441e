"""Archives that are small and open to far more than anybody has memory for: refused in words, and the worker has hardly grown."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import textwrap
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from apps.core.errors import TooMuch
from apps.imports.errors import Broken
from apps.imports.readers.mlflow import folders as mlflow
from apps.imports.readers.naming import project_names
from apps.imports.readers.opening import open_reader
from apps.imports.readers.ownlog import tables
from apps.imports.readers.ownlog.apart import _rows
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.ownlog.reading import _version_of
from apps.imports.readers.ownlog.tables import Tables
from apps.imports.readers.tensorboard import reading as tensorboard
from apps.imports.readers.tensorboard.events import _masked, events
from apps.imports.readers.tensorboard.reading import TensorBoardReader
from apps.imports.readers.trees import FolderTree
from apps.imports.readers.wandb_offline import folders
from apps.imports.readers.wandb_offline.folders import Folder
from apps.imports.readers.wandb_offline.records import console_lines, row
from apps.imports.readers.wandb_offline.wire import Message
from apps.imports.types import Beat, Origin
from apps.runs.formats.arrow import parquet
from apps.runs.formats.columns import batches
from tests.imports.conftest import listing, zipped
from tests.imports.test_tensorboard import scalar

ROOT = Path(__file__).parents[2]
ROOM = 72 * 2**20


def written(columns: dict[str, Any], **how: Any) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table(columns), held, compression="zstd", **how)
    return held.getvalue()


def packed(table: bytes) -> bytes:
    return zipped(listing({"h.parquet": table}, format="ownlog-export/1"))


def read(archive: bytes) -> Iterator[Any]:
    opened = Tables(Archive(io.BytesIO(archive)))
    try:
        for stretch in opened.rows("h"):
            yield from map(json.loads, stretch)
    finally:
        opened.close()


# ── Parquet ──


def one_text_in_every_row() -> bytes:
    """A dictionary of one word, and some hundred rows that say it."""
    row = pa.DictionaryArray.from_arrays(pa.array([0] * 256, pa.int32()), pa.array(["x" * 2**20]))
    return written({"text": row}, store_schema=False)


def one_text_that_is_all() -> bytes:
    size = ROOM + 2**23
    ends = pa.py_buffer(struct.pack("<qq", 0, size))
    text = pa.LargeStringArray.from_buffers(1, ends, pa.py_buffer(b"x" * size))
    return written({"text": text}, use_dictionary=False, write_statistics=False)


def json_of_nothing() -> bytes:
    field = pa.field("text", pa.large_string(), metadata={b"ownlog.json": b"1"})
    held = io.BytesIO()
    pq.write_table(pa.table([["[" + "[]," * 3_000_000 + "[]]"]], schema=pa.schema([field])), held)
    return held.getvalue()


# ── ZIP ──

END, LOCATOR, END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")


def entries(count: int) -> bytes:
    return (b"PK\1\2" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"x") * count


def many_names_that_are_said_to_be_one() -> bytes:
    listed = entries(500_001)
    return listed + END.pack(b"PK\5\6", 0, 0, 1, 1, len(listed), 0, 0)


def two_ends_of_which_one_is_harmless() -> bytes:
    harmless = END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 47, 0)
    listed = entries(500_001)
    read = END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, 500_001, 500_001, len(listed), len(harmless))
    ends = END.pack(b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return harmless + listed + read + LOCATOR.pack(b"PK\6\7", 0, 0, 1) + ends


# ── MLflow ──


def a_run_of_many_metrics() -> bytes:
    files = {"m/0/meta.yaml": b"experiment_id: '0'\nname: e\n"}
    files["m/0/r/meta.yaml"] = b"run_id: r\nstart_time: 1700000000000\n"
    points = b"".join(b"1700000000000 0.5 %d %s\n" % (step, b"of" * 15_000) for step in range(3))
    files |= {f"m/0/r/metrics/{n}": points for n in range(1_100)}
    return zipped(files)


ROOMLESS = "TooMuch: A table of this archive takes more memory than any history may: h.parquet."
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "one text in every row": (lambda: packed(one_text_in_every_row()), ROOMLESS),
    "one text that is all": (lambda: packed(one_text_that_is_all()), ROOMLESS),
    "json of nothing": (lambda: packed(json_of_nothing()), ROOMLESS),
    "mlflow": (a_run_of_many_metrics, "3 rows"),
    "many names": (
        many_names_that_are_said_to_be_one,
        "TooMuch: An archive of at most 500000 files can be imported.",
    ),
    "two ends": (two_ends_of_which_one_is_harmless, "Broken: This is not a ZIP archive, or it is not whole."),
}


_READ = """
import django, sys
from contextlib import closing
from pathlib import Path
django.setup()
from apps.core.errors import OwnlogError
from apps.imports.readers.naming import project_names
from apps.imports.readers.opening import open_reader
from apps.imports.readers.ownlog import tables
from apps.imports.readers.ownlog.apart import _rows
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.opening import open_file
from apps.imports.types import Beat, Origin
tables._ROOM = int(sys.argv[2])
def rows(reader):
    runs = (each.read() for project in reader.projects() for each in project.runs())
    return sum(len(each) for run in runs for lines in run.lines.values() for each in lines())
def refused(path):
    if path.name == "mlflow":
        with closing(open_file(path.open("rb"), Origin.MLFLOW)) as reader:
            return f"{rows(reader)} rows"
    with path.open("rb") as file:
        try:
            with closing(tables.Tables(Archive(file))) as opened:
                for stretch in opened.rows("h"):
                    pass
        except OwnlogError as error:
            return f"{type(error).__name__}: {error}"
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
before = peak()
for path in sorted(Path(sys.argv[1]).iterdir()):
    print(path.name, refused(path), sep="|")
print(peak() - before)
"""


def test_archives_that_open_to_more_than_there_is_room_for(tmp_path: Path) -> None:
    """Tables each in a process of its own, which may have no more; the one that asked for it has not grown."""
    for name, (make, _words) in BOMBS.items():
        (tmp_path / name).write_bytes(make())

    done = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path), str(ROOM)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    *said, grown = done.stdout.splitlines()
    assert said == [f"{name}|{words}" for name, (_make, words) in sorted(BOMBS.items())]
    assert int(grown) < 128 * 1024


def test_long_texts_of_an_honest_run_are_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that repeat take next to nothing in the file, and all of it once they are read. An eighth of the room is enough."""
    monkeypatch.setattr(tables, "_ROOM", 128 * 2**20)
    again, last = "好き " * 50_000, "é" * 5_000_000
    rows = [{"_step": n, "again": again, "other": f"{n}" * 1000} for n in range(400)]
    rows.append({"_step": 400, "again": last, "none": None})
    archive = packed(b"".join(parquet(lambda: iter(rows))))

    came = read(archive)

    for n, one in enumerate(came):
        assert one | {"none": None} == rows[n] | {"none": None}
    assert n == 400


def test_rows_of_long_texts_are_few_at_a_time_while_they_are_exported() -> None:
    text = "x" * 2**20
    for long in ({"a": text}, {"a": {"b": [text]}}, {"a": [0.5] * 2**17}):
        sizes = [len(each) for each in batches(iter([long] * 100), 1000)]
        assert max(sizes) <= 33 and sum(sizes) == 100
    assert [len(each) for each in batches(iter([{"a": 1.5}] * 100), 40)] == [40, 40, 20]


@pytest.mark.parametrize("place", range(0, 240, 30))
def test_a_table_whose_head_lies(place: int) -> None:
    """Bytes of what it says of itself, one after another, are the largest that there are."""
    table = written({"_step": list(range(100)), "text": [f"{n}" for n in range(100)]})
    (size,) = struct.unpack("<I", table[-8:-4])
    at = len(table) - 8 - size + place
    table = table[:at] + b"\xff" * 3 + table[at + 3 :]

    with suppress(Broken, TooMuch):
        assert len(list(read(packed(table)))) <= 100


def test_a_table_that_goes_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_ALWAYS_ALLOWED", 10 * 2**20)
    table = written({"text": pa.array(["x" * 1000]).take(pa.array([0] * 100_000))}, row_group_size=1000)

    with pytest.raises(TooMuch, match="far more than it is"):
        for _row in read(packed(table)):
            pass


SPINNING = "tests.imports.spinning"


def test_a_table_that_is_reckoned_at_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_MOST_SECONDS", 0)
    table = written({"n": [1]})
    spinning = tables.Apart(SPINNING, Beat())
    lines = spinning.lines(io.BytesIO(table), len(table), "h.parquet", b"")

    assert len(next(lines)) == 2**20
    with pytest.raises(TooMuch, match="takes longer to read than any history may"):
        next(lines)
    spinning.end()


def test_tables_each_of_which_is_reckoned_at_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """None for longer than it may, and all of them taken together for hours."""
    monkeypatch.setattr(tables, "_MOST_SECONDS", 1)
    monkeypatch.setattr(tables, "_BETWEEN_LOOKS", 0)
    table = written({"n": [1]})
    opener = tables.Opener(len(table), Beat(), SPINNING)
    came = (list(opener.lines(io.BytesIO(table), len(table), f"{n}.parquet", b"0.2")) for n in range(9))

    next(came)
    with pytest.raises(TooMuch, match="than all of them together may"):
        sum(map(len, came))
    opener.close()


def test_what_reads_tables_ends_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "h.parquet"
    path.write_bytes(written({"n": [1]}))
    code = f"""
        import subprocess, sys
        from pathlib import Path
        from apps.imports.readers.ownlog.apart import BYTES, FRAME, LINES, TABLE, WHERE
        data = Path("{path}").read_bytes()
        asked = [sys.executable, "-m", "{SPINNING}", str(2**30), "600"]
        reading = subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        reading.stdin.write(FRAME.pack(TABLE, len(data)) + WHERE.pack(0))
        while (head := FRAME.unpack(reading.stdout.read(FRAME.size)))[0] == BYTES:
            at = WHERE.unpack(reading.stdout.read(WHERE.size))[0]
            reading.stdin.write(data[at : at + head[1]])
        assert head[0] == LINES
        print(reading.pid, flush=True)
        input()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        reading = Path(f"/proc/{int(worker.stdout.readline())}/stat")
        assert _is_running(reading)

        worker.kill()
        worker.wait()

    ends = time.monotonic() + 20
    while _is_running(reading) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not _is_running(reading)


def _is_running(stat: Path) -> bool:
    """Neither gone nor waiting for somebody to ask how it ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_table_of_many_columns_is_read_in_time_that_grows_as_they_do() -> None:
    table = written({f"metric/{n}": [0.5] for n in range(8_000)})
    opened = pq.ParquetFile(io.BytesIO(table))
    begun = time.process_time()

    (line,) = _rows(opened, b"")

    assert len(json.loads(line)) == 8_000
    assert time.process_time() - begun < 2


def a_name_that_is_no_text(data: bytes) -> bytes:
    at = data.rindex(b"h.parquet") - 46
    return data[: at + 8] + struct.pack("<H", 0x800) + data[at + 10 : at + 46] + b"\xff" + data[at + 47 :]


def bytes_that_are_others(data: bytes) -> bytes:
    """What is not packed says that it is longer than it is: what follows would be read for it."""
    at = data.rindex(b"h.parquet") - 46
    return data[: at + 24] + struct.pack("<L", 4096) + data[at + 28 :]


@pytest.mark.parametrize("change", [a_name_that_is_no_text, bytes_that_are_others])
def test_a_directory_that_lies(change: Callable[[bytes], bytes]) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for name, data in listing({"h.parquet": b"x" * 100}, format="ownlog-export/1").items():
            made.writestr(name, data)
    Archive(held)

    with pytest.raises(Broken):
        Archive(io.BytesIO(change(held.getvalue())))


YAML: dict[str, bytes] = {
    "a word that stands for another": b"a: &a x\nexperiment_id: *a\n",
    "words that stand for many": b"a: &a [x,x]\nb: &b [*a,*a]\nexperiment_id: [*b,*b]\n",
    "lists in lists": b"experiment_id: '0'\nname: " + b"[" * 50_000 + b"]" * 50_000,
    "a number to the base of sixty": b"experiment_id: '0'\nx: 1" + b":59" * 60_000,
    "an object": b"experiment_id: !!binary aGVsbG8=\n",
    "very many values": b"experiment_id: '0'\nx: [" + b"1," * 60_000 + b"]",
    "no text": b"\xff\xfe\xff",
}


@pytest.mark.parametrize("name", YAML)
def test_yaml_is_as_plain_as_mlflow_writes_it(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow, "_MOST_META", 256 * 1024)
    (tmp_path / "0").mkdir()
    (tmp_path / "0/meta.yaml").write_bytes(YAML[name])
    begun = time.process_time()

    with pytest.raises(Broken, match="cannot be read"):
        open_reader(tmp_path, Origin.MLFLOW)

    assert time.process_time() - begun < 1


def test_what_is_said_of_all_runs_of_a_store_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"": "experiment_id: '0'\n", **{f"r{n}": f"run_id: r{n}\nmore: {'x' * 900}\n" for n in range(30)}}
    for name, text in said.items():
        (tmp_path / "0" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "0" / name / "meta.yaml").write_text(text)

    (runs,) = mlflow.FolderStore(FolderTree(tmp_path))._runs.values()
    assert [each.said.raw for each in runs[:1]] == [{"run_id": "r0"}]
    monkeypatch.setattr(mlflow, "_MOST_SAID", 20_000)
    with pytest.raises(TooMuch, match="More is said"):
        open_reader(tmp_path, Origin.MLFLOW)
    (tmp_path / "0/meta.yaml").write_text(said[""] + f"name: '{'x' * 2**14}'\n")
    monkeypatch.undo()
    with pytest.raises(TooMuch, match="larger than"):
        open_reader(tmp_path, Origin.MLFLOW)
    (tmp_path / "0/meta.yaml").write_text(said[""] + f"name: [{'{},' * 4_000}]\n")
    with pytest.raises(Broken, match="cannot be read"):
        open_reader(tmp_path, Origin.MLFLOW)


def test_thousands_of_one_name_are_told_apart_in_time() -> None:
    begun = time.process_time()

    names = project_names(["same"] * 5_000 + ["same-7", "other"])

    assert names[:3] == ["same", "same-2", "same-3"] and names[-1] == "other"
    assert len(set(names)) == len(names)
    assert time.process_time() - begun < 1


# ── offline runs and event files ──


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found, value = found + bytes([value & 0x7F | 0x80]), value >> 7
    return found + bytes([value])


def offline_log(records: list[bytes]) -> bytes:
    """As the client writes it, as many as its first block holds."""
    data = struct.pack("<4sHB", b":W&B", 0xBEE1, 0)
    for each in records:
        head = struct.pack("<IHB", zlib.crc32(each, zlib.crc32(b"\1")), len(each), 1)
        data += head + each
    assert len(data) <= 2**15
    return data


def said(name: str) -> bytes:
    """That one value of the summary has changed."""
    return field(3, field(1, field(1, name.encode()) + field(16, b'"' + b"x" * 900 + b'"')))


def test_what_is_said_of_an_offline_run_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "_MOST_SAID", 15_000)
    monkeypatch.setattr(folders, "_LOOKED_AT", 5_000)
    path = tmp_path / "run-a.wandb"
    run = field(17, field(1, b"a"))

    path.write_bytes(offline_log([run, *[said("same")] * 30]))
    assert len(Folder.read(tmp_path, path).summary) == 1
    path.write_bytes(offline_log([run, *(said(f"{n}") for n in range(30))]))
    with pytest.raises(TooMuch, match="More is said"):
        Folder.read(tmp_path, path)


def printed(text: str) -> Message:
    return Message(field(3, text.encode()))


def test_a_line_that_never_ends_is_refused_and_one_that_is_written_over_is_not() -> None:
    begun = time.process_time()

    bar = [printed(f"\r{n} of many" + " " * 500) for n in range(25_000)]
    (line,) = console_lines(iter(bar))
    assert line.split()[-3:] == ["24999", "of", "many"]
    (one, two) = console_lines(iter(map(printed, ["a\r", "", "b\r", "\r", "\nc", "d\re\r"])))
    assert (one.split()[-1], two.split()[-1]) == ("b", "e")
    with pytest.raises(Broken, match="longer than 10 MiB"):
        list(console_lines(printed("x" * 500) for _n in range(25_000)))
    assert time.process_time() - begun < 4


def test_records_of_very_many_fields_or_levels_are_refused() -> None:
    with pytest.raises(Broken):
        Message(b"\x08\x01" * 500_001).bytes_of(1)
    with pytest.raises(Broken, match="too deep"):
        row(Message(field(1, field(2, b"a") * 101 + field(16, b"1"))))
    with pytest.raises(TooMuch):
        row(Message(field(1, field(1, b"a") + field(16, b"[" + b"1," * 4_000_000 + b"1]"))))


def test_what_is_no_number_in_an_event_file_is_passed_over(tmp_path: Path) -> None:
    """An image of many megabytes, whatever is in it; a length that lies is damage."""
    image = b"\x09" + struct.pack("<d", 1_700_000_000.0) + bytes(17 * 2**20)
    head = struct.pack("<Q", len(image))
    whole = head + struct.pack("<L", _masked(head)) + image + bytes(4)
    path = tmp_path / "a.tfevents.1"
    path.write_bytes(whole + scalar(1_700_000_001.0, 1, "loss", 0.5))
    begun = time.process_time()

    one, two = events(path)

    assert (one.at, one.others, one.numbers) == (1_700_000_000.0, 1, {})
    assert two.numbers == {"loss": 0.5}
    assert time.process_time() - begun < 1
    head = struct.pack("<Q", 2**63)
    path.write_bytes(head + struct.pack("<L", _masked(head)) + b"x")
    with pytest.raises(Broken):
        list(events(path))


def test_an_event_file_of_very_many_names_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "_MOST_TAGS", 3)
    path = tmp_path / "a.tfevents.1"
    path.write_bytes(b"".join(scalar(1.0, 1, f"{n}", 0.5) for n in range(4)))

    with pytest.raises(TooMuch, match="More is said"):
        TensorBoardReader(tmp_path)


def test_versions_are_not_compared_with_each_file_that_is_missing() -> None:
    assert _version_of("projects/p/artifacts/t/c/v12/files/a/files/b") == "projects/p/artifacts/t/c/v12"
    assert _version_of("projects/p/artifacts/t/c/v12/version.json") == ""
    assert _version_of("projects/p/runs/r/files/a") == ""
