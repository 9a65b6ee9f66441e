"""The two ways to talk to a live instance: the real wandb client in a process of its own, and raw HTTP.

Both keep apart from the developer's own wandb: a fresh HOME, no settings, no netrc.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import requests

from apps.demo.people import PASSWORD
from tests.live import API_KEY, LiveServer

Row = dict[str, Any]

# A client that waits a second or less where a real one waits two to sixty; the code under it is the same.
FAST = {
    "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "1",  # whole seconds: it takes less for its usual fifteen
    "WANDB__FILE_STREAM_RETRY_WAIT_MIN_SECONDS": "0.1",
    "WANDB__FILE_STREAM_RETRY_WAIT_MAX_SECONDS": "0.3",
    "WANDB__FILE_STREAM_TIMEOUT_SECONDS": "10",
    "WANDB__FILE_TRANSFER_RETRY_WAIT_MIN_SECONDS": "0.1",
    "WANDB__FILE_TRANSFER_RETRY_WAIT_MAX_SECONDS": "0.3",
    "WANDB__FILE_TRANSFER_RETRY_MAX": "200",
    "WANDB__GRAPHQL_RETRY_WAIT_MIN_SECONDS": "0.1",
    "WANDB__GRAPHQL_RETRY_WAIT_MAX_SECONDS": "0.3",
    "WANDB__GRAPHQL_RETRY_MAX": "200",
}

# Printed by a script before its answer, so that what the client itself prints is not taken for it.
ANSWER = "answer: "
_PRELUDE = f"""
import json, sys

def answer(value):
    print({ANSWER!r} + json.dumps(value), file=sys.__stdout__, flush=True)

