"""What people do beside runs: looks of charts, a registry, versions by hand, exports and imports, and a credential that is found."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from typing import Any

from tests.e2e.secrecy.browser import Browser
from tests.e2e.secrecy.door import Door
from tests.e2e.secrecy.search import Marker
from tests.live import LiveServer

Say = Callable[[str], str]
LOOK = ["look_name", "look_words", "look_spec"]
BY_HAND = [
    "hand_name", "hand_type", "hand_words", "hand_tag", "hand_alias", "hand_key", "hand_value", "hand_file", "hand_bytes",
]  # fmt: skip
REGISTRY = [
    "registry_name",
    "registry_words",
    "registry_type",
    "protected_alias",
    "linked_name",
    "linked_alias",
]
IMPORTED = [
    "mlflow_experiment",
    "mlflow_run",
    "mlflow_parameter",
    "mlflow_value",
    "mlflow_metric",
    "mlflow_tag",
    "mlflow_tag_value",
    "mlflow_note",
    "mlflow_file",
    "mlflow_bytes",
]
# Handed in and not brought: to be found nowhere, though it lay in the store for a moment.
NOT_BROUGHT = ["bad_import_name", "bad_import_text", "broken_import_text"]
# In the words on what was wrong with one.
REFUSED_BY_NAME = ["bad_metric_name"]
TEXTS = [*LOOK, *BY_HAND, *REGISTRY, *IMPORTED, *REFUSED_BY_NAME, "leak_place", "code_artifact"]
_CREDENTIAL = "hf" + "_" + "Qv" * 17
_JSON = {"Content-Type": "application/json"}
_LOOK = """mutation L($entity: String!, $name: String!, $words: String!, $spec: JSONString!) {
  createCustomChart(input: {entity: $entity, name: $name, displayName: $words, type: "vega2", access: "PRIVATE", spec: $spec}) { chart { id } }
}"""
# What the worker does from time to time: an export's seven days are over, and what came into runs is looked through.
_TIME_GOES_ON = """
import django, sys; django.setup()
from apps.core import clock
from apps.erasure.exports import erase_old_exports
from apps.erasure.tasks import sweep
from apps.exports.models import Export
from apps.leaks import tasks
from apps.vault.tree import keys_in_use
Export.objects.filter(public_id=sys.argv[1]).update(expires_at=clock.now())
with keys_in_use():
    assert erase_old_exports() == 1
sweep()
tasks.sweep()
"""


def live_beyond(
    server: LiveServer, door: Door, browser: Browser, say: Say, organisation: str
) -> tuple[str, list[Marker]]:
    """What was read back of it, and what was secret."""
    seen = _look(door, browser, say)
    seen += _registry(door, browser, say, organisation)
    seen += _imports(door, browser, say)
    exported, over = _exports(door, browser)
    door.start_run(say("project"), "leaks", config=json.dumps({say("leak_place"): {"value": _CREDENTIAL}}))
    server.python("-c", _TIME_GOES_ON, over)
    found = door.ask("GET", f"/api/v1/projects/carol/{say('project')}/runs/leaks/secrets")
    assert door.ask("GET", f"/api/v1/exports/{over}").status == 404
    return seen + exported + found.body.decode(), [Marker("credential", _CREDENTIAL)]


def _look(door: Door, browser: Browser, say: Say) -> str:
    """Beside its runs, so that it goes with their project."""
    spec = json.dumps({"mark": "bar", "title": say("look_spec")})
    words = {"entity": "carol", "name": f"{say('project')}/{say('look_name')}", "words": say("look_words")}
    door.data(_LOOK, words | {"spec": spec})
    place = f"/carol/{say('project')}/artifacts/custom-chart/{say('look_name')}/v0"
    return browser.get(place).text + browser.get(f"{place}/files/look.json").text


def _registry(door: Door, browser: Browser, say: Say, organisation: str) -> str:
    """A version of files from one's own disk, and a registry of an organisation to which it is linked."""
    project = f"/carols/{say('team_project')}"
    fields = {
        "name": say("hand_name"),
        "type_name": say("hand_type"),
        "description": say("hand_words"),
        "tags": say("hand_tag"),
        "aliases": say("hand_alias"),
        "metadata": json.dumps({say("hand_key"): say("hand_value")}),
    }
    file = (f"{say('hand_file')}.txt", say("hand_bytes").encode() * 400)
    made = browser.upload(f"{project}/new-artifact", fields, {"uploads": file})
    assert made.status_code == 302, made.text[:3000]
    version = f"{project}/artifacts/{say('hand_type')}/{say('hand_name')}/v0"

    _done(browser.submit("/settings/organisations/new", {"name": organisation}))
    page = f"/organisations/{organisation}"
    _done(browser.submit(f"{page}/teams", {"team": "carols"}, page=page))
    words = {
        "name": say("registry_name"),
        "description": say("registry_words"),
        "visibility": "private",
        "types": f"{say('hand_type')}\n{say('registry_type')}",
    }
    settings = _done(browser.submit(f"{page}/registries/new", words))
    shown = browser.get(settings).text
    seen = re.search(r'name="seen" value="([^"]+)"', shown)
    assert seen is not None
    rules = {"types": words["types"], "protected": say("protected_alias"), "seen": seen[1]}
    _done(browser.submit(f"{settings}/registry", rules, page=settings))

    choice = re.search(rf'value="([^"]*{say("registry_name")}[^"]*)"', browser.get(f"{version}/link").text)
    assert choice is not None
    link = {"registry": choice[1], "collection": say("linked_name"), "aliases": say("linked_alias")}
    linked = _done(browser.submit(f"{version}/link", link))
    pages = (version, f"{version}/files/{say('hand_file')}.txt", settings, linked)
    return "".join(browser.get(each).text for each in pages)


