"""Code saving, every way the client has against every setting: what is stored, asserted on the disk and in the database.

The real client goes each of its ten ways once where saving is on and once where it is off; what people, teams and
organisations may set against each other is asked by requests as the client sends them.
"""

from __future__ import annotations

import json
import subprocess
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version, WithheldArtifact
from apps.blobs.models import Blob
from apps.files.models import RunFile
from apps.files.queries import withheld_names
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.teams.choices import SettingName
from apps.teams.models import Setting
from apps.teams.queries import default_entity
from apps.teams.services import choose
from tests.factories import artifacts, people
from tests.live import LiveServer
from tests.wandb_protocol.asking import Asker
from tests.wandb_protocol.client import WandbClient

CANARY = "canary-in-code"
KEYS = {"on": "a" * 40, "off": "b" * 40}
MAIN, PATCH = "code/train.py", "diff.patch"
BOOK = frozenset(
    {"code/book.ipynb", PATCH}
)  # the history of its session is a part of the artifact "source-…"


@dataclass(frozen=True)
class Way:
    """How a script comes to save code. `stored`: what is kept of it where saving is on; `sent`: what is refused where off."""

    settings: str = ""
    after: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    stored: frozenset[str] = frozenset({MAIN, PATCH})
    sent: frozenset[str] = frozenset()
    # The artifacts that it makes where saving is on: type, how the name begins, a file in it, and is the script there?
    artifacts: tuple[tuple[str, str, str, bool], ...] = ()


NOTHING: frozenset[str] = frozenset()
BOTH = frozenset({MAIN, PATCH})
# Where the client has not heard the server's word it sends what the script asks for: those are refused when they come.
SOURCE = ("code", "source-ways-", "notes.py", True)
HISTORY = ("code", "source-ways-", "_session_history.ipynb", True)
JOB = ("job", "job-", "wandb-job.json", False)
WAYS = {
    "yes": Way("save_code=True"),
    "no": Way("save_code=False", stored=NOTHING),
    "unsaid": Way(),
    "env": Way(environment={"WANDB_SAVE_CODE": "true"}),
    "disabled": Way(environment={"WANDB_DISABLE_CODE": "true"}, stored=NOTHING),
    "silent": Way("save_code=True", environment={"WANDB_SILENT": "true"}, sent=BOTH),
    "log_code": Way("save_code=False", after="run.log_code('.')", stored=NOTHING, artifacts=(SOURCE,)),
    "offline": Way("save_code=True", environment={"WANDB_MODE": "offline"}, sent=BOTH),
    "notebook": Way("save_code=True", environment={"WANDB_NOTEBOOK_NAME": "book.ipynb"}, stored=BOOK, artifacts=(HISTORY,)),
    "job": Way("save_code=True, disable_job_creation=False", after="run.log_code('.')", artifacts=(SOURCE, JOB)),
}  # fmt: skip
SCRIPT = """
    # canary-in-code
    run = wandb.init(project="ways", id={id!r}, settings=wandb.Settings(x_disable_stats=True, {settings}))
    run.log({{"loss": 1}})
    {after}
    run.finish()
"""
LOOK = """
import json
import django
django.setup()
from apps.artifacts.models import Collection, RunVersion, StoredFile, Version
from apps.artifacts.queries import find_by_digest, list_entries, open_version, read_stored
from apps.blobs.models import Blob
from apps.files.models import RunFile
from apps.files.queries import list_files, read_file, withheld_names
from apps.runs.models import Run
from apps.runs.queries import open_run
def made(version):
    opened = open_version(version)
    read = {
        each.path: b"".join(read_stored(version, find_by_digest(version, each.digest)))
        for each in list_entries(version)
    }
    has_code = CANARY.encode() in b"".join(read.values())
    return [opened.collection.type_name, opened.collection.name, sorted(read), has_code]
found = {}
for run in Run.objects.select_related("project__entity"):
    opened = open_run(run)
    files = list_files(run)
    found[opened.run.project.entity.name + "/" + opened.head.name] = {
        "state": run.state,
        "commit": opened.head.commit,
        "config": opened.config_text,
        "code": [row.pk for row in RunFile.objects.filter(run=run, is_code=True, blob__isnull=False)],
        "names": [each.name for each in files],
        "canary": [each.name for each in files if CANARY.encode() in b"".join(read_file(each.file))],
        "withheld": withheld_names(run),
        "artifacts": [made(row.version) for row in RunVersion.objects.filter(run=run).order_by("pk")],
    }
traces = [
    Collection.objects.filter(project__entity__name="off").count(),
    Version.objects.filter(collection__project__entity__name="off").count(),
    StoredFile.objects.filter(project__entity__name="off").count(),
]
print("FOUND " + json.dumps({"runs": found, "traces": traces, "objects": list(Blob.objects.values_list("object_name", flat=True))}))
"""


