"""What the real client logged to one instance is imported from it over the client's own protocol, and compared value by value."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Collection, Link, RunVersion, Version
from apps.artifacts.queries import aliases_of, list_entries, open_collection, open_version
from apps.files.queries import list_files, read_file
from apps.imports.models import Import
from apps.imports.readers.asking import Site
from apps.imports.readers.opening import open_site
from apps.imports.readers.wandb_server import addresses
from apps.imports.readers.wandb_server.server import Server
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, ImportState, Origin
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import find_run, open_run
from apps.runs.types import Stream
from apps.teams.models import Entity
from tests.live import API_KEY, LiveServer
from tests.wandb_protocol.client import WandbClient

pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("wandb client"),
    pytest.mark.django_db,
    pytest.mark.promise("P-13"),
]
PROJECT = "moves-away"
SCRIPT = """
    import pathlib
    quick = wandb.Settings(x_file_stream_transmit_interval=1, x_stats_sampling_interval=0.2)
    run = wandb.init(project="moves-away", id="full", name="好き", notes="n", tags=["a", "b"], group="g", job_type="t",
                     config={"lr": 1e-3, "deep": {"a": [1, None]}, "big": 2**70}, settings=quick)
    run.define_metric("val/*", step_metric="epoch")
    for n in range(1200):
        run.log({"loss": 1 / (n + 1), "n": n, "deep": {"x": n}, "val/acc": n * 0.5, "epoch": n // 10})
    run.log({"odd": float("nan"), "far": float("-inf"), "huge": 2**80, "text": "é" * 4000, "none": None}, step=5_000_000)
    run.log({"last": True, "drawn": wandb.Html("<b>x</b>")}, step=5_000_001)
    run.summary["best"] = 7
    print("first line"); print("second ✓", flush=True); print("wrong", file=sys.stderr, flush=True)
    pathlib.Path(run.dir, "model.txt").write_text("weights"); run.save(run.dir + "/model.txt", base_path=run.dir)
    one = wandb.Artifact("ds", "dataset", description="words", metadata={"rows": 3})
    pathlib.Path("a.txt").write_text("one"); one.add_file("a.txt"); one.add_file("a.txt", name="deep/c d.txt")
    one.add_reference(os.environ["WANDB_BASE_URL"] + "/health", name="there", checksum=False)
    one = run.log_artifact(one, aliases=["best", "latest"], tags=["t1"]).wait()
    two = wandb.Artifact("ds", "dataset"); pathlib.Path("b.bin").write_bytes(bytes(range(256)) * 400)
    two.add_file("a.txt"); two.add_file("b.bin")
    two = run.log_artifact(two).wait()
    run.link_artifact(two, "moves-away/shelf", aliases=["prod"])
    time.sleep(1)
    run.finish()
    run = wandb.init(project="moves-away", id="reads", settings=quick)
    run.use_artifact("ds:v0")
    run.finish(exit_code=3)
    tell(digests=[one.digest, two.digest])
"""


@pytest.fixture(scope="module")
def there(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> WandbClient:
    client = WandbClient(server, tmp_path_factory.mktemp("moves"))
    client.digests = client.run(SCRIPT).told["digests"]  # type: ignore[attr-defined]
    return client


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


@pytest.fixture
def here(there: WandbClient, home: Entity, monkeypatch: pytest.MonkeyPatch) -> Project:
    """By the command, as an operator moves somebody's work."""
    monkeypatch.setattr("sys.stdin", io.StringIO(API_KEY + "\n"))
    said = io.StringIO()
    asked = ["--from", "wandb", "--key", "--project", f"alice/{PROJECT}", "--into", "alice", "--for", "alice"]
    call_command("import", there.server.url, *asked, stderr=said)
    assert API_KEY not in said.getvalue()
    return Project.objects.get(entity=home)


def run_in(project: Project, name: str) -> Run:
    found = find_run(project, name)
    assert found is not None
    return found


def test_all_that_the_client_logged_there_is_here(here: Project, there: WandbClient) -> None:
    job = Import.objects.get()
    assert (job.state, job.projects, job.runs, job.versions) == (ImportState.DONE, 1, 2, 2)
    assert open_project(here).name == PROJECT
    run = run_in(here, "full")
    _check_words(run, there)
    _check_lines(run, there)
    _check_files(run, there)
    _check_artifacts(here, there)


def test_where_a_file_lies_is_told_once_more(there: WandbClient) -> None:
    server, run = Server(Site(there.server.url, API_KEY, "api")), {"entity": "alice", "project": PROJECT}
    one = addresses.of_file(server, run | {"run": "full"}, "model.txt")
    version = server.ask(
        'query V($n: String!) { project(name: $n) { artifact(name: "ds:v0") { id } } }', n=PROJECT
    )
    key = version.object("project").object("artifact").text("id")

    assert b"".join(server.download(one)) == b"weights"
    assert b"".join(server.download(addresses.of_entry(server, key, "deep/c d.txt"))) == b"one"
    found = list(addresses.of_newest(server, run))
    assert len([b"".join(server.download(each)) for each in found]) == 2


def _check_words(run: Run, there: WandbClient) -> None:
    fields = "displayName notes tags group jobType commit config summaryMetrics createdAt heartbeatAt state"
    said, opened = there.run_of(PROJECT, "full", fields), open_run(run)
    head = opened.head
    assert [head.display_name, head.notes, head.tags, head.group, head.job_type] == [
        said[each] for each in ("displayName", "notes", "tags", "group", "jobType")
    ]
    assert (head.display_name, head.author, run.state) == ("好き", "alice", "finished")
    config, was = json.loads(opened.config_text), json.loads(said["config"])
    assert {each: config[each] for each in ("lr", "deep", "big")} == {
        each: was[each] for each in ("lr", "deep", "big")
    }
    assert config["_wandb"]["value"]["m"] == was["_wandb"]["value"]["m"]
    assert json.loads(opened.summary_text)["best"] == 7
    assert [f"{each:%Y-%m-%dT%H:%M:%S}" for each in (run.created_at, run.heartbeat_at)] == [
        said[each][:19] for each in ("createdAt", "heartbeatAt")
    ]
    assert run_in(run.project, "reads").state == "failed"


def _check_lines(run: Run, there: WandbClient) -> None:
    rows = list(store.rereadable(run, Stream.HISTORY)())
    assert len(rows) == 1202
    assert list(map(repr, rows)) == list(map(repr, there.rows(PROJECT, "full")))
    assert rows[1200]["huge"] == 2**80 and repr(rows[1200]["odd"]) == "nan"
    events = there.run_of(PROJECT, "full", "events(samples: 10000)")["events"]
    assert list(store.rereadable(run, Stream.EVENTS)()) == [json.loads(each) for each in events] != []
    lines = store.console(run, 0, 1000)
    assert [each["line"] for each in there.lines(PROJECT, "full")] == [
        line.removeprefix("ERROR ").partition(" ")[2] for line in lines
    ]
    assert any(line.startswith("ERROR ") and line.endswith("wrong") for line in lines)


def _check_files(run: Run, there: WandbClient) -> None:
    files = {each.name: each for each in list_files(run)}
    assert files.keys() == there.file_names(PROJECT, "full")
    assert any(name.startswith("media/html/drawn_") for name in files)
    for name, file in files.items():
        assert b"".join(read_file(file.file)) == there.file(PROJECT, "full", name), name


def _check_artifacts(project: Project, there: WandbClient) -> None:
    opened = {open_collection(each).name: each for each in Collection.objects.filter(project=project)}
    assert opened.keys() == {"ds", "shelf"}
    one, two = (
        open_version(each) for each in Version.objects.filter(collection=opened["ds"]).order_by("number")
    )
    assert [one.words.digest, two.words.digest] == there.digests  # type: ignore[attr-defined]
    assert (one.words.description, list(one.words.tags)) == ("words", ["t1"])
    assert json.loads(one.words.metadata_text or "") == {"rows": 3}
    assert (set(one.aliases), set(two.aliases)) == ({"best"}, {"latest"})
    assert {each.path: each.size for each in list_entries(two.version, start=0, count=9)} == {
        "a.txt": 3,
        "b.bin": 102_400,
    }
    assert {each.path: bool(each.ref) for each in list_entries(one.version, start=0, count=9)} == {
        "a.txt": False, "deep/c d.txt": False, "there": True,
    }  # fmt: skip
    link = Link.objects.get(collection=opened["shelf"])
    assert link.version_id == two.version.pk and (
        "prod" in [name for name, _id in aliases_of(opened["shelf"])]
    )
    edges = {
        (each.run.pk, each.version.number, each.role)
        for each in RunVersion.objects.filter(version__collection=opened["ds"])
    }
    full, reads = run_in(project, "full").pk, run_in(project, "reads").pk
    assert edges == {(full, 0, "output"), (full, 1, "output"), (reads, 0, "input")}


class _Killed(BaseException):
    """As a process that is gone: nothing catches it."""


def test_one_that_broke_off_goes_on_and_brings_nothing_twice(
    there: WandbClient, home: Entity, alice: User
) -> None:
    by, turns = Actor.person(alice), iter([None, None])

    def between() -> None:
        if next(turns, "over") == "over":
            raise _Killed

    def again() -> Iterator[Import]:
        reader = open_site(Site(there.server.url, API_KEY), Origin.WANDB, only=[f"alice/{PROJECT}"])
        job = ask_for_import(home, reader, clash=Clash.SKIP, by=by, whose_runs=by)
        yield job
        bring(job, reader, by=by, between=between)

    with pytest.raises(_Killed):
        list(again())
    assert not Project.objects.filter(entity=home).exists()
    turns = iter([None] * 9)
    (job,) = again()

    job.refresh_from_db()
    assert (job.state, job.runs, job.versions) == (ImportState.DONE, 2, 2)
    assert (Import.objects.count(), Run.objects.count(), Version.objects.count()) == (1, 2, 2)
    assert len(list(store.rereadable(run_in(Project.objects.get(), "full"), Stream.HISTORY)())) == 1202


def test_the_servers_own_filters_choose_runs(there: WandbClient, home: Entity) -> None:
    site = Site(there.server.url, API_KEY)
    reader = open_site(site, Origin.WANDB, only=[f"alice/{PROJECT}"], filters='{"state": "failed"}')

    (project,) = reader.projects()

    assert [run.read().was.name for run in project.runs()] == ["reads"]
    assert reader.fingerprint != open_site(site, Origin.WANDB, only=[f"alice/{PROJECT}"]).fingerprint


@pytest.mark.parametrize(
    ("key", "project"), [("x" * 40, f"alice/{PROJECT}"), (API_KEY, "alice/none"), (API_KEY, "nobody/*")]
)
def test_what_may_not_be_read_there_is_said_in_words(
    there: WandbClient,
    key: str,
    project: str,
    home: Entity,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(key + "\n"))
    caplog.set_level(logging.DEBUG)

    with pytest.raises(CommandError, match="key"):
        call_command(
            "import",
            there.server.url,
            "--from",
            "wandb",
            "--key",
            "--project",
            project,
            "--into",
            "alice",
            stderr=io.StringIO(),
        )

    assert not Project.everything.filter(entity=home, erasure_job=None).exists()
    assert key not in caplog.text and hashlib.sha256(key.encode()).hexdigest() not in caplog.text
