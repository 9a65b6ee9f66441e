"""The real wandb client, in a process and a home of its own, against a live instance."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live import API_KEY, LiveServer

# Another version of the client: the python of an environment that has it.
PYTHON = os.environ.get("OWNLOG_TEST_WANDB_PYTHON", sys.executable)
IS_OLDER = "OWNLOG_TEST_WANDB_PYTHON" in os.environ
# It takes whole seconds; of less it makes its usual fifteen.
_BEFORE = """
import json, os, sys, time
import wandb
FAST = wandb.Settings(x_file_stream_transmit_interval=1)
def tell(**facts):
    print("TELL " + json.dumps(facts, default=str), flush=True)
"""

Json = dict[str, Any]


@dataclass(frozen=True)
class Finished:
    """A script that has ended: what it printed, and what it told."""

    code: int
    text: str

    @property
    def told(self) -> Json:
        facts: Json = {}
        for line in self.text.splitlines():
            if line.startswith("TELL "):
                facts |= json.loads(line[5:])
        return facts


@dataclass
class WandbClient:
    server: LiveServer
    home: Path
    key: str = API_KEY

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        own = {"HOME": str(self.home), "WANDB_BASE_URL": self.server.url, "WANDB_API_KEY": self.key}
        return kept | own | {"PYTHONWARNINGS": "ignore"} | more

    def start(self, script: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        path = self.home / "train.py"
        path.write_text(_BEFORE + textwrap.dedent(script))
        return subprocess.Popen(
            [PYTHON, str(path), *arguments],
            cwd=self.home,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, script: str, *arguments: str, code: int = 0, **environment: str) -> Finished:
        """Run a script to its end, which must be `code`."""
        return self.ended(self.start(script, *arguments, **environment), code=code)

    @staticmethod
    def ended(process: subprocess.Popen[str], *, code: int = 0) -> Finished:
        text, _ = process.communicate(timeout=120)
        assert process.returncode == code, text
        return Finished(process.returncode, text)

    def command(self, *arguments: str, code: int = 0, **environment: str) -> Finished:
        """Run the `wandb` command to its end, which must be `code`."""
        call = [PYTHON, "-m", "wandb", *arguments]
        process = subprocess.Popen(
            call,
            cwd=self.home,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.ended(process, code=code)

    # ── a look from outside, without the client ──

    def ask(self, query: str, **variables: Any) -> Json:
        body = json.dumps({"query": query, "variables": variables}).encode()
        with urllib.request.urlopen(self._request("/graphql", body), timeout=30) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        data: Json = answer["data"]
        return data

    def run_of(self, project: str, name: str, fields: str) -> Json:
        query = f"query($p: String, $r: String!) {{ project(name: $p) {{ run(name: $r) {{ {fields} }} }} }}"
        found: Json = self.ask(query, p=project, r=name)["project"]["run"]
        return found

    def rows(self, project: str, name: str) -> list[Json]:
        found = self.run_of(project, name, "history(samples: 10000)")["history"]
        return [json.loads(text) for text in found]

    def lines(self, project: str, name: str) -> list[Json]:
        fields = "logLines(first: 1000) { edges { node { number level line timestamp } } }"
        return [edge["node"] for edge in self.run_of(project, name, fields)["logLines"]["edges"]]

    def file(self, project: str, name: str, file_name: str) -> bytes | None:
        fields = f'files(names: ["{file_name}"]) {{ edges {{ node {{ url }} }} }}'
        edges = self.run_of(project, name, fields)["files"]["edges"]
        if not edges:
            return None
        path = edges[0]["node"]["url"].removeprefix(self.server.url)
        with urllib.request.urlopen(self._request(path), timeout=30) as response:
            data: bytes = response.read()
        return data

    def file_names(self, project: str, name: str) -> set[str]:
        found = self.run_of(project, name, "files(first: 1000) { edges { node { name } } }")["files"]["edges"]
        return {edge["node"]["name"] for edge in found}

    def _request(self, path: str, body: bytes | None = None) -> urllib.request.Request:
        credentials = base64.b64encode(f"api:{self.key}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        return urllib.request.Request(self.server.url + path, data=body, headers=headers)
