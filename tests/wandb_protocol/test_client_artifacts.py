"""The life of artifacts with the real client: logged by one script, read and changed by another, looked at by each test."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.wandb_protocol.client import IS_OLDER, Json, WandbClient

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("wandb client"), pytest.mark.promise("P-07")]
PROJECT = "arts"
LOGGED = """
    import hashlib, pathlib
    def files(folder, contents):
        for name, text in contents.items():
            path = pathlib.Path(folder, name); path.parent.mkdir(parents=True, exist_ok=True); path.write_bytes(text)
        return folder
    run = wandb.init(project="arts", id="maker", settings=FAST)
    ds = wandb.Artifact("ds", "dataset", description="words", metadata={"rows": 3})
    ds.add_dir(files("data", {"a.txt": b"one", "deep/b.bin": bytes(range(256)) * 4096, "deep/er/c d.txt": b""}))
    ds.add_reference(os.environ["WANDB_BASE_URL"] + "/health", name="there", checksum=False)
    first = run.log_artifact(ds, aliases=["best", "latest"], tags=["t1"]).wait()
    again = wandb.Artifact("ds", "dataset"); again.add_dir("data")
    again.add_reference(os.environ["WANDB_BASE_URL"] + "/health", name="there", checksum=False)
    again = run.log_artifact(again).wait()
    second = wandb.Artifact("ds", "dataset"); second.add_dir("data"); pathlib.Path("new.txt").write_text("new")
    second.add_file("new.txt")
    second = run.log_artifact(second).wait()
    inc = wandb.Artifact("ds", "dataset", incremental=True); pathlib.Path("inc.txt").write_text("inc")
    inc.add_file("inc.txt"); inc = run.log_artifact(inc).wait()
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    for number, end in enumerate([False, True]):
        part = wandb.Artifact("parts", "dataset"); pathlib.Path(f"p{number}").write_text(str(number))
        part.add_file(f"p{number}")
        (run.finish_artifact if end else run.upsert_artifact)(part, distributed_id="d1").wait() if end else run.upsert_artifact(part, distributed_id="d1")
    made = wandb.Artifact("with_ref", "dataset"); made.add_reference(first.get_entry("a.txt"), name="of_another")
    made = run.log_artifact(made).wait()
    tell(first=first.version, again=again.version, second=second.version, inc=inc.version,
         names=sorted(first.manifest.entries), size=first.size, id=first.id, digest=first.digest)
    run.finish()
"""
READ = """
    import pathlib
    run = wandb.init(project="arts", id="reader", settings=FAST)
    used = run.use_artifact("ds:v0")
    folder = pathlib.Path(used.download(root="got"))
    got = {str(p.relative_to(folder)): p.read_bytes().hex() for p in folder.rglob("*") if p.is_file()}
    one = run.use_artifact("ds:latest").get_entry("inc.txt").download(root="one")
    run.finish()
    api = wandb.Api()
    table = api.artifact("arts/run-maker-table:latest").get("table")
    v0 = api.artifact("arts/ds:best", type="dataset")
    tell(got=got, one=open(one).read(), rows=table.data, description=v0.description, metadata=v0.metadata,
         tags=v0.tags, aliases=sorted(v0.aliases), count=v0.file_count, state=v0.state,
         used_by=[r.id for r in v0.used_by()], logged_by=v0.logged_by().id,
         types=sorted(t.name for t in api.artifact_types("arts")),
         collections=sorted(c.name for c in api.artifact_type("dataset", "arts").collections()),
         versions=[a.version for a in api.artifacts("dataset", "arts/ds")],
         oldest=[a.version for a in api.artifacts("dataset", "arts/ds", order="+createdAt")],
         tagged=[a.version for a in api.artifacts("dataset", "arts/ds", tags=["t1"])],
         files=sorted(f.name for f in v0.files()), exists=api.artifact_exists("arts/ds:v0"), missing=api.artifact_exists("arts/ds:v9"),
         outputs=sorted({a.name for a in api.run("arts/maker").logged_artifacts()}),
         inputs=sorted(a.name for a in api.run("arts/reader").used_artifacts()),
         parts=sorted(api.artifact("arts/parts:latest").manifest.entries),
         latest=sorted(api.artifact("arts/ds:latest").manifest.entries),
         ref=open(api.artifact("arts/with_ref:v0").get_entry("of_another").download(root="ref")).read(),
         local=any(entry.local_path for entry in v0.manifest.entries.values()))
    if not OLDER:
        tell(sifted=[c.name for c in api.artifact_type("dataset", "arts").collections(filters={"name": {"$regex": "s$"}}, order="-name")],
             of_all=[c.name for c in api.project("arts").collections(filters={"name": {"$ne": "ds"}}, order="created_at")])
