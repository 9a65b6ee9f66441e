"""The table of ownership: six kinds of data, each logged, exported, published and erased by the pages and by the API.

By the API it is the real client that logs and erases, and the REST API that exports and publishes, for the client cannot. And the smallest
thing of each kind that goes by itself, by whichever of pages, REST API and client can: it goes alone.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.live import ROOT, LiveServer
from tests.servers import wait_for
from tests.wandb_protocol.client import WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
KEY = "own_" + "o" * 36
VERBS, DOORS = ("log", "export", "publish", "erase"), ("web", "api")
# Where each kind is read: what a run is made of by the REST API, files of artifacts where their page leads.
READ = {
    "training data": "/{place}/artifacts/dataset/data/v0/files/data.txt",
    "code": "/api/v1/projects/{place}/runs/{run}/files/code/train.py",
    "config": "/api/v1/projects/{place}/runs/{run}/config",
    "metrics": "/api/v1/projects/{place}/runs/{run}/history",
    "analysis": "/api/v1/projects/{place}/runs/{run}",
    "model files": "/{place}/artifacts/model/net/v0/files/net.txt",
}
_OLGA = """
import django; django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.teams.choices import SettingName
from apps.teams.services import choose
from tests.factories.people import has_signed_in
call_command("create_account", "olga", "--email", "olga@example.com", "--api-key-stdin")
olga = User.objects.get(username="olga")
choose(olga.entity, SettingName.CODE_SAVING, True, by=Actor.person(olga))
client = Client()
client.force_login(olga, backend="django.contrib.auth.backends.ModelBackend")
has_signed_in(client, olga, ago=0)
print("SESSION", settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value)
"""
_MAKE = """
import django; django.setup()
from apps.exports.models import Export
from tests.exports.conftest import make
for export in Export.objects.all():
    make(export)
"""
_LOG = """
    run = wandb.init(project="by-api", id="r", config={"said": "config by api"}, notes="analysis by api",
        settings=wandb.Settings(save_code=True, x_file_stream_transmit_interval=1))  # code by api
    run.log({"metrics by api": 1})
    for name, kind, words in (("data", "dataset", "training data by api"), ("net", "model", "model files by api")):
        open(name + ".txt", "w").write(words)
        made = wandb.Artifact(name, kind)
        made.add_file(name + ".txt")
        run.log_artifact(made)
    run.finish()
"""
_ERASE = """
    api = wandb.Api()
    for made in ("by-api/data:v0", "by-api/net:v0"):
        api.artifact(made).delete(delete_aliases=True)
    run = api.run("olga/by-api/r")
    run.file("code/train.py").delete()
    run.delete()
