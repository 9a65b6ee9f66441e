"""MLflow's file store and its server, as MLflow 3.17.2 itself wrote and answered (tests/imports/data/record_mlflow.py)."""

from __future__ import annotations

import io
import json
import math
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import NotFound, OwnlogError, TooMuch, Unavailable
from apps.files.queries import list_files
from apps.imports.errors import Broken
from apps.imports.handed_in import advance, hand_in
from apps.imports.models import Import
from apps.imports.readers import asking
from apps.imports.readers.asking import Site
from apps.imports.readers.mlflow.rows import history_rows
from apps.imports.readers.mlflow.types import Point
from apps.imports.readers.naming import project_names
from apps.imports.readers.opening import open_file, open_reader, open_site
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, ImportState, Origin, Reader
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.types import Stream
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import choose

pytestmark = pytest.mark.django_db
DATA = Path(__file__).parent / "data"
BEGAN = 1_700_000_000


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with zipfile.ZipFile(DATA / "mlruns.zip") as packed:
        packed.extractall(tmp_path)
    return tmp_path / "mlruns"


@pytest.fixture
def address() -> Iterator[str]:
    """A server that answers what MLflow's did, and nothing else."""
    recorded = json.loads((DATA / "mlflow_server.json").read_text())
    answers = {unquote(asked): answer for asked, answer in recorded.items()}

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(self.path)

        def do_POST(self) -> None:
            self._answer(f"{self.path} {self.rfile.read(int(self.headers['Content-Length'])).decode()}")

        def _answer(self, asked: str) -> None:
            asked = unquote(asked)
            is_known = asked in answers and self.headers.get("Authorization") == "Bearer secret"
            data = answers[asked].encode() if is_known else b"{}"
            self.send_response(200 if is_known else 401)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Not into the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def imported(reader: Reader, into: Entity, by: User) -> Import:
    actor = Actor.person(by)
    with closing(reader):
        job = ask_for_import(into, reader, clash=Clash.SKIP, by=actor, whose_runs=actor)
        return bring(job, reader, by=actor)


def of_folder(folder: Path, _address: str) -> Reader:
    return open_reader(folder, Origin.MLFLOW)


def of_zip(_folder: Path, _address: str) -> Reader:
    return open_reader(DATA / "mlruns.zip", Origin.MLFLOW)


def of_server(_folder: Path, address: str) -> Reader:
    return open_site(Site(address, "secret"), Origin.MLFLOW)


def runs_of(entity: Entity) -> dict[str, Run]:
    project = Project.objects.get(
        pk__in=[each.pk for each in projects_of(entity).values() if each.runs.exists()]
    )
    return {open_run(run).head.display_name: run for run in project.runs.all()}


def projects_of(entity: Entity) -> dict[str, Project]:
    return {open_project(each).name: each for each in Project.objects.filter(entity=entity)}


@pytest.mark.parametrize("opened", [of_folder, of_zip, of_server])
def test_all_that_mlflow_kept_is_there_wherever_it_lies(
    opened: Callable[[Path, str], Reader], folder: Path, address: str, home: Entity, alice: User
) -> None:
    job = imported(opened(folder, address), home, alice)

    assert (job.state, job.runs) == (ImportState.DONE, 4)
    assert {"vision-好き", "empty"} <= projects_of(home).keys()
    runs = runs_of(home)
    states = {name: run.state for name, run in runs.items()}
    assert states == {"first ✓": "finished", "failed": "failed", "killed": "killed", "going": "crashed"}
    _check_words(runs["first ✓"])
    _check_values(runs["first ✓"])
    files = {file.name: file.size for file in list_files(runs["first ✓"])}
    assert files.keys() == {"model/weights.bin", "好き.json"} and files["model/weights.bin"] == 7
    project = projects_of(home)["vision-好き"]
    assert open_project(project).description == "Looks at birds."


def _check_words(run: Run) -> None:
    opened = open_run(run)
    config = {name: each["value"] for name, each in json.loads(opened.config_text).items()}
    assert math.isnan(config.pop("nan"))
    assert config == {
        "lr": 1e-3, "layers": 3, "big": 2**70, "flag": True, "none": None,
        "opt/name": "adam\nw", "text": "1e5", "mlflow_tags": {"long": "x" * 3000},
    }  # fmt: skip
    head = opened.head
    assert (head.notes, head.commit, sorted(head.tags)) == (
        "Some *words*.",
        "0" * 40,
        ["bare", "stage: early"],
    )
    assert run.created_at == datetime.fromtimestamp(BEGAN, tz=UTC)
    assert run.finished_at == datetime.fromtimestamp(BEGAN + 10, tz=UTC)


