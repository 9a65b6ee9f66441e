"""Log every class of data with the real client, visit every page, then search the disk: nothing of it is to be found.

Each field carries a marker of its own. That they arrived is checked as well, by reading them back.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.urls import reverse

from tests.e2e.clients import Client
from tests.e2e.secrecy.browser import BESIDES, PASSWORD, Browser
from tests.e2e.secrecy.door import RUN, UPSERT, Door, history
from tests.e2e.secrecy.search import Hit, Marker, new_number, new_text, search
from tests.e2e.secrecy.test_tenants import API, PAGES
from tests.e2e.secrecy.writes import NOWHERE, watched
from tests.live import LiveServer
from tests.web.mailbox import Mailbox

pytestmark = [pytest.mark.live, pytest.mark.promise("P-08")]

# What a script logs, by the place it goes to.
TEXTS = [
    "key_name",
    "service_name",
    "service_key_name",
    "team_project",
    "project_description",
    "link_label",
    "invited_name",
    "project",
    "run_id",
    "display_name",
    "notes",
    "tag",
    "group",
    "job_type",
    "config_key",
    "config_value",
    "config_nested",
    "config_list",
    "config_other",
    "metric_name",
    "nested_metric",
    "text_value",
    "summary_key",
    "summary_value",
    "stdout",
    "stderr",
    "file_name",
    "file_bytes",
    "folder_name",
    "table_column",
    "table_cell",
    "html_text",
    "alert_title",
    "alert_text",
    "argument",
    "script_name",
    "system_host",
    "defined_metric",
    "histogram_name",
    "artifact_name",
    "artifact_type",
    "artifact_words",
    "artifact_key",
    "artifact_value",
    "artifact_alias",
    "artifact_tag",
    "artifact_path",
    "artifact_bytes",
    "artifact_ref",
    "later_note",
    "api_tag",
    "branch_config",
]
NUMBERS = ("metric_value", "summary_number", "config_number")
# What an enemy, or a mistake, sends: refused, and not to be found either.
REFUSED = [
    "bad_variable",
    "bad_query",
    "bad_body",
    "bad_stream",
    "bad_line",
    "bad_path",
    "bad_csrf_path",
    "bad_host",
    "bad_filter",
    "bad_key",
    "code_file",
    "bad_put",
    "bad_login",
    "bad_range",
    "page_query",
    "bad_header",
    "bad_id",
    "bad_query_string",
]
# Sent by the client and not kept at all (data minimisation): to be found nowhere, not even when read back.
NOT_READ_BACK = {"alert_title", "alert_text", "system_host", "script_name", "file_bytes", "histogram_name"}

TRAIN = """
import os, sys, wandb
m = json.loads(sys.argv[1])
settings = wandb.Settings(x_file_stream_transmit_interval=1, x_stats_sampling_interval=1.0, host=m["system_host"])
run = wandb.init(
    project=m["project"], id=m["run_id"], name=m["display_name"], notes=m["notes"], tags=[m["tag"]], group=m["group"],
    job_type=m["job_type"], settings=settings,
    config={m["config_key"]: m["config_value"], "nested": {"deep": {"損失": m["config_nested"]}},
            "list": [1, [m["config_list"]]], "ключ": "é " + m["config_other"] + " 漢", "number": m["config_number"]},
)
run.define_metric(m["defined_metric"], summary="max")
for step in range(40):
    run.log({m["metric_name"]: m["metric_value"], "nest": {m["nested_metric"]: step}, "word": m["text_value"], m["defined_metric"]: step})
    if step % 10 == 0:
        print("out", m["stdout"], flush=True)
        print("err", m["stderr"], file=sys.stderr, flush=True)
run.log({m["histogram_name"]: wandb.Histogram([1.0, 2.0, 2.5])})
run.log({"table": wandb.Table(columns=[m["table_column"]], data=[[m["table_cell"]]])})
run.log({"page": wandb.Html("<p>" + m["html_text"] + "</p>")})
run.summary[m["summary_key"]] = m["summary_value"]
run.summary["number"] = m["summary_number"]
os.makedirs(m["folder_name"], exist_ok=True)
with open(m["folder_name"] + "/" + m["file_name"] + ".bin", "w") as file:
    file.write((m["file_bytes"] + " ") * 5000)