"""
CHANGED = """
    api = wandb.Api()
    art = api.artifact("arts/ds:v1")
    art.aliases.append("good"); art.tags = ["x", "y"]; art.description = "other words"; art.metadata["more"] = 1
    art.save()
    collection = api.artifact_collection("dataset", "arts/parts")
    collection.description = "about it"; collection.tags = ["c"]; collection.name = "pieces"; collection.type = "corpus"; collection.save()
    try:
        api.artifact("arts/ds:v1").delete(); refused = False
    except Exception as error:
        refused = str(error)
    gone = api.artifact("arts/with_ref:v0"); gone.delete(delete_aliases=True)
    with wandb.init(project="arts", id="editor", settings=FAST) as run:
        draft = run.use_artifact("ds:v0").new_draft(); draft.remove("a.txt"); open("more.txt", "w").write("more"); draft.add_file("more.txt")
        edited = run.log_artifact(draft).wait()
        whole = wandb.Artifact("whole", "dataset"); whole.add_file("more.txt"); run.log_artifact(whole).wait()
    api.artifact_collection("dataset", "arts/whole").delete()
    fresh = wandb.Api()
    v1 = fresh.artifact("arts/ds:v1")
    tell(aliases=sorted(v1.aliases), tags=sorted(v1.tags), description=v1.description, metadata=v1.metadata, refused=refused,
         pieces=fresh.artifact_collection("corpus", "arts/pieces").description, gone=fresh.artifact_exists("arts/with_ref:v0"),
         moved=[c.name for c in fresh.artifact_type("corpus", "arts").collections()], parts=fresh.artifact("arts/pieces:latest").type,
         edited=sorted(edited.manifest.entries), whole=fresh.artifact_exists("arts/whole:v0"))
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture(scope="module")
def logged(server: LiveServer, home: Path) -> Json:
    return WandbClient(server, home).run(LOGGED).told


@pytest.fixture(scope="module")
def read(logged: Json, server: LiveServer, home: Path) -> Json:
    return WandbClient(server, home).run(f"    OLDER = {IS_OLDER}" + READ).told


def test_versions_are_logged_and_equal_ones_are_one(logged: Json) -> None:
    assert {name: logged[name] for name in ("first", "again", "second", "inc")} == {
        "first": "v0",
        "again": "v0",
        "second": "v1",
        "inc": "v2",
    }
    assert logged["names"] == ["a.txt", "deep/b.bin", "deep/er/c d.txt", "there"]
    assert logged["size"] == 3 + 1024 * 1024
    assert base64.b64decode(logged["id"]).startswith(b"Artifact:")


def test_bytes_come_back_equal(read: Json) -> None:
    assert {name: bytes.fromhex(text) for name, text in read["got"].items()} == {
        "a.txt": b"one",
        "deep/b.bin": bytes(range(256)) * 4096,
        "deep/er/c d.txt": b"",
        "there": b"ok\n",
    }
    assert (read["one"], read["ref"]) == ("inc", "one")