# ── The real client ──


def folder(parent: Path, name: str) -> Path:
    """A git work tree with a change that is not committed, and a notebook."""
    home = parent / name
    home.mkdir()
    git = ["git", "-C", str(home), "-c", "user.email=a@b.example", "-c", "user.name=a"]
    subprocess.run([*git, "init", "-q"], check=True)
    (home / "notes.py").write_text("x = 1\n")
    subprocess.run([*git, "add", "notes.py"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    (home / "notes.py").write_text(f"x = '{CANARY}'\n")
    cell = {"cell_type": "code", "source": f"# {CANARY}", "metadata": {}, "outputs": []}
    (home / "book.ipynb").write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    return home


# A notebook's shell without a kernel: by its connection file the client knows that it is in Jupyter.
SHELL = """
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config
    shell = InteractiveShell.instance(config=Config({"IPKernelApp": {"connection_file": "jupyter/kernel.json"}}))
    for line in ("1 + 1", "2 + 2"):  # the client keeps no history of a single cell
        shell.run_cell(line, store_history=True)
    done = shell.run_cell(open("cell.txt").read(), store_history=True)
    sys.exit(0 if done.success else 1)
"""


def log(server: LiveServer, parent: Path, owner: str, name: str) -> None:
    way = WAYS[name]
    client = WandbClient(server, folder(parent, f"{owner}-{name}"), KEYS[owner])
    script = SCRIPT.format(id=name, settings=way.settings, after=way.after)
    if name == "notebook":
        (client.home / "cell.txt").write_text("import wandb\n" + textwrap.dedent(script))
        client.ended(client.start(SHELL, **way.environment))
        return
    client.ended(client.start(script, **way.environment))
    if name == "offline":
        client.command("sync", str(next((client.home / "wandb").glob("offline-run-*"))))


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What is on one instance once two people have gone every way: one saves code, the other does not."""
    parent = tmp_path_factory.mktemp("homes")
    turn = "import django; django.setup(); from apps.teams.models import Setting, Entity;"
    with LiveServer() as server:
        for name, key in KEYS.items():
            server.account(name, key)
        turn += "Setting.objects.create(entity=Entity.objects.get(name='on'), name='code_saving', value='on')"
        server.python("-c", turn)
        with ThreadPoolExecutor(6) as pool:
            for done in [pool.submit(log, server, parent, owner, name) for owner in KEYS for name in WAYS]:
                done.result()
        told = server.python("-c", f"CANARY = {CANARY!r}\n{LOOK}")
        found: dict[str, Any] = json.loads(told.partition("FOUND ")[2].splitlines()[0])
        paths = [path for path in server.data.rglob("*") if path.is_file()]
        found["paths"] = {path.name for path in paths}
        found["open"] = [path.name for path in paths if CANARY.encode() in path.read_bytes()]
        yield found


@pytest.mark.live
@pytest.mark.xdist_group("wandb client")
@pytest.mark.promise("P-05")
@pytest.mark.embedded  # about the client: what a server does with each way is asked by requests, on servers too
def test_every_way_of_the_client_keeps_what_its_owner_chose(logged: dict[str, Any]) -> None:
    wrong: dict[str, Any] = {}
    for name, way in WAYS.items():
        for owner in KEYS:
            run = logged["runs"][f"{owner}/{name}"]
            code = {
                each
                for each in run["names"]
                if each.startswith("code/") or each.endswith((".patch", ".ipynb"))
            }
            seen = {
                "state": run["state"],
                "code": code,
                "rows": len(run["code"]),
                "canary": set(run["canary"]) <= code if owner == "on" else run["canary"] == [],
                "code_path": "code_path" in run["config"],
                "has commit": len(run["commit"]),
                "withheld": set(run["withheld"]),
                "artifacts": [told(each, way) for each in run["artifacts"]],
            }
            kept = way.stored if owner == "on" else NOTHING
            wanted = {
                "state": "finished",
                "code": set(kept),
                "rows": len(kept),
                "canary": True,
                # What run.log_code sends by itself is an artifact; the client notes it here too.
                "code_path": owner == "on" and (bool(kept) or name == "log_code"),
                "has commit": 40,
                "withheld": set(way.sent) if owner == "off" else set(),
                "artifacts": list(way.artifacts) if owner == "on" else [],
            }
            wrong |= {f"{owner}/{name}": (seen, wanted)} if seen != wanted else {}

    assert wrong == {}, wrong
    assert logged["traces"] == [0, 0, 0]  # nor what was begun and not seen


def told(artifact: tuple[str, str, list[str], bool], way: Way) -> tuple[str, str, str, bool]:
    """An artifact as the way has it, where it fits one of that type."""
    kind, name, files, has_code = artifact
    for wanted in way.artifacts:
        if kind == wanted[0] and name.startswith(wanted[1]) and any(wanted[2] in each for each in files):
            return (kind, wanted[1], wanted[2], has_code)
    return (kind, name, " ".join(files), has_code)


@pytest.mark.live
@pytest.mark.xdist_group("wandb client")
@pytest.mark.promise("P-05")
@pytest.mark.embedded  # about the data folder
def test_the_disk_holds_no_code_in_the_open_and_no_object_that_no_row_has(logged: dict[str, Any]) -> None:
    assert logged["open"] == []
    objects = {name.rsplit("/", 1)[-1] for name in logged["objects"]}
    assert len(objects) > len(WAYS)
    assert objects <= logged["paths"]
    others = {
        name for name in logged["paths"] - objects if len(name) >= min(map(len, objects)) and "." not in name
    }
    assert others == set()


# ── Who sets what ──

SWITCHES = ("unset", "on", "off")
# A script, what was changed of it, a notebook, and the history of a session: the files of a run that are code.
CODE = ["_session_history.ipynb", MAIN, "deep/book.ipynb", PATCH]
# Artifacts that the client makes by itself, and one that a script names.
MADE, NAMED = (("code", "source-x"), ("job", "job-x")), ("code", "mine")
CREATE = "mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id } } }"
ROOM = "mutation($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { uploadUrl } } } } }"


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise("P-05")
@pytest.mark.parametrize("locked", ["no", "on", "off"])
def test_people_teams_and_organisations_set_against_each_other(ann: Asker, alice: User, locked: str) -> None:
    by = Actor.person(alice)
    lab = people.team("robots", admin=alice)
    institute = people.organisation("institute", admin=alice, teams=[lab])
    ann.start(entity="alice", project="own")
    ann.start(entity="robots", project="team")
    own, team = Run.objects.order_by("pk")
    seen, wanted = {}, {}
    for mine in SWITCHES:
        for theirs in SWITCHES:
            for entity, value in ((default_entity(by), mine), (lab, theirs)):
                if value != "unset":
                    choose(entity, SettingName.CODE_SAVING, value == "on", by=by)
            if locked != "no":
                choose(institute, SettingName.CODE_SAVING, locked == "on", by=by, enforce=True)
            key = (mine, theirs)
            places = {"alice/own/run1": own, "robots/team/run1": team}
            seen[key] = (
                said(ann),
                [stored(ann, path, run) for path, run in places.items()],
                [begun(ann, path, run, key) for path, run in places.items()],
            )
            decided = theirs if locked == "no" else locked
            on = (mine == "on", decided == "on")
            wanted[key] = (mine == "on", [kept_if(each) for each in on], [begun_if(each) for each in on])
            forget()

    assert seen == wanted
    assert all("code_path" not in open_run(run).config_text for run in Run.objects.all())


def said(ann: Asker) -> bool:
    """What the client is told: true only where this person chose it, whatever a team of theirs says."""
    flags = json.loads(ann.data("{ viewer { flags } }")["viewer"]["flags"])
    return bool(flags["code_saving_enabled"])


def stored(ann: Asker, path: str, run: Run) -> tuple[list[str], int, int]:
    """What is withheld of what was announced, how much code has bytes, and how many blobs the run's files have."""
    rooms = ann.room_for(path, *CODE, "notes.txt")
    statuses = {name: ann.put(url, b"x").status_code for name, url in rooms.items() if url}
    assert set(statuses.values()) == {200}
    files = RunFile.objects.filter(run=run, blob__isnull=False)
    found = (
        withheld_names(run),
        files.filter(is_code=True).count(),
        Blob.objects.filter(run_files__in=files).count(),
    )
    run.files.all().delete()
    run.withheld_files.all().delete()
    return found


def kept_if(on: bool) -> tuple[list[str], int, int]:
    return ([], len(CODE), len(CODE) + 1) if on else (CODE, 0, 1)


def begun(ann: Asker, path: str, run: Run, key: tuple[str, str]) -> dict[str, Any]:
    """Who is refused, and how many versions, files and blobs the others made; what the run's page is told of the refused."""
    entity, project, name = path.split("/")
    before = counted(run)
    refused, wanted = [], []
    for type_name, collection in (*MADE, NAMED):
        content = f"{path} {key} {collection}".encode()
        new = {
            "entityName": entity,
            "projectName": project,
            "runName": name,
            "digest": artifacts.md5(content),
        }
        answer = ann.ask(
            CREATE, i=new | {"artifactTypeName": type_name, "artifactCollectionName": collection}
        )
        if "errors" in answer:
            assert "Code saving is off" in answer["errors"][0]["message"]
            refused.append(collection)
        else:
            wanted.append((answer["data"]["createArtifact"]["artifact"]["id"], content))
    files = [{"artifactID": held, "name": "a.py", "md5": artifacts.md5(content)} for held, content in wanted]
    edges = ann.data(ROOM, i={"artifactFiles": files})["createArtifactFiles"]["files"]["edges"]
    for edge, (_held, content) in zip(edges, wanted, strict=True):
        assert ann.put(edge["node"]["uploadUrl"], content).status_code == 200
    withheld = WithheldArtifact.objects.filter(run=run).delete()[0]
    return {
        "refused": refused,
        "withheld": withheld,
        "made": [a - b for a, b in zip(counted(run), before, strict=True)],
    }


def begun_if(on: bool) -> dict[str, Any]:
    made = 3 if on else 1
    refused = [] if on else [collection for _type, collection in MADE]
    return {"refused": refused, "withheld": len(refused), "made": [made, made, made]}


def counted(run: Run) -> tuple[int, int, int]:
    return (
        Version.everything.filter(collection__project=run.project).count(),
        StoredFile.objects.filter(project=run.project).count(),
        Blob.objects.count(),
    )


def forget() -> None:
    Setting.objects.filter(name=SettingName.CODE_SAVING.value).delete()