run.save(m["folder_name"] + "/*", policy="now")
run.alert(title=m["alert_title"], text=m["alert_text"])
made = wandb.Artifact(
    m["artifact_name"], m["artifact_type"], description=m["artifact_words"], metadata={m["artifact_key"]: m["artifact_value"]}
)
with made.new_file(m["artifact_path"] + "/x.txt") as file:
    file.write(m["artifact_bytes"])
made.add_reference("s3://bucket/" + m["artifact_ref"], name="there", checksum=False)
run.log_artifact(made, aliases=[m["artifact_alias"]], tags=[m["artifact_tag"]]).wait()
run.finish()
answer(run.path)
"""

READ = """
import sys, wandb
m = json.loads(sys.argv[1])
api = wandb.Api(timeout=60)
path = m["entity"] + "/" + m["project"]
seen = [str(project.name) for project in api.projects(m["entity"])]
for filters in ({"config.%s" % m["config_key"]: m["config_value"]}, {"tags": {"$in": [m["tag"]]}},
                {"display_name": {"$regex": m["display_name"][:10] + ".*"}}, {"group": m["group"], "jobType": m["job_type"]},
                {"summary_metrics.%s" % m["summary_key"]: {"$exists": True}}):
    found = list(api.runs(path, filters=filters, order="-summary_metrics." + m["metric_name"]))
    assert len(found) == 1, (filters, len(found))
run = api.run(path + "/" + m["run_id"])
seen += [run.name, run.notes, str(run.tags), str(run.group), str(run.job_type), json.dumps(run.config), str(run.summary._json_dict)]
seen += [json.dumps(row, default=str) for row in run.scan_history()]
seen += [json.dumps(row, default=str) for row in run.history(samples=20, pandas=False)]
seen += [row for row in map(str, run.history(samples=20, keys=[m["metric_name"]], pandas=False))]
for file in run.files():
    seen.append(file.name)
    if file.name.endswith(".bin"):
        seen.append(file.download(root="read", replace=True).read()[:200])