def test_what_was_said_of_it_comes_back(read: Json) -> None:
    assert (read["description"], read["metadata"]["rows"], read["tags"]) == ("words", 3, ["t1"])
    assert (read["aliases"], read["count"], read["state"]) == (["best"], 4, "COMMITTED")
    assert (read["exists"], read["missing"], read["local"]) == (True, False, False)


def test_lists_types_collections_versions_and_files(read: Json) -> None:
    assert read["types"] == ["dataset", "run_table"]
    assert read["collections"] == ["ds", "parts", "with_ref"]
    assert (read["versions"], read["oldest"], read["tagged"]) == (
        ["v2", "v1", "v0"],
        ["v0", "v1", "v2"],
        ["v0"],
    )
    assert IS_OLDER or (read["sifted"], read["of_all"]) == (
        ["parts", "ds"],
        ["run-maker-table", "parts", "with_ref"],
    )
    assert read["files"] == ["a.txt", "deep/b.bin", "deep/er/c d.txt", "there"]


def test_a_table_is_an_artifact_that_reads_back(read: Json) -> None:
    assert read["rows"] == [[1, "x"], [2, "y"]]


def test_incremental_and_distributed_versions_hold_all_parts(read: Json) -> None:
    assert read["latest"] == ["a.txt", "deep/b.bin", "deep/er/c d.txt", "inc.txt", "new.txt"]
    assert read["parts"] == ["p0", "p1"]


def test_lineage_names_who_made_and_who_read(read: Json) -> None:
    assert (read["logged_by"], read["used_by"]) == ("maker", ["reader"])
    assert read["inputs"] == ["ds:v0", "ds:v2"]
    assert read["outputs"] == ["ds:v0", "ds:v1", "ds:v2", "parts:v0", "run-maker-table:v0", "with_ref:v0"]


def test_words_aliases_and_collections_are_changed_and_versions_deleted(
    read: Json, server: LiveServer, home: Path
) -> None:
    told = WandbClient(server, home).run(CHANGED).told

    assert (told["aliases"], told["tags"], told["description"]) == (["good"], ["x", "y"], "other words")
    assert told["metadata"] == {"more": 1}
    assert "Aliases lead" in told["refused"]
    assert (told["pieces"], told["gone"], told["whole"]) == ("about it", False, False)
    assert (told["moved"], told["parts"]) == (["pieces"], "corpus")
    assert told["edited"] == ["deep/b.bin", "deep/er/c d.txt", "more.txt", "there"]


def test_code_that_the_client_gathers_is_withheld_and_the_run_goes_on(client_of_alice: WandbClient) -> None:
    client = client_of_alice
    client.run(
        """
        run = wandb.init(project="codes", id="r", settings=FAST)
        run.log_code(".")
        mine = wandb.Artifact("mine", "code"); mine.add_file("train.py"); run.log_artifact(mine).wait()
        run.log({"loss": 1}); run.finish()
        """
    )

    found = client.ask(
        '{ project(name: "codes") { run(name: "r") { state } artifactCollections { edges { node { name } } } } }'
    )["project"]
    assert found["run"]["state"] == "finished"
    assert [edge["node"]["name"] for edge in found["artifactCollections"]["edges"]] == ["mine"]


def test_a_stranger_reads_nothing_and_learns_nothing(
    logged: Json, server: LiveServer, tmp_path: Path
) -> None:
    key = server.account("mallory-arts", "own_" + "m" * 36)
    told = (
        WandbClient(server, tmp_path, key)
        .run(
            """
        api = wandb.Api()
        def tried(act):
            try: return str(act())
            except Exception as error: return type(error).__name__ + str(error)
        tell(there=tried(lambda: api.artifact("alice/arts/ds:v0")), nowhere=tried(lambda: api.artifact("alice/arts/none:v0")))
        """
        )
        .told
    )

    assert told["there"].replace("ds", "X") == told["nowhere"].replace("none", "X")
    asked = WandbClient(server, tmp_path, key).ask(
        "query($id: ID!) { artifact(id: $id) { id } }", id=logged["id"]
    )
    assert asked == {"artifact": None}
