"""The reading part of `wandb.Api`, by the real client."""

from __future__ import annotations

import json

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import IS_OLDER, Json, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
LOGGED = """
    os.makedirs("out", exist_ok=True)
    for n in range(3):
        run = wandb.init(project="read", id=f"r{n}", name=f"run {n}", group="g" if n else None, tags=["t", f"t{n}"],
            config={"n": n, "lr": 10.0 ** -n, "net": {"depth": n}}, settings=FAST)
        for i in range(2500 if n == 2 else 4):
            run.log({"loss": i + n, "nest": {"a": i}, "even": i} if i % 2 == 0 else {"loss": float("nan")})
        print("a line of run", n, flush=True)
        open("out/note.txt", "w").write(f"note {n}")
        run.save("out/note.txt", base_path=".")
        run.finish(exit_code=1 if n == 1 else 0)
"""
READ = """
    api = wandb.Api()
    names = lambda **kw: [run.id for run in api.runs("alice/read", **kw)]
    tell(all=names(), newest=names(order="-created_at"), lr=names(order="+config.lr"), loss=names(order="-summary_metrics.even"),
        small=names(per_page=1), lazy=names(lazy=False, per_page=2), count=len(api.runs("alice/read")),
        by_config=names(filters={"config.n": {"$gte": 1}}), nested=names(filters={"config.net.depth": 2}),
        by_summary=names(filters={"summary_metrics.even": {"$gt": 100}}), failed=names(filters={"state": "failed"}),
        tagged=names(filters={"tags": "t1"}), tag_in=names(filters={"tags": {"$in": ["t0", "t2"]}}),
        named=names(filters={"display_name": {"$regex": "^run [12]$"}}),
        both=names(filters={"$and": [{"config.n": {"$lt": 2}}, {"$or": [{"group": "g"}, {"state": "running"}]}]}))

    run = api.run("alice/read/r2")
    user_config = {key: value for key, value in run.config.items() if key != "_wandb"}
    tell(facts=[run.id, run.name, run.state, run.tags, run.group, user_config, str(run.summary["loss"]), run.lastHistoryStep,
                run.user.username, run.entity, run.project, run.metadata["program"]],
        projects=[project.name for project in api.projects("alice")], viewer=api.viewer.username,
        console=[line.content for line in run.console_logs()] if hasattr(run, "console_logs") else ["a line of run 2"])

    scanned = list(run.scan_history())
    tell(scanned=[len(scanned), [row["_step"] for row in scanned] == list(range(2500)), scanned[2]["nest"]],
        keyed=[(row["_step"], row["even"]) for row in run.scan_history(keys=["_step", "even"])][-1],
        part=[row["_step"] for row in run.scan_history(min_step=2400, max_step=2410)],
        sampled=len(run.history(samples=100, pandas=False)), last=run.history(samples=10, pandas=False)[-1]["_step"],
        keys=run.history(keys=["even"], samples=7, pandas=False)[-1], events=len(run.history(stream="events", pandas=False)) >= 1)

    files = {file.name: file.size for file in run.files()}
    run.file("out/note.txt").download(root="got", replace=True)
    tell(note=[files["out/note.txt"], open("got/out/note.txt").read()], known=sorted(set(files) & {"config.yaml", "output.log"}),
        pattern=[file.name for file in run.files(pattern="%.txt")], paged=len(list(run.files(per_page=1))) == len(files))
    tell(reports=[len(list(api.reports("alice/read"))), len(list(api.reports("alice/read", name="a/b")))])
"""
CHANGE = """
    api = wandb.Api()
    run = api.run("alice/read/r0")
    run.name, run.notes, run.tags = "renamed", "noted", ["x"]
    run.config["added"] = {"é": [1, None]}
    run.summary["best"] = 0.5
    run.update()
    open("more.txt", "w").write("more")
    run.upload_file("more.txt")
    api.create_project("made", "alice")
    again = wandb.Api().run("alice/read/r0")
    tell(run=[again.name, again.notes, again.tags, again.config["added"], again.config["n"], again.summary["best"], again.state],
        uploaded=again.file("more.txt").size, made="made" in [project.name for project in api.projects("alice")])
    errors = {}
    for what, act in {"run": lambda: wandb.Api().run("alice/read/none"), "project": lambda: len(wandb.Api().runs("alice/none")),
                      "stranger": lambda: wandb.Api().run("bob/secret/r"), "artifact": lambda: api.artifact("alice/read/a:latest"),
                      "filter": lambda: len(api.runs("alice/read", filters={"$where": "1"}))}.items():
        began = time.monotonic()
        try: act()
        except Exception as error: errors[what] = [str(error)[:300], time.monotonic() - began < 10]
    tell(errors=errors)
"""
# A file, a run that has ended, and one that is still written: its client is told to stop, and to take it up again is refused.
ERASE = """
    api = wandb.Api()
    run = api.run("alice/read/r1")
    run.file("out/note.txt").delete()
    tell(files=[file.name for file in wandb.Api().run("alice/read/r1").files() if file.name.endswith("note.txt")])
    run.delete(delete_artifacts=True)
    live = wandb.init(project="read", id="live", settings=FAST)
    live.log({"loss": 1})
    while not (found := [run for run in wandb.Api().runs("alice/read") if run.id == "live"]): time.sleep(0.1)
    found[0].delete()
    own_log = os.path.join(os.path.dirname(live.dir), "logs", "debug-internal.log")
    for _ in range(300):
        if "filestream: fatal error" in open(own_log).read(): break
        live.log({"loss": 1}); time.sleep(0.1)
    for n in range(50): live.log({"loss": n, "late": n})
    live.finish()
    tell(own=[json.loads(line) for line in open(own_log)], live=os.path.dirname(live.dir))
    try: wandb.init(project="read", id="live", resume="allow", settings=FAST)
    except Exception as error: tell(again=str(error))
    tell(left=sorted(run.id for run in wandb.Api().runs("alice/read")))
    offline = wandb.init(project="read", id="r1", mode="offline", settings=FAST)
    offline.log({"loss": 1, "late": 1})
    offline.finish()
    tell(offline=os.path.dirname(offline.dir))
"""
# What workers would do, until nothing is left of these runs but their names in the vault.
END = """
from apps.erasure.models import ErasureJob
from apps.erasure.services import advance
from apps.projects.queries import find_project
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.teams.models import Entity
from apps.vault import epochs
read = find_project(Entity.objects.get(name="alice"), "read")
jobs = list(Run.everything.filter(project=read, erasure_job__isnull=False).values_list("erasure_job", flat=True))
for job in ErasureJob.objects.filter(uuid__in=jobs): advance(job.pk)
epochs.run()
for job in ErasureJob.objects.filter(uuid__in=jobs): advance(job.pk)
print("TOLD " + json.dumps({"steps": list(ErasureJob.objects.filter(uuid__in=jobs).values_list("step", flat=True)),
    "rows": sorted(open_run(run).head.name for run in Run.everything.filter(project=read))}))
"""
# How many rows there are of what a run brings; nobody works on anything meanwhile.
SET_UP = "import django, json\ndjango.setup()\n"
COUNT = """
from django.apps import apps
kept = [model for name in ("projects", "runs", "files", "artifacts", "blobs", "vault") for model in apps.get_app_config(name).get_models()]
print("TOLD " + json.dumps({"counts": {model._meta.label: model._base_manager.count() for model in kept}}))
"""