"""


@dataclass
class Table:
    """One project for each door. What a cell needs is done once, in the order of the verbs."""

    client: WandbClient
    browser: requests.Session
    runs: dict[str, str] = field(default_factory=lambda: {"api": "r"})
    done: set[tuple[str, str]] = field(default_factory=set)
    archives: dict[str, str] = field(default_factory=dict)  # by door, where it is fetched

    def reach(self, verb: str, door: str) -> None:
        for each in VERBS[: VERBS.index(verb) + 1]:
            if (each, door) not in self.done:
                self.done.add((each, door))
                getattr(self, f"{each}_by_{door}")()

    def read(self, kind: str, door: str, *, by_owner: bool) -> requests.Response:
        return self.get(READ[kind].format(place=f"olga/by-{door}", run=self.runs[door]), by_owner=by_owner)

    def get(self, path: str, *, by_owner: bool) -> requests.Response:
        if not by_owner:
            return requests.get(self.client.server.url + path, allow_redirects=False, timeout=60)
        if path.startswith("/api/"):
            return self._rest("GET", path)
        return self.browser.get(self.client.server.url + path, allow_redirects=False, timeout=60)

    def log_by_api(self) -> None:
        self.client.run(_LOG)

    def export_by_api(self) -> None:
        told = {"entity": "olga", "project": "by-api", "tables": "csv"}
        answer = self._rest("POST", "/api/v1/exports", json=told)
        assert answer.status_code == 202, answer.text
        self.archives["api"] = f"/api/v1/exports/{answer.json()['id']}/archive"
        self.client.server.python("-c", _MAKE)

    def publish_by_api(self) -> None:
        told = {"visibility": "public", "agree_to_show": ["code", "system_metadata"]}
        answer = self._rest("PATCH", "/api/v1/projects/olga/by-api", json=told)
        assert answer.ok, answer.text

    def erase_by_api(self) -> None:
        self.client.run(_ERASE)

    def log_by_web(self) -> None:
        self._post("/home/new-project", entity="olga", name="by-web")
        run = self._post(
            "/olga/by-web/new-run", name="r", notes="analysis by web", config="said: config by web"
        ).removesuffix("/log")
        self.runs["web"] = run.rpartition("/")[2]
        self._post(f"{run}/log", key="metrics by web", value="1")
        self._post(f"{run}/upload", {"train.py": "# code by web"}, folder="code")
        for name, kind, said in (
            ("data", "dataset", "training data by web"),
            ("net", "model", "model files by web"),
        ):
            files = {f"{name}.txt": said}
            self._post("/olga/by-web/new-artifact", files, name=name, type_name=kind, aliases="latest")

    def export_by_web(self) -> None:
        self.archives["web"] = self._post("/olga/by-web/export", tables="csv") + "/archive"
        self.client.server.python("-c", _MAKE)

    def publish_by_web(self) -> None:
        page = "/olga/by-web/settings/publish?visibility=public"
        self._post(page, visibility="public", agreed="1")

    def erase_by_web(self) -> None:
        for made in ("artifacts/dataset/data/v0", "artifacts/model/net/v0", f"runs/{self.runs['web']}"):
            self._post(f"/olga/by-web/{made}/erase")

    def _rest(self, method: str, path: str, json: object = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {KEY}"}
        return requests.request(method, self.client.server.url + path, headers=headers, json=json, timeout=60)

    def _post(self, path: str, files: dict[str, str] | None = None, **words: str) -> str:
        """Fill in a form, send it, and say where it leads."""
        url = self.client.server.url + path
        page = self.browser.get(url, timeout=60).text
        hidden = dict(re.findall(r'name="(csrfmiddlewaretoken|once)" value="([\w-]+)"', page))
        sent = [("files", (name, text)) for name, text in (files or {}).items()]
        answer = self.browser.post(
            url, data=hidden | words, files=sent or None, allow_redirects=False, timeout=60
        )
        assert answer.status_code == 302, (path, answer.status_code, answer.text)
        return answer.headers["Location"]


@pytest.fixture(scope="module")
def table(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Table:
    said = server.python("-c", _OLGA, stdin=KEY + "\n")
    _, name, value = next(line for line in said.splitlines() if line.startswith("SESSION ")).split()
    browser = requests.Session()
    browser.cookies.set(name, value)
    return Table(WandbClient(server, Path(tmp_path_factory.mktemp("olga")), KEY), browser)


@pytest.mark.promise("P-01")
@pytest.mark.parametrize(("verb", "kind", "door"), list(product(VERBS, READ, DOORS)))
def test_what_somebody_logs_is_theirs_to_export_to_publish_and_to_erase(
    table: Table, verb: str, kind: str, door: str
) -> None:
    table.reach(verb, door)

    own, others = (table.read(kind, door, by_owner=who) for who in (True, False))

    if verb == "erase":
        assert (own.status_code, others.status_code) in {(410, 404), (404, 404), (410, 410)}
        return
    assert f"{kind} by {door}" in own.text
    if verb == "export":
        archive, refused = (table.get(table.archives[door], by_owner=who) for who in (True, False))
        with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
            assert f"{kind} by {door}".encode() in b"".join(map(opened.read, opened.namelist()))
        assert refused.status_code in {302, 401}
    if verb in {"log", "export"}:
        assert others.status_code == 404
    else:
        assert f"{kind} by {door}" in others.text


# ── One thing by itself ──

RUN = "/olga/by-part/runs/r"
REST = "/api/v1/projects/olga/by-part/runs/r"
_STAYS = "stays"
# By what one of a kind goes by itself. Before files, what a run is written anew for. Nothing erases lines of the console but with their run.
SMALLEST = {
    "config": ("web", "rest"),
    "metrics": ("web", "rest"),
    "system metrics": ("web", "rest"),
    "media": ("web", "rest"),
    "files": ("web", "rest", "client"),
    "code": ("web", "rest", "client"),
    "training data": ("web", "client"),
    "model files": ("web", "client"),
}
_PARTS = {"config": "config", "metrics": "metric", "system metrics": "system", "media": "media"}
_ARTIFACTS = {"training data": ("dataset", "data"), "model files": ("model", "net")}
_VERSIONS = ("web", "client", _STAYS)
_SMALL = """
    names = ("web", "rest", "client", "stays")
    run = wandb.init(project="by-part", id="r", config={f"said_{name}": name for name in names}, settings=FAST)
    pages = {f"page_{name}": wandb.Html(f"<p>{name}", inject=False) for name in names}
    run.log({f"m_{name}": 1 for name in names} | pages)
    for name in names:
        for path in (f"note_{name}.txt", f"code_{name}.py"):
            open(path, "w").write(f"# {name}")
            run.save(path, base_path=".", policy="now")
    for name in ("web", "client", "stays"):
        for called, kind in (("data", "dataset"), ("net", "model")):
            open("of.txt", "w").write(f"{called} {name}")
            made = wandb.Artifact(called, kind)
            made.add_file("of.txt")
            run.log_artifact(made).wait()
    run.finish()