got = api.artifact(path + "/" + m["artifact_name"] + ":" + m["artifact_alias"])
seen += [got.name, got.type, got.description, json.dumps(got.metadata), str(got.aliases), str(got.tags)]
seen += [str([(name, entry.ref) for name, entry in got.manifest.entries.items()])]
seen += [open(got.get_entry(m["artifact_path"] + "/x.txt").download(root="got")).read()]
run.notes = m["later_note"]
run.tags.append(m["api_tag"])
run.update()
seen += [api.run(path + "/" + m["run_id"]).notes]
answer(" ".join(seen))
"""


@dataclass
class World:
    """An instance that was used by one person for everything, and what she wrote."""

    server: LiveServer
    watch: Path
    markers: dict[str, Marker]
    secrets: list[Marker] = field(default_factory=list)
    seen: str = ""

    @property
    def values(self) -> dict[str, str | float]:
        return {name: marker.value for name, marker in self.markers.items()} | {"entity": "carol"}

    def text(self, name: str) -> str:
        return str(self.markers[name].value)

    @property
    def places(self) -> list[Path]:
        return [self.server.folder]

    def hits(self) -> list[Hit]:
        return search(self.places, [*self.markers.values(), *self.secrets])


def new_markers() -> dict[str, Marker]:
    texts = {name: new_text(name) for name in (*TEXTS, *REFUSED)}
    return texts | {name: new_number(name) for name in NUMBERS}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    server = LiveServer(with_worker=True)
    watch = tmp_path_factory.mktemp("watch") / "site"
    temporary = server.folder / "tmp"
    temporary.mkdir()
    made = World(server, watch, new_markers())
    with Mailbox() as mailbox:
        server.env |= watched(watch) | mailbox.env | {"TMPDIR": str(temporary), "OWNLOG_LOG_LEVEL": "DEBUG"}
        try:
            server.start()
            live_through(made)
            yield made
        finally:
            server.__exit__(None, None, None)


def live_through(world: World) -> None:
    browser = Browser(world.server.url)
    browser.sign_up("carol")
    key = world.server.manage("issue_api_key", "carol").split()[-1]
    world.secrets = [Marker("API key", key), Marker("password", PASSWORD)]
    with Client(world.server.url, key=key) as client:
        client.ask(TRAIN, json.dumps(world.values))
        wait_for_compaction(world.server.data)
        world.seen = client.ask(READ, json.dumps(world.values))
    door = Door(world.server.url, key)
    world.seen += raw_reads(world, door)
    log_more(world, door)
    world.seen += found_a_team(world, door)
    world.seen += share(world, door, browser)
    misbehave(world, door, browser)
    world.seen += visit_everything(world, browser)


def wait_for_compaction(data: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with sqlite3.connect(data / "ownlog.sqlite3", timeout=20) as connection:
            chunks = connection.execute(
                "SELECT count(*) FROM runs_chunk WHERE stream = 'history'"
            ).fetchone()[0]
            segments = connection.execute("SELECT count(*) FROM runs_segment").fetchone()[0]
        connection.close()
        if segments and not chunks:
            return
        time.sleep(0.2)
    raise TimeoutError("the worker did not compact the run")


def raw_reads(world: World, door: Door) -> str:
    names = {"entity": "carol", "project": world.text("project"), "run": world.text("run_id")}
    found = door.graphql(RUN, names)
    return json.dumps(found.json, ensure_ascii=False)


def log_more(world: World, door: Door) -> None:
    """A second run that stays hot: its lines are chunks and lie in the WAL while the search goes on."""
    project = world.text("project")
    door.start_run(project, "hot", config=json.dumps({"x": {"value": world.text("branch_config")}}))
    line = json.dumps(
        {world.text("metric_name"): world.values["metric_value"], "word": world.text("text_value")}
    )
    body = history(line)
    body["files"]["output.log"] = {
        "offset": 0,
        "content": [world.text("stdout"), "ERROR " + world.text("stderr")],
    }
    assert door.stream("carol", project, "hot", body).status == 200


def found_a_team(world: World, door: Door) -> str:
    """A service account, a key of it and one of her own, each called something."""
    sent = {"Content-Type": "application/json"}
    services = "/api/v1/entities/carols/service-accounts"
    door.data('mutation { createTeam(input: {teamName: "carols"}) { entity { name } } }')
    door.data(
        "mutation($n: String) { generateApiKey(input: {description: $n}) { apiKey { id } } }",
        {"n": world.text("key_name")},
    )
    made = door.ask("POST", services, json.dumps({"name": world.text("service_name")}).encode(), sent)
    keys = f"{services}/{made.json['id']}/keys"
    key = door.ask("POST", keys, json.dumps({"name": world.text("service_key_name")}).encode(), sent)
    world.secrets.append(Marker("API key of a service", key.json["secret"]))
    return " ".join(door.ask("GET", path).body.decode() for path in ("/api/v1/keys", services, keys))


def share(world: World, door: Door, browser: Browser) -> str:
    """A project of the team that is described, a link to it with a label, and somebody invited by an address."""
    words = {
        "entity": "carols",
        "name": world.text("team_project"),
        "description": world.text("project_description"),
    }
    made = door.ask(
        "POST", "/api/v1/projects", json.dumps(words).encode(), {"Content-Type": "application/json"}
    )
    settings = f"/carols/{world.text('team_project')}/settings"
    shown = browser.submit(
        f"{settings}/links", {"label": world.text("link_label"), "days": "7"}, page=settings
    )
    address = f"{world.text('invited_name')}@example.com"
    invited = browser.submit(
        "/teams/carols/invitations", {"email": address, "role": "viewer"}, page="/teams/carols"
    )
    for kind, page in (("share", shown), ("invitations", invited)):
        secret = re.search(rf"/{kind}/([\w-]{{30,}})", page.text)
        assert secret is not None, page.text[:2000]
        world.secrets.append(Marker(f"secret of /{kind}", secret[1]))
    return made.body.decode() + browser.get(settings).text + browser.get("/teams/carols").text


def misbehave(world: World, door: Door, browser: Browser) -> None:
    """Requests that fail, each with something in it that an error or a log line might repeat."""
    text, project = world.text, world.text("project")
    door.graphql("query($x: Int!) { users(first: $x) { edges { cursor } } }", {"x": text("bad_variable")})
    door.graphql(UPSERT, {"input": {"modelName": project, "name": "r", "config": "{" + text("bad_variable")}})
    door.graphql(
        f'query {{ project(name: "{text("bad_query")}", bad: "{text("bad_query")}") {{ {text("bad_query")} }} }}'
    )
    door.ask("POST", "/graphql", f'{{"query": "{text("bad_body")}'.encode())
    door.ask("POST", "/graphql", text("bad_body").encode(), {"Content-Encoding": "gzip"})
    door.stream("carol", project, "hot", ('{"files": "' + text("bad_stream")).encode())
    door.stream("carol", project, "hot", history('{"a": ' + text("bad_line"), offset=1))
    door.stream("carol", project, text("bad_path"), {})
    door.graphql(RUN, {"entity": text("bad_path"), "project": project, "run": "\ud800" + text("bad_path")})
    door.graphql(UPSERT, {"input": {"id": text("bad_id")}})
    filters = json.dumps({"$where": text("bad_filter"), "config.x": {"$regex": "(((" + text("bad_filter")}})
    door.graphql(
        "query($p: String, $f: JSONString) { project(name: $p) { runs(filters: $f) { totalCount } } }",
        {"p": project, "f": filters},
    )
    Door(door.url, "own_" + text("bad_key") * 2).graphql("query { viewer { id } }")
    urls = door.upload_urls("carol", project, "hot", f"code/{text('code_file')}.py", "x.bin")
    assert urls[f"code/{text('code_file')}.py"] is None
    door.put("/storage/put/" + text("bad_put"), text("bad_put").encode())
    door.ask(
        "GET",
        "/" + text("bad_path"),
        headers={"Range": f"bytes={text('bad_range')}", "X-Odd": text("bad_header")},
    )
    door.ask("GET", "/health", headers={"Host": text("bad_host") + ".example"})
    door.ask("GET", f"/{text('bad_path')}/%FF/%00?{text('bad_query_string')}=1")
    browser.post_without_token(f"/carol/{text('bad_csrf_path')}/runs/{text('bad_csrf_path')}/stop")
    stranger = Browser(world.server.url)
    stranger.submit("/sign-in", {"login": "carol", "password": text("bad_login")})
    stranger.submit("/account/reset", {"email": "carol@example.com"})
    stranger.submit(
        "/sign-up", {"username": "carol", "email": "not an address", "password1": text("bad_login")}
    )


def visit_everything(world: World, browser: Browser) -> str:
    """Each page there is, with what its address may ask for."""
    known = BESIDES | {"entity": "carol", "project": world.text("project"), "run": world.text("run_id"),
             "name": f"{world.text('folder_name')}/{world.text('file_name')}.bin", "public_id": "x", "url": world.text("bad_path"), "which": "config"}  # fmt: skip
    asked = {"q": world.text("page_query"), "key": world.text("metric_name"), "filter": world.text("page_query"),
             "sort": world.text("metric_name"), "order": f"-summary_metrics.{world.text('metric_name')}", "page": world.text("page_query")}  # fmt: skip
    seen = []
    for name, parameters in (PAGES | API).items():
        path = reverse(
            name, kwargs={parameter: known[parameter] for parameter in parameters}, urlconf="config.urls"
        )
        for address in (path, f"{path}?{urlencode(asked)}"):
            answered = browser.get(address)
            assert answered.status_code < 500, (name, answered.status_code)
            seen.append(answered.text)
    for path in ("/", "/home/first-run", "/settings/api-keys", "/settings/password", "/sign-in", "/authorize", "/admin/",
                 "/" + quote("損失 " + world.text("bad_path"))):  # fmt: skip
        assert browser.get(path).status_code < 500, path
    browser.submit(f"/carol/{known['project']}/runs/hot/stop", {}, page="/settings/api-keys")
    return " ".join(seen)


def test_what_was_logged_arrived(world: World) -> None:
    """Without this, the searches below would pass on an instance that had stored nothing."""
    missing = [name for name in TEXTS if name not in NOT_READ_BACK and world.text(name) not in world.seen]
    missing += [name for name in NUMBERS if repr(world.values[name]) not in world.seen]
    missing = [name for name in missing if name not in {"argument", "branch_config"}]
    assert not missing
    assert world.text("file_bytes") in world.seen


def test_nothing_of_it_is_on_the_disk_while_the_server_is_up(world: World) -> None:
    assert list(world.server.data.glob("*-wal")), "the search is to see the write-ahead log too"
    assert world.hits() == []


@pytest.mark.promise("P-03")
def test_the_log_says_what_happened_and_not_to_what(world: World) -> None:
    log = world.server.log.read_text(errors="replace")
    assert len(log) > 200, "an empty log proves nothing"
    assert "Traceback" not in log and "unforeseen" not in log and "unhandled" not in log, log[-3000:]


def test_it_writes_nowhere_but_in_its_own_folders(world: World) -> None:
    """Python's own account of every file that was opened to be written."""
    written = set((world.watch / "writes.txt").read_text().splitlines())
    assert any(str(world.server.data) in path for path in written), "the watch was on"
    known = (str(world.server.folder), str(world.watch), "/dev/", "/proc/")
    assert [path for path in written if not path.startswith(known)] == []
    left = [
        path for path in (world.server.folder / "tmp").rglob("*") if path.is_file() and path.stat().st_size
    ]
    assert left == [], "temporary files stayed behind"