@pytest.fixture(scope="module")
def told(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Json:
    client = WandbClient(server, tmp_path_factory.mktemp("home"))
    client.run(LOGGED)
    told = client.run(READ).told | client.run(CHANGE).told
    erased = client.run(ERASE)
    told |= erased.told | {"printed": erased.text, "before": told_by(server, END + COUNT)}
    told["synced"] = client.command("sync", "--no-skip-online", told["live"], told["offline"]).text
    return told | {
        "after": told_by(server, COUNT),
        "runs": [client.run_of("read", name, "id") for name in ("live", "r1")],
    }


def told_by(server: LiveServer, code: str) -> Json:
    lines = server.python("-c", SET_UP + code).splitlines()
    said: list[Json] = [json.loads(line.removeprefix("TOLD ")) for line in lines if line.startswith("TOLD ")]
    return {name: value for each in said for name, value in each.items()}


def test_runs_by_order_filter_and_page(told: Json) -> None:
    every = ["r0", "r1", "r2"]
    expected = {
        "all": every,
        "newest": every[::-1],
        "lr": every[::-1],
        "loss": ["r2", "r1", "r0"],
        "small": every,
        "lazy": every,
        "count": 3,
        "by_config": ["r1", "r2"],
        "nested": ["r2"],
        "by_summary": ["r2"],
        "failed": ["r1"],
        "tagged": ["r1"],
        "tag_in": ["r0", "r2"],
        "named": ["r1", "r2"],
        "both": ["r1"],
    }
    ties = {"loss"}

    assert {key: told[key] for key in expected if key not in ties} == {
        key: value for key, value in expected.items() if key not in ties
    }
    assert told["loss"][0] == "r2"


def test_run_and_its_surroundings(told: Json) -> None:
    assert told["facts"] == [
        "r2",
        "run 2",
        "finished",
        ["t", "t2"],
        "g",
        {"n": 2, "lr": 0.01, "net": {"depth": 2}},
        "nan",
        2499,
        "alice",
        "alice",
        "read",
        "train.py",
    ]
    assert ("read" in told["projects"], told["viewer"], told["console"][0]) == (
        True,
        "alice",
        "a line of run 2",
    )


def test_history_whole_in_part_and_sampled(told: Json) -> None:
    assert told["scanned"] == [2500, True, {"a": 2}]
    assert told["keyed"] == [2498, 2498]
    assert told["part"] == list(range(2400, 2410))
    assert (told["sampled"], told["last"], told["events"] or IS_OLDER) == (100, 2499, True)
    assert told["keys"]["even"] == 2498


def test_files_listed_and_downloaded(told: Json) -> None:
    assert (told["note"], told["known"], told["paged"]) == (
        [6, "note 2"],
        ["config.yaml", "output.log"],
        True,
    )
    assert told["pattern"] == ["out/note.txt", "requirements.txt"]


def test_there_are_no_reports_and_the_client_is_told_so(told: Json) -> None:
    assert told["reports"] == [0, 0]


def test_a_file_and_runs_are_erased_and_do_not_come_back(told: Json) -> None:
    assert (told["files"], told["left"]) == ([], ["r0", "r2"])
    assert "This run was erased" in told["again"]


def test_a_client_that_still_writes_is_told_once_and_streams_no_more(told: Json) -> None:
    assert told["printed"].count("Fatal error while uploading data.") == 1
    texts = [each["msg"] for each in told["own"]]
    (refused,) = (at for at, text in enumerate(texts) if text.startswith("filestream: fatal error"))
    assert "404" in texts[refused] and "This run was erased" in texts[refused]
    assert any("filestream: sending" in text for text in texts[:refused])
    assert not any("filestream: sending" in text for text in texts[refused:])
    # When it ends it offers the config and its files once each: refused too, before a byte is sent.
    failed = [each for each in told["own"][refused + 1 :] if each["level"].startswith("ERROR")]
    assert len(failed) == 2
    assert all("This run was erased" in each.get("error", each["msg"]) for each in failed)


def test_a_late_sync_of_what_was_erased_brings_nothing_back(told: Json) -> None:
    """By then there is no row of these runs: only their names, in the vault."""
    before, after = told["before"]["counts"], told["after"]["counts"]
    assert (told["before"]["steps"], told["before"]["rows"]) == (["done", "done"], ["r0", "r2"])
    assert told["synced"].count("This run was erased") == 2  # the run that was live, and one that had ended
    assert after == before and before["runs.Run"] >= 2
    assert told["runs"] == [None, None]


def test_run_is_changed(told: Json) -> None:
    assert told["run"] == ["renamed", "noted", ["x"], {"é": [1, None]}, 0, 0.5, "finished"]
    assert (told["uploaded"], told["made"]) == (4, True)


def test_errors_come_at_once_and_say_what_is_wrong(told: Json) -> None:
    errors = told["errors"]

    assert {what: fast for what, (_, fast) in errors.items()} == dict.fromkeys(
        ("run", "project", "stranger", "artifact", "filter"), True
    )
    assert "Could not find run" in errors["run"][0]
    assert errors["stranger"][0].replace("bob/secret/r", "") == errors["run"][0].replace(
        "alice/read/none", ""
    )