"""


class ClientProcess:
    """One Python script that uses wandb, running."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def is_running(self) -> bool:
        return self.process.poll() is None

    def wait(self, seconds: float = 90) -> str:
        """What the script printed, once it has ended well."""
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"the client did not end within {seconds} s:\n{self.text()[-3000:]}") from None
        if code != 0:
            raise RuntimeError(f"the client ended with {code}:\n{self.text()[-3000:]}")
        return self.text()

    def answer(self, seconds: float = 90) -> Any:
        """What the script handed to `answer()`."""
        lines = [line for line in self.wait(seconds).splitlines() if line.startswith(ANSWER)]
        if not lines:
            raise RuntimeError(f"the client gave no answer:\n{self.text()[-3000:]}")
        return json.loads(lines[-1].removeprefix(ANSWER))

    def kill(self) -> None:
        """kill -9 of the script and of the wandb-core that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Client:
    """A machine with wandb installed and logged in to one instance."""

    def __init__(
        self,
        url: str,
        *,
        key: str = API_KEY,
        env: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self.python = python
        self.folder = Path(tempfile.mkdtemp(prefix="ownlog-client-"))
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("OWNLOG_", "DJANGO_", "WANDB_"))
        }
        self.env = (
            kept
            | FAST
            | {
                "HOME": str(self.folder),
                "WANDB_DIR": str(self.folder),
                "WANDB_CACHE_DIR": str(self.folder / "cache"),
                "WANDB_BASE_URL": url,
                "WANDB_API_KEY": key,
                "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": "",
                **(env or {}),
            }
        )
        self.started: list[ClientProcess] = []

    def start(self, script: str, *arguments: str, **env: str) -> ClientProcess:
        """Run `script` with wandb importable and `answer(value)` defined."""
        number = len(self.started)
        file = self.folder / f"train_{number}.py"
        file.write_text(_PRELUDE + script, encoding="utf-8")
        output = self.folder / f"printed_{number}.txt"
        with output.open("wb") as printed:
            process = subprocess.Popen(
                [self.python, str(file), *arguments],
                cwd=self.folder,
                env=self.env | env,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        running = ClientProcess(process, output)
        self.started.append(running)
        return running

    def run(self, script: str, *arguments: str, seconds: float = 90, **env: str) -> str:
        return self.start(script, *arguments, **env).wait(seconds)

    def ask(self, script: str, *arguments: str, seconds: float = 90, **env: str) -> Any:
        return self.start(script, *arguments, **env).answer(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self.started:
            running.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def browser_of(server: LiveServer, name: str) -> requests.Session:
    """Somebody's browser, signed in with the password of the demo."""
    set_it = f"one = User.objects.get(username={name!r}); one.set_password({PASSWORD!r}); one.save()"
    server.manage("shell", "-c", f"from apps.accounts.models import User; {set_it}")
    browser = requests.Session()
    browser.trust_env = False
    page = browser.get(f"{server.url}/sign-in", timeout=60).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    form = {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    browser.post(f"{server.url}/sign-in", data=form, timeout=60)
    return browser


_READ_RUN = """
import wandb
run = wandb.Api(timeout=60).run(sys.argv[1])
answer({
    "state": run.state,
    "config": run.config,
    "summary": run.summary._json_dict,
    "scanned": list(run.scan_history(page_size=int(sys.argv[2]))),
    "sampled": run.history(samples=100_000, pandas=False),
    "last_step": run.lastHistoryStep,
})
"""


def read_run(client: Client, path: str, *, page_size: int = 1000) -> Row:
    """A run as wandb.Api() sees it: state, config, summary, scan_history and history."""
    read: Row = client.ask(_READ_RUN, path, str(page_size))
    return read


class Http:
    """Requests as wandb-core sends them, one by one, so that a test can repeat, reorder and break them."""

    def __init__(self, url: str, *, key: str = API_KEY, entity: str = "alice", project: str = "demo") -> None:
        self.url = url
        self.entity = entity
        self.project = project
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = ("api", key)
        self.session.headers["User-Agent"] = "wandb-core"

    def graphql(self, query: str, variables: Row | None = None) -> Row:
        body = {"query": query, "variables": variables or {}, "operationName": ""}
        response = self.session.post(self.url + "/graphql", json=body, timeout=60)
        response.raise_for_status()
        answer = response.json()
        assert "errors" not in answer, answer
        data: Row = answer["data"]
        return data

    def make_run(self, name: str, *, config: str | None = None) -> Row:
        variables = {"name": name, "project": self.project, "entity": self.entity, "config": config}
        bucket: Row = self.graphql(_UPSERT, variables)["upsertBucket"]["bucket"]
        return bucket

    def post(self, run: str, body: Row | bytes, *, writer: str | None = None) -> requests.Response:
        """One file_stream request; `writer` sends it the way a process of a shared run does."""
        path = "/".join(quote(part, safe="") for part in (self.entity, self.project, run))
        headers = {"Content-Type": "application/json"}
        if writer is not None:
            headers |= {"X-Wandb-Use-Async-Filestream": "true", "X-Wandb-Async-Client-Id": writer}
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return self.session.post(
            f"{self.url}/files/{path}/file_stream", data=data, headers=headers, timeout=60
        )

    def send(
        self,
        run: str,
        *,
        history: tuple[int, Sequence[str | Row]] | None = None,
        events: tuple[int, Sequence[str | Row]] | None = None,
        output: tuple[int, Sequence[str]] | None = None,
        summary: str | Row | None = None,
        exitcode: int | None = None,
        writer: str | None = None,
    ) -> int:
        """Post some lines, each stream as (offset, lines); the status of the answer."""
        streams = {
            "wandb-history.jsonl": history,
            "wandb-events.jsonl": events,
            "output.log": output,
            "wandb-summary.json": None if summary is None else (0, [summary]),
        }
        files = {
            name: {"offset": sent[0], "content": [_line(item) for item in sent[1]]}
            for name, sent in streams.items()
            if sent is not None
        }
        body: Row = {"files": files} if files else {}
        if exitcode is not None:
            body |= {"complete": True, "exitcode": exitcode}
        return self.post(run, body, writer=writer).status_code

    def read(self, run: str, fields: str, **variables: Any) -> Row:
        """Fields of a run, by a GraphQL selection."""
        query = "query Read($entity:String,$project:String,$run:String!){project(name:$project,entityName:$entity){run(name:$run){%s}}}"
        place = {"entity": self.entity, "project": self.project, "run": run}
        found: Row = self.graphql(query % fields, place | variables)["project"]["run"]
        return found

    def rows(self, run: str) -> list[Row]:
        """Every row of the history, in order."""
        return list(self.row_pages(run, 10_000))

    def row_pages(self, run: str, size: int) -> Iterator[Row]:
        """The history read as scan_history does it: page by page of steps."""
        last = self.read(run, "historyKeys")["historyKeys"].get("lastStep", -1)
        for start in range(0, int(last) + 1, size):
            page = f"history(minStep:{start},maxStep:{start + size},samples:{size})"
            yield from (json.loads(line) for line in self.read(run, page)["history"])

    def events(self, run: str) -> list[Row]:
        return [json.loads(line) for line in self.read(run, "events(samples:100000)")["events"]]

    def console(self, run: str) -> list[str]:
        """The text of every console line."""
        lines: list[str] = []
        after = None
        while True:
            page = "logLines(first:5000%s){edges{node{line}}pageInfo{endCursor hasNextPage}}"
            found = self.read(run, page % ("" if after is None else f",after:{json.dumps(after)}"))[
                "logLines"
            ]
            lines += [edge["node"]["line"] for edge in found["edges"]]
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                return lines

    def announce(self, run: str, names: Sequence[str]) -> dict[str, str]:
        """The upload URL of each file."""
        variables = {"entity": self.entity, "project": self.project, "run": run, "files": list(names)}
        made = self.graphql(_CREATE_FILES, variables)["createRunFiles"]["files"]
        return {file["name"]: file["uploadUrl"] for file in made}

    def put(self, url: str, data: bytes) -> int:
        """Upload without a key, as the client does."""
        return requests.put(url, data=data, timeout=60).status_code

    def files(self, run: str) -> dict[str, Row]:
        found = self.read(run, "files(first:1000){edges{node{name sizeBytes md5 directUrl}}}")["files"][
            "edges"
        ]
        return {edge["node"]["name"]: edge["node"] for edge in found}

    def download(self, run: str, name: str) -> bytes:
        response = requests.get(self.files(run)[name]["directUrl"], timeout=60)
        response.raise_for_status()
        return response.content


def _line(item: str | Row) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


_UPSERT = """
mutation Make($name:String,$project:String,$entity:String,$config:JSONString){
  upsertBucket(input:{name:$name,modelName:$project,entityName:$entity,config:$config}){bucket{id name displayName}}
}"""

_CREATE_FILES = """
mutation Files($entity:String!,$project:String!,$run:String!,$files:[String!]!){
  createRunFiles(input:{entityName:$entity,projectName:$project,runName:$run,files:$files}){files{name uploadUrl}}
}"""
