"""A run with the real client, from start to end, and what is there afterwards."""

from __future__ import annotations

import json
import math
import subprocess
import urllib.request
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import IS_OLDER, Finished, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client")]
PROJECT = "whole"
SCRIPT = """
    run = wandb.init(project="whole", id="r1", settings=FAST, name="first try", notes="the notes", tags=["a", "ü"],
        group="g", job_type="train", config={"lr": 0.1, "net": {"深さ": [1, 2, {"x": None}]}, "empty": "", "a.b": 1})
    run.define_metric("loss", summary="min")
    for i in range(20):
        run.log({"loss": abs(10 - i), "nest": {"a": {"b": i}}, "h": wandb.Histogram(np_histogram=([1, 2], [0, 1, 2])),
                 "nothing": None, "nan": float("nan"), "inf": float("inf"), "ninf": float("-inf"), "big": 2**53 + 1,
                 "é.ü": i, "text": "", "list": [1, [2]], "kind": i if i % 2 else str(i)})
        print("line", i, flush=True)
    run.log({"late": 1}, step=100)
    print("to stderr", file=sys.stderr, flush=True)
    os.makedirs("sub", exist_ok=True)
    open("sub/ünï note.txt", "w").write("content of the note")
    run.save("sub/ünï note.txt", base_path=".")
    run.alert("title", "text")
    artifact = wandb.Artifact("ds", "dataset")
    open("data.txt", "w").write("x")
    artifact.add_file("data.txt")
    run.log_artifact(artifact)
    run.log({"table": wandb.Table(columns=["a"], data=[[1]]), "page": wandb.Html("<p>x")}, step=101)
    run.log({"last": 2**70}, step=102)
    time.sleep(1)
    run.finish()
    tell(ended=True)
"""