"""
_SMALLEST_BY_CLIENT = """
    api = wandb.Api()
    for made in ("by-part/data:v1", "by-part/net:v1"):
        api.artifact(made).delete(delete_aliases=True)
    run = api.run("olga/by-part/r")
    for name in ("note_client.txt", "code_client.py"):
        run.file(name).delete()
"""
# Goes on with what olga has erased, until its input ends.
_WORK = """
import select, sys, traceback
import django; django.setup()
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance
while not select.select([sys.stdin], [], [], 0.05)[0]:
    for job in ErasureJob.objects.filter(entity__user__username="olga", done_at=None).values_list("pk", flat=True):
        try:
            advance(job)
        except Exception:  # told to whoever reads the test, and tried again; the others go on
            traceback.print_exc()
"""


@dataclass
class Small:
    """A run with one thing of each kind for each who erases one, and one that stays."""

    table: Table
    system: dict[str, str]  # the client decides how they are called
    is_done_by_client: bool = False
    known: set[tuple[str, str]] = field(default_factory=set)  # what was there when it was last looked

    def look(self) -> set[tuple[str, str]]:
        all_of_it = [(kind, name) for kind, doors in SMALLEST.items() for name in (*doors, _STAYS)]
        self.known = {each for each in all_of_it if self.is_there(*each)}
        return self.known

    def is_there(self, kind: str, name: str) -> bool:
        where = self._where(kind, name)
        answer = self.table.get(where, by_owner=True)
        return answer.ok and (kind not in _PARTS or f'"{self._called(kind, name)}' in answer.text)

    def _where(self, kind: str, name: str) -> str:
        if kind in _ARTIFACTS:
            of, called = _ARTIFACTS[kind]
            return f"/olga/by-part/artifacts/{of}/{called}/v{_VERSIONS.index(name)}/files/of.txt"
        pages = {"config": "config", "metrics": "history", "system metrics": "events", "media": "files"}
        return f"{REST}/{pages[kind]}" if kind in pages else f"{REST}/files/{self._called(kind, name)}"

    def _called(self, kind: str, name: str) -> str:
        if kind == "system metrics":
            return self.system[name]
        words = {"config": "said_{}", "metrics": "m_{}", "media": "media/html/page_{}_", "files": "note_{}.txt", "code": "code_{}.py"}  # fmt: skip
        return words[kind].format(name)

    def erase(self, kind: str, door: str) -> None:
        if door == "client":
            if not self.is_done_by_client:
                self.table.client.run(_SMALLEST_BY_CLIENT)
                self.is_done_by_client = True
            return
        if kind in _ARTIFACTS:
            self.table._post(f"{self._where(kind, door).removesuffix('/files/of.txt')}/erase")
            return
        name = self._called(kind, door)
        if kind == "media":
            (name,) = (each for each in self.files() if each.startswith(name))
        if door == "web":
            word = f"{_PARTS.get(kind, 'file')}:{name}"
            self.table._post(f"{RUN}/erase/parts?part={quote(word)}", part=word)
            return
        path = f"{REST}/parts?{_PARTS[kind]}={quote(name)}" if kind in _PARTS else f"{REST}/files/{name}"
        answer = self.table._rest("DELETE", path)
        assert answer.status_code == 202, answer.text

    def files(self) -> list[str]:
        return [each["name"] for each in self.table.get(f"{REST}/files", by_owner=True).json()["items"]]

    def is_back(self) -> bool:
        """A run of which a part is erased is closed for as long as that takes."""
        return self.table.get(REST, by_owner=True).ok


@pytest.fixture(scope="module")
def small(table: Table) -> Iterator[Small]:
    table.client.run(_SMALL)
    rows = table.get(f"{REST}/events", by_owner=True).json()
    names = sorted({name for row in rows for name in row if name.startswith("system.")})
    alone = [each for each in names if not any(other.startswith(f"{each}.") for other in names)]
    command = [sys.executable, "-c", _WORK]
    with subprocess.Popen(command, cwd=ROOT, env=table.client.server.env, stdin=subprocess.PIPE) as worker:
        yield Small(table, dict(zip(("web", "rest", _STAYS), alone, strict=False)))
        assert worker.stdin is not None
        worker.stdin.close()


@pytest.mark.promise("P-09")
@pytest.mark.parametrize(("kind", "door"), [(kind, door) for kind in SMALLEST for door in SMALLEST[kind]])
def test_one_thing_of_each_kind_is_erased_by_itself_and_the_others_stay(
    small: Small, kind: str, door: str
) -> None:
    before = small.known or small.look()
    assert {(kind, _STAYS), (kind, door)} <= before or door == "client"

    small.erase(kind, door)

    wait_for(small.is_back, "the run")
    wait_for(lambda: not small.is_there(kind, door), "the erasure")
    gone = before - small.look()
    # All that the client erases it does by one script.
    assert gone == {each for each in before if each == (kind, door) or door == each[1] == "client"}