def _done(answered: Any) -> str:
    assert answered.status_code == 302, answered.text[:3000]
    return str(answered.headers["Location"]).partition("#")[0]


# ── what leaves and comes in ──


def _exports(door: Door, browser: Browser) -> tuple[str, str]:
    """One that stays, one that is revoked, and one whose time will be over: its id. The first is brought in again, also broken."""
    stays, revoked, over = (_export(door) for _ in range(3))
    archive = door.ask("GET", f"/api/v1/exports/{stays}/archive").body
    assert door.ask("DELETE", f"/api/v1/exports/{revoked}").status in {200, 202, 204}
    brought = _brought(door, "ownlog", archive)
    assert brought["state"] == "done", brought
    return browser.get("/settings/exports").text + browser.get("/settings/imports").text, over


def _export(door: Door) -> str:
    begun = door.ask("POST", "/api/v1/exports", json.dumps({"entity": "carols"}).encode(), _JSON)
    assert begun.status == 202, begun.body[:500]
    return str(_over(door, f"/api/v1/exports/{begun.json['id']}", {"ready", "failed"}, "ready")["id"])


def _imports(door: Door, browser: Browser, say: Say) -> str:
    """Of MLflow: whole, broken in the middle, and what is no archive at all."""
    brought = _brought(door, "mlflow", _mlflow(say))
    assert (brought["state"], brought["runs"]) == ("done", 1), brought
    assert _brought(door, "mlflow", _mlflow(say, broken=say("broken_import_text")))["state"] == "given_up"
    refused = _zip({f"{say('bad_import_name')}.txt": say("bad_import_text")})
    assert _handed_in(door, "ownlog", refused).status == 400
    assert _handed_in(door, "mlflow", refused[:-40]).status == 400
    place = f"/carol/{say('mlflow_experiment')}"
    (run,) = door.ask("GET", f"/api/v1/projects{place}/runs").json["items"]
    api = f"/api/v1/projects{place}/runs/{run['name']}"
    parts = ("", "/config", "/history", "/summary", "/files", f"/files/artifacts/{say('mlflow_file')}.txt")
    read = "".join(door.ask("GET", f"{api}{part}").body.decode() for part in parts)
    return read + browser.get("/settings/imports").text + browser.get(place).text


def _brought(door: Door, origin: str, archive: bytes) -> dict[str, Any]:
    handed = _handed_in(door, origin, archive)
    assert handed.status == 202, handed.body[:500]
    return _over(door, f"/api/v1/imports/{handed.json['id']}", {"done", "failed", "given_up"})


def _handed_in(door: Door, origin: str, archive: bytes) -> Any:
    path = f"/api/v1/imports?entity=carol&on_clash=rename&origin={origin}"
    return door.ask("POST", path, archive, {"Content-Type": "application/zip"})


def _over(door: Door, path: str, states: set[str], expected: str = "", seconds: float = 90) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (told := door.ask("GET", path).json)["state"] not in states:
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    assert not expected or told["state"] == expected, told
    return dict(told)


def _mlflow(say: Say, *, broken: str = "") -> bytes:
    """A folder as its file store has it, with one run."""
    experiment, run = "310", "8ad9d3b464d9432abfca79250e236759"
    place = f"mlruns/{experiment}/{run}"
    about = {"experiment_id": experiment, "lifecycle_stage": "active"}
    told = about | {
        "run_id": run,
        "run_name": say("mlflow_run"),
        "start_time": 1_700_000_000_000,
        "status": 3,
    }
    files = {
        f"mlruns/{experiment}/meta.yaml": json.dumps(about | {"name": say("mlflow_experiment")}),
        f"{place}/meta.yaml": json.dumps(
            told | {"end_time": 1_700_000_010_000, "user_id": "nina", "tags": []}
        ),
        f"{place}/params/{say('mlflow_parameter')}": say("mlflow_value"),
        f"{place}/metrics/{say('mlflow_metric')}": "1700000000000 0.5 0\n1700000001000 0.25 1\n",
        f"{place}/tags/{say('mlflow_tag')}": say("mlflow_tag_value"),
        f"{place}/tags/mlflow.note.content": say("mlflow_note"),
        f"{place}/artifacts/{say('mlflow_file')}.txt": say("mlflow_bytes") * 100,
    }
    if broken:
        files[f"{place}/metrics/{say('bad_metric_name')}"] = f"{broken} {broken}\n"
    return _zip(files)


def _zip(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()
