"""An instance that one person used for everything: by the client, by bare requests, by every page, also amiss."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from django.urls import reverse

from tests.e2e.clients import Client
from tests.e2e.secrecy import beyond, people
from tests.e2e.secrecy.browser import BESIDES, PASSWORD, Browser
from tests.e2e.secrecy.door import RUN, UPSERT, Door, history
from tests.e2e.secrecy.held import Held
from tests.e2e.secrecy.logged import READ, TRAIN
from tests.e2e.secrecy.search import Hit, Marker, Reading, new_text, search_readings, value_readings
from tests.e2e.secrecy.test_tenants import API, PAGES
from tests.live import LiveServer
from tests.providers import Provider
from tests.web.mailbox import Mailbox, words_of


@dataclass
class World:
    """An instance that was used by one person for everything, and what she wrote."""

    held: Held
    watch: Path
    mailbox: Mailbox
    markers: dict[str, Marker]
    secrets: list[Marker] = field(default_factory=list)
    seen: str = ""
    read: str = ""  # of it, by the client
    fetched: list[str] = field(default_factory=list)  # of the provider, by the instance
    # Stand in the clear as long as they are there.
    clear: list[Marker] = field(
        default_factory=lambda: [new_text("name and address"), new_text("organisation")]
    )

    @property
    def server(self) -> LiveServer:
        return self.held.server

    @property
    def values(self) -> dict[str, str | float]:
        return {name: marker.value for name, marker in self.markers.items()} | {"entity": "carol"}

    def text(self, name: str) -> str:
        return str(self.markers[name].value)

    def hits(self) -> list[Hit]:
        """Of all, in all that the instance owns. What it has sent by mail is links, with their secrets, and names of people."""
        found = self.hits_of(*self.markers.values(), *self.secrets)
        return found + self.hits_in_mails(*self.markers.values())

    def hits_of(self, *markers: Marker) -> list[Hit]:
        return search_readings(self.held.readings(), markers)

    def hits_in_mails(self, *markers: Marker) -> list[Hit]:
        """But for the addresses that they went to."""
        return search_readings(self._mails(), markers)

    @property
    def backups(self) -> Path:
        return self.server.folder / "backups"

    @property
    def backup_keys(self) -> Path:
        """Where backups leave the root key: apart from them."""
        return self.watch.parent / "backup keys"

    @property
    def copied_keys(self) -> Path:
        """What somebody copied of it, whom nobody can make forget."""
        return self.watch.parent / "copied keys"

    def back_up(self, name: str) -> None:
        self.backups.mkdir(exist_ok=True)
        self.server.manage("backup", str(self.backups / name), "--keys", str(self.backup_keys))

    def become_the_backup(self, name: str) -> None:
        """What is started from now on has its main database, and its files where they are in it."""
        self.server.stop()
        self.server.env.pop("OWNLOG_VAULT_URL", None)
        self.server.env |= self.held.put_back(self.backups / name)

    def _mails(self) -> Iterator[Reading]:
        for mail in self.mailbox.mails:
            for name, value in mail.items():
                if name != "To":
                    yield from value_readings(f"mail, {name}", value)
            yield from value_readings("mail", words_of(mail))


def live_through(world: World, there: Provider) -> None:
    browser = Browser(world.server.url)
    browser.sign_up("carol")
    world.server.manage("grant_plan", "carol", "team")
    key = world.server.manage("issue_api_key", "carol").split()[-1]
    session = browser.session.cookies["ownlog_session"]
    world.secrets = [Marker("API key", key), Marker("password", PASSWORD), Marker("session", session)]
    with Client(world.server.url, key=key) as client:
        client.ask(TRAIN, json.dumps(world.values))
        wait_for_compaction(world.held)
        world.seen = world.read = client.ask(READ, json.dumps(world.values))
    door = Door(world.server.url, key)
    world.seen += raw_reads(world, door)
    log_more(world, door)
    world.seen += found_a_team(world, door)
    world.seen += share(world, door, browser)
    organisation = str(world.clear[1].value)
    seen, secrets = beyond.live_beyond(world.server, door, browser, world.text, organisation)
    world.seen += seen
    world.secrets += secrets
    seen, secrets = people.live_as_people(browser, there, world.mailbox, world.text)
    world.seen += seen
    world.secrets += secrets
    world.fetched = list(there.fetched)
    misbehave(world, door, browser)
    world.seen += visit_everything(world, browser)


CREATE_ARTIFACT = "mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id } } }"
_IN_CHUNKS = "SELECT count(*) FROM runs_chunk WHERE stream = 'history'"


def wait_for_compaction(held: Held, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if held.rows("SELECT id FROM runs_segment") and held.rows(_IN_CHUNKS) == [(0,)]:
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
    # Code, which is not kept here: that it was offered is.
    offered = {"entityName": "carol", "projectName": project, "runName": "hot", "digest": "0" * 32}
    named = {"artifactTypeName": "job", "artifactCollectionName": world.text("code_artifact")}
    door.graphql(CREATE_ARTIFACT, {"i": offered | named})


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
    """A project of the team that is described, a view of its table, a link to it with a label, a webhook, and somebody invited."""
    words = {
        "entity": "carols",
        "name": world.text("team_project"),
        "description": world.text("project_description"),
    }
    made = door.ask(
        "POST", "/api/v1/projects", json.dumps(words).encode(), {"Content-Type": "application/json"}
    )
    place = f"/carols/{world.text('team_project')}"
    view = {"name": world.text("view_name"), "q": f"notes ~ {world.text('view_words')}"}
    saved = browser.submit(f"{place}/views", view, page=place)
    assert saved.status_code == 302, saved.text[:2000]
    led = browser.get(saved.headers["Location"]).headers["Location"]
    settings = f"{place}/settings"
    shown = browser.submit(
        f"{settings}/links", {"label": world.text("link_label"), "days": "7"}, page=settings
    )
    hook = {
        "address": f"https://hooks.example/{world.text('webhook_address')}",
        "happenings": "run.finished",
    }
    hooked = browser.submit(f"{settings}/webhooks", hook, page=f"{settings}/webhooks")
    signs_with = re.search(r"whsec_[\w+/=]{44}", hooked.text)
    assert signs_with is not None, hooked.text[:2000]
    world.secrets.append(Marker("secret of a webhook", signs_with[0]))
    address = f"{world.text('invited_name')}@example.com"
    invited = browser.submit(
        "/teams/carols/invitations", {"email": address, "role": "viewer"}, page="/teams/carols"
    )
    for kind, page in (("share", shown), ("invitations", invited)):
        secret = re.search(rf"/{kind}/([\w-]{{30,}})", page.text)
        assert secret is not None, page.text[:2000]
        world.secrets.append(Marker(f"secret of /{kind}", secret[1]))
    hooks = browser.get(f"{settings}/webhooks").text
    return (
        browser.get(led).text
        + made.body.decode()
        + hooks
        + browser.get(settings).text
        + browser.get("/teams/carols").text
    )


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
             "name": f"{world.text('folder_name')}/{world.text('file_name')}.bin", "public_id": "x", "hook": "x", "url": world.text("bad_path"), "which": "config"}  # fmt: skip
    asked = {"q": world.text("page_query"), "key": world.text("metric_name"), "filter": world.text("page_query"),
             "sort": world.text("metric_name"), "order": f"-summary_metrics.{world.text('metric_name')}", "page": world.text("page_query")}  # fmt: skip
    seen = []
    seen.append(browser.get(f"/carol/{known['project']}/runs/hot/artifacts").text)
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