def test_this_very_search_finds_a_leak(world: World) -> None:
    planted = new_text("planted")
    with sqlite3.connect(world.server.data / "ownlog.sqlite3", timeout=20) as connection:
        connection.execute(
            "INSERT INTO audit_event (at, kind, subject, entity, project, by, facts) "
            "VALUES ('2026-01-01', 'planted', ?, '', '', '', '{}')",
            [planted.value],
        )
    connection.close()
    (world.server.folder / "leak.log").write_bytes(b"GET /" + str(world.values["run_id"]).encode())
    try:
        assert search(world.places, [planted])
        assert {hit.field for hit in world.hits()} == {"run_id"}
    finally:
        (world.server.folder / "leak.log").unlink()


def test_nothing_of_it_is_on_the_disk_once_all_has_stopped(world: World) -> None:
    """Last in this file: the databases are closed, the broker is gone, the logs are complete."""
    world.server.stop()
    assert world.hits() == []


COMPACT = """
import django; django.setup()
from apps.runs.models import Run, Segment
from apps.runs.history.store import compact
for run in Run.objects.all():
    compact(run)
assert Segment.objects.exists()
"""


def test_everything_works_without_a_temporary_folder(tmp_path: Path) -> None:
    """Nothing may be written out in passing: large bodies, large uploads, large answers, compaction, pages."""
    server = LiveServer()
    server.env |= watched(tmp_path / "site", no_temporary_folder=True)
    with server:
        server.account("alice", "own_" + "k" * 36)
        door = Door(server.url, "own_" + "k" * 36)
        door.start_run("p", "r")
        lines = [json.dumps({"_step": step, "loss": step / 7, "text": "x" * 3000}) for step in range(2000)]
        assert door.stream("alice", "p", "r", history(*lines)).status == 200
        door.upload("alice", "p", "r", "large.bin", b"0123456789abcdef" * 512 * 1024)
        found = door.data(RUN, {"entity": "alice", "project": "p", "run": "r"})["project"]["run"]
        got = door.ask("GET", found["files"]["edges"][0]["node"]["directUrl"].removeprefix(server.url))
        assert len(got.body) == 8 * 1024 * 1024
        assert door.stream("alice", "p", "r", {"complete": True, "exitcode": 0}).status == 200
        server.python("-c", COMPACT)
        assert (
            len(door.data(RUN, {"entity": "alice", "project": "p", "run": "r"})["project"]["run"]["history"])
            == 500
        )
        browser = Browser(server.url)
        browser.sign_up("dave")
        assert browser.submit("/settings/api-keys", {"x": "y" * 3_000_000}).status_code < 500
        assert browser.get("/").status_code == 200
        log = server.log.read_text(errors="replace")
        assert "Traceback" not in log and NOWHERE not in log, log[-2000:]