@pytest.fixture(scope="module")
def logged(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[WandbClient, Finished]:
    home = tmp_path_factory.mktemp("home")
    client = WandbClient(server, home)
    git = ["git", "-C", str(home), "-c", "user.email=ann@secret.example", "-c", "user.name=ann"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run(
        [*git, "remote", "add", "origin", "https://git.secret.example/ann/private.git"], check=True
    )
    return client, client.run(SCRIPT, f"--data={home}/sets/cats")


@pytest.fixture(scope="module")
def client(logged: tuple[WandbClient, Finished]) -> WandbClient:
    return logged[0]


def test_script_goes_on_to_its_end(logged: tuple[WandbClient, Finished]) -> None:
    assert logged[1].told == {"ended": True}
    assert "/alice/whole/runs/r1" in logged[1].text


@pytest.mark.promise("P-04")
def test_each_row_is_there_once_and_exact(client: WandbClient) -> None:
    rows = client.rows(PROJECT, "r1")

    assert [row["_step"] for row in rows] == [*range(20), 100, 101, 102]
    row = rows[7]
    assert math.isnan(row["nan"])
    expected = {
        "loss": 3,
        "nest": {"a": {"b": 7}},
        "h": {"_type": "histogram", "values": [1, 2], "bins": [0, 1, 2]},
        "nothing": None,
        "inf": math.inf,
        "ninf": -math.inf,
        "é.ü": 7,
        "text": "",
        "list": [1, [2]],
        "kind": 7,
    }
    assert {key: row[key] for key in expected} == expected
    assert rows[8]["kind"] == "8"
    assert row["big"] in {2**53 + 1, 2**53}  # the client itself may have rounded it
    assert rows[-1]["last"] == 2**70


def test_summary_and_head(client: WandbClient) -> None:
    run = client.run_of(
        PROJECT,
        "r1",
        "displayName notes tags group jobType state exitcode summaryMetrics config historyLineCount commit"
        " historyKeys systemMetrics eventsLineCount user { username } project { access }",
    )

    summary, config = json.loads(run["summaryMetrics"]), json.loads(run["config"])
    head = ("displayName", "notes", "tags", "group", "jobType", "state", "exitcode")
    assert [run[key] for key in head] == ["first try", "the notes", ["a", "ü"], "g", "train", "finished", 0]
    assert (summary["loss"], summary["nest"], summary["kind"]) == ({"min": 0}, {"a": {"b": 19}}, 19)
    assert {key: config[key]["value"] for key in ("lr", "net", "empty", "a.b")} == {
        "lr": 0.1,
        "net": {"深さ": [1, 2, {"x": None}]},
        "empty": "",
        "a.b": 1,
    }
    assert (run["historyLineCount"], len(run["commit"])) == (23, 40)
    assert run["historyKeys"]["lastStep"] == 102
    assert run["historyKeys"]["keys"]["nest.a.b"]["previousValue"] == 19
    # Clients before 0.31 measure the system after some seconds only.
    assert IS_OLDER or run["eventsLineCount"] >= 1
    assert IS_OLDER or "system.memory_percent" in json.loads(run["systemMetrics"])
    assert (run["user"]["username"], run["project"]["access"]) == ("alice", "PRIVATE")


def test_console_lines_in_order_with_their_level(client: WandbClient) -> None:
    lines = [(line["level"], line["line"]) for line in client.lines(PROJECT, "r1")]

    assert [pair for pair in lines if pair[1].startswith("line ")] == [
        ("info", f"line {i}") for i in range(20)
    ]
    assert ("error", "to stderr") in lines


def test_what_it_raised_is_kept(client: WandbClient) -> None:
    address = f"{client.server.url}/api/v1/projects/alice/{PROJECT}/runs/r1/alerts"
    asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {client.key}"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        alerts = json.load(answer)["items"]

    assert [(each["title"], each["text"], each["level"]) for each in alerts] == [("title", "text", "INFO")]


def test_files_are_there(client: WandbClient) -> None:
    names = client.file_names(PROJECT, "r1")

    expected = {"requirements.txt", "wandb-metadata.json", "config.yaml", "wandb-summary.json", "output.log"}
    assert expected | {"sub/ünï note.txt"} <= names
    assert sum(name.startswith("media/") for name in names) == 2
    assert client.file(PROJECT, "r1", "sub/ünï note.txt") == b"content of the note"


def test_nothing_tells_who_and_where(client: WandbClient, logged: tuple[WandbClient, Finished]) -> None:
    import platform

    run = client.run_of(PROJECT, "r1", "config")
    metadata = client.file(PROJECT, "r1", "wandb-metadata.json") or b""
    text = run["config"] + metadata.decode() + (client.file(PROJECT, "r1", "config.yaml") or b"").decode()

    kept = json.loads(metadata)
    assert [word for word in (str(client.home), "secret.example", '"host"', '"root"') if word in text] == []
    assert platform.node() not in {kept.get("host"), kept.get("username")}
    assert (kept["program"], kept["args"], list(kept["git"])) == ("train.py", ["--data=cats"], ["commit"])
    assert [one["git"] for one in json.loads(run["config"])["_wandb"]["value"]["e"].values()] == [kept["git"]]


def test_failed_run_says_so(client_of_alice: WandbClient) -> None:
    client_of_alice.run('wandb.init(project="ends", id="bad", settings=FAST); sys.exit(3)', code=3)

    assert client_of_alice.run_of("ends", "bad", "state exitcode") == {"state": "failed", "exitcode": 3}


def test_stop_from_the_server_reaches_the_script(client_of_alice: WandbClient) -> None:
    process = client_of_alice.start("""
        run = wandb.init(project="ends", id="stopped", settings=FAST)
        tell(id=run.id)
        try:
            for i in range(600):
                run.log({"i": i}); time.sleep(0.1)
        except KeyboardInterrupt:
            tell(interrupted=True)
            run.finish(exit_code=255)
    """)
    assert process.stdout is not None
    while "TELL" not in process.stdout.readline():
        pass
    run_id = client_of_alice.run_of("ends", "stopped", "id")["id"]
    client_of_alice.ask("mutation($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run_id)

    finished = client_of_alice.ended(process)

    assert finished.told == {"interrupted": True}
    assert client_of_alice.run_of("ends", "stopped", "state") == {"state": "killed"}


def test_code_is_not_kept_whatever_the_script_asks(client_of_alice: WandbClient, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    client_of_alice.run(
        """
        run = wandb.init(project="ends", id="code", settings=wandb.Settings(save_code=True, code_dir="."))
        open("kept.txt", "w").write("x"); run.save("kept.txt", base_path=".")
        run.log_code(".")
        run.finish()
        """,
        WANDB_SILENT="true",
    )

    names = client_of_alice.file_names("ends", "code")
    assert "kept.txt" in names
    assert [name for name in names if name.startswith("code/") or name.endswith(".patch")] == []
    config = json.loads(client_of_alice.run_of("ends", "code", "config")["config"])
    assert "code_path" not in config["_wandb"]["value"]


def test_code_is_kept_sealed_once_its_owner_says_so(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.email=a@b.example", "-c", "user.name=a"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "notes.py").write_text("x = 1\n")
    subprocess.run([*git, "add", "notes.py"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    (tmp_path / "notes.py").write_text("x = 'canary-in-a-patch'\n")
    remote = "https://ann:pass-canary@git.example/ann/x.git"
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    script = """
        # canary-in-code
        run = wandb.init(project="saved", id=sys.argv[1], settings=wandb.Settings(save_code=True))
        run.log({"a": 1}); run.finish()
    """
    with LiveServer() as server:
        server.account("alice")
        client = WandbClient(server, tmp_path)
        client.run(script, "off")
        turn = (
            "import django; django.setup(); from apps.teams.models import Setting, Entity;"
            "Setting.objects.create(entity=Entity.objects.get(name='alice'), name='code_saving', value='on')"
        )
        server.python("-c", turn)
        client.run(script, "on")

        off, on = client.file_names("saved", "off"), client.file_names("saved", "on")
        assert {name for name in off if name.startswith("code/") or name.endswith(".patch")} == set()
        assert {"code/train.py", "diff.patch"} <= on
        assert b"canary-in-code" in (client.file("saved", "on", "code/train.py") or b"")
        assert b"canary-in-a-patch" in (client.file("saved", "on", "diff.patch") or b"")
        stored = client.run_of("saved", "on", "config")["config"]
        assert ("https://git.example/ann/x.git" in stored, "pass-canary" in stored) == (True, False)
        assert "git.example" not in client.run_of("saved", "off", "config")["config"]
        disk = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
        assert [word for word in (b"canary-in", b"pass-canary", b"git.example") if word in disk] == []


def test_wrong_key_is_told_at_once(client_of_alice: WandbClient) -> None:
    finished = client_of_alice.run('wandb.init(project="ends")', code=1, WANDB_API_KEY="x" * 40)

    assert "unknown or has been revoked" in finished.text


def test_login_command_checks_the_key(client_of_alice: WandbClient) -> None:
    finished = client_of_alice.command(
        "login", "--relogin", "--verify", "--host", client_of_alice.server.url, client_of_alice.key
    )

    assert "alice" in finished.text