def _check_values(run: Run) -> None:
    rows = list(store.rereadable(run, Stream.HISTORY)())
    assert [row["loss"] for row in rows if "loss" in row] == [1 / (step + 1) for step in range(300)]
    assert [(row["_step"], row["_timestamp"]) for row in rows[:2]] == [(0, BEGAN + 1), (1, BEGAN + 1.01)]
    assert rows[10]["val/acc"] == 5.0 and "val/acc" not in rows[11]
    odd = [row["odd"] for row in rows[300:]]
    assert math.isnan(odd[0]) and odd[1:] == [math.inf, -math.inf, 1e308]
    events = list(store.rereadable(run, Stream.EVENTS)())
    assert [
        (each["_timestamp"], each["_runtime"], each["system.cpu_utilization_percentage"]) for each in events
    ] == [
        (BEGAN + 2, 2.0, 12.5),
        (BEGAN + 4, 4.0, 25.0),
    ]
    assert json.loads(open_run(run).summary_text)["loss"] == 1 / 300


@pytest.mark.parametrize(("opened", "kept", "author"), [
    (of_folder, "minimal", ""), (of_folder, "all", "nina"), (of_server, "none", ""), (of_server, "all", "nina"),
])  # fmt: skip
def test_who_was_signed_in_to_a_machine_is_kept_where_its_names_are(
    opened: Callable[[Path, str], Reader],
    kept: str,
    author: str,
    folder: Path,
    address: str,
    home: Entity,
    alice: User,
) -> None:
    choose(home, SettingName.SYSTEM_METADATA, kept, by=Actor.person(alice))

    imported(opened(folder, address), home, alice)

    assert open_run(runs_of(home)["first ✓"]).head.author == author


def test_what_was_deleted_there_is_counted_as_left_out(folder: Path, home: Entity, alice: User) -> None:
    job = imported(open_reader(folder, Origin.MLFLOW), home, alice)

    assert job.left_out == 2  # a run and an experiment
    assert "deleted" not in runs_of(home).keys() | projects_of(home).keys()


def test_links_are_not_followed(folder: Path, home: Entity, alice: User) -> None:
    (folder.parent / "secret").write_text("of the machine")
    (artifacts,) = {each.parent.parent for each in folder.glob("*/*/artifacts/model/weights.bin")}
    (artifacts / "stolen.txt").symlink_to(folder.parent / "secret")
    (artifacts / "all").symlink_to(folder.parent)

    job = imported(open_reader(folder, Origin.MLFLOW), home, alice)

    assert job.left_out == 4
    assert not any(
        each.name.startswith(("stolen", "all")) for run in runs_of(home).values() for each in list_files(run)
    )


def test_a_zip_that_is_handed_in_is_brought_by_a_worker(home: Entity, alice: User) -> None:
    source = [(DATA / "mlruns.zip").read_bytes()]
    job = hand_in(home, source, clash=Clash.SKIP, by=Actor.person(alice), origin=Origin.MLFLOW)

    advance(job.pk)

    job.refresh_from_db()
    assert (job.state, job.origin, job.runs, job.archive) == (ImportState.DONE, "mlflow", 4, None)


Files = dict[str, str]
_META = "experiment_id: '1'\nname: e\nlifecycle_stage: active\n"
_RUN = "run_id: r\nrun_name: n\nstart_time: 1700000000000\nstatus: 3\nlifecycle_stage: active\n"
_GOOD = {"m/1/meta.yaml": _META, "m/1/r/meta.yaml": _RUN, "m/1/r/metrics/loss": "1700000000000 0.5 0\n"}


def packed(files: Files) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    return held.getvalue()


HOSTILE: dict[str, Files] = {
    "nothing of MLflow": {"a.txt": "a"},
    "YAML that makes objects": _GOOD | {"m/1/meta.yaml": "!!python/object/apply:os.system ['false']"},
    "YAML in itself": _GOOD | {"m/1/meta.yaml": "[" * 5000},
    "YAML that is a list": _GOOD | {"m/1/meta.yaml": "- a"},
    "a number that is none": _GOOD | {"m/1/r/meta.yaml": _RUN.replace("1700000000000", "many")},
    "a moment to come": _GOOD | {"m/1/r/meta.yaml": _RUN.replace("1700000000000", "9000000000000000")},
    "another run's name": _GOOD | {"m/1/r/meta.yaml": _RUN.replace("run_id: r", "run_id: ../r")},
    "a line that is none": _GOOD | {"m/1/r/metrics/loss": "<b>loss</b>\n"},
    "a step past all counting": _GOOD | {"m/1/r/metrics/loss": f"1 1 {'9' * 40}\n"},
    "a path that leads out": _GOOD | {"m/1/r/artifacts/../../../../etc/passwd": "x"},
    "a path from the root": _GOOD | {"/etc/passwd": "x"},
    "a name with a NUL": _GOOD | {"m/1/r/artifacts/a\x01b": "x"},
    "a text that is none": _GOOD | {"m/1/r/params/p": "\udcff"},
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_of_what_is_hostile_nothing_is_kept(what: str, home: Entity, alice: User) -> None:
    with pytest.raises(Broken if "name with" not in what else OwnlogError):
        imported(open_file(io.BytesIO(_hostile(what)), Origin.MLFLOW), home, alice)

    assert not Project.objects.filter(entity=home).exists()


def _hostile(what: str) -> bytes:
    files = HOSTILE[what]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text.encode("utf-8", "surrogateescape"))
    return held.getvalue()


def test_one_that_is_whole_comes(home: Entity, alice: User) -> None:
    assert imported(open_file(io.BytesIO(packed(_GOOD)), Origin.MLFLOW), home, alice).runs == 1


def test_a_metric_that_is_called_as_the_step_and_an_end_before_the_beginning(
    home: Entity, alice: User
) -> None:
    files = _GOOD | {
        "m/1/r/metrics/_step": "1700000000000 0.5 0\n",
        "m/1/r/meta.yaml": f"{_RUN}end_time: 1600000000000\n",
    }

    imported(open_file(io.BytesIO(packed(files)), Origin.MLFLOW), home, alice)

    run = Run.objects.get()
    (row,) = store.rereadable(run, Stream.HISTORY)()
    assert (row["_step"], row["logged/_step"], run.finished_at) == (0, 0.5, run.created_at)
    assert json.loads(open_run(run).summary_text) == {"loss": 0.5, "logged/_step": 0.5}


def test_a_bomb_and_a_link_in_a_zip_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.imports.readers.ownlog.archive._ALWAYS_ALLOWED", 0)
    bomb = io.BytesIO(packed(_GOOD | {"m/1/r/artifacts/zeros": "0" * 2**20}))
    link = zipfile.ZipInfo("m/1/r/artifacts/link")
    link.external_attr = 0o120777 << 16
    linked = io.BytesIO()
    with zipfile.ZipFile(linked, "w") as made:
        made.writestr(link, "/etc/passwd")

    for file in (bomb, linked):
        with pytest.raises(Broken):
            open_file(file, Origin.MLFLOW)


def test_a_metric_that_came_twice_at_one_step_has_two_rows() -> None:
    rows = history_rows(
        {"a": [Point(1, 1.0, 0), Point(2, 2.0, 0)], "b": [Point(3, 3.0, 0), Point(4, 4.0, 1)]}
    )

    assert [(row["_step"], row.get("a"), row.get("b")) for row in rows] == [
        (0, 1.0, None),
        (0, 2.0, 3.0),
        (1, None, 4.0),
    ]


def test_names_become_what_a_project_may_be_called() -> None:
    assert project_names(["/Users/nina/a", "Users-nina-a", "..", "", "x" * 300]) == [
        "Users-nina-a",
        "Users-nina-a-2",
        "unnamed",
        "unnamed-2",
        "x" * 128,
    ]


def test_the_machine_imports_from_a_server(
    address: str, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))

    call_command(
        "import",
        address,
        "--from",
        "mlflow",
        "--into",
        "alice",
        "--key",
        "--project",
        "vision/好き",
        stderr=io.StringIO(),
    )

    assert list(projects_of(home)) == ["vision-好き"]


def test_a_server_that_refuses_the_key_is_said_and_nothing_begins(address: str, home: Entity) -> None:
    with pytest.raises(CommandError, match="key"):
        call_command("import", address, "--from", "mlflow", "--into", "alice")

    assert not Import.objects.exists()


@pytest.mark.parametrize(
    "wrong", ["file:///etc/passwd", "http://user:password@127.0.0.1/", "ftp://127.0.0.1/", "http://"]
)
def test_only_an_address_of_the_web_is_one(wrong: str) -> None:
    with pytest.raises(OwnlogError):
        Site(wrong)


def stub(answer: bytes) -> tuple[ThreadingHTTPServer, Site]:
    class Once(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(answer)

        def log_message(self, *_args: Any) -> None:
            """Not into the output of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Once)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server, Site(f"http://127.0.0.1:{server.server_port}", "secret")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n", Unavailable),
        (b"HTTP/1.1 503 Busy\r\n\r\n", Unavailable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Unavailable),
        (b"nothing of the kind", Unavailable),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NotFound),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", Unavailable),
        (b"HTTP/1.1 200 OK\r\n\r\n{" + b" " * 200, TooMuch),
    ],
)
def test_what_a_server_may_answer(
    answer: bytes, error: type[OwnlogError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_WAITS", (0.0,))
    monkeypatch.setattr(asking, "_MOST_JSON", 100)
    server, site = stub(answer)
    try:
        with pytest.raises(error):
            site.json("/api")
    finally:
        server.shutdown()
        server.server_close()
