"""Archives that are broken, or meant to break something: a clear word, and nothing of them stays."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import Link, RunVersion, Version
from apps.core.errors import OwnlogError, TooMuch
from apps.erasure.models import ErasureJob
from apps.imports import bringing
from apps.imports.errors import Broken
from apps.imports.models import Import
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.ownlog.reading import OwnlogReader
from apps.imports.types import ImportState
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.factories import artifacts, work
from tests.imports.conftest import Files, files_of, imported, listing, zipped

pytestmark = pytest.mark.django_db
RUN, VIEWS = "projects/vision/runs/full", "projects/vision/views.json"
_VIEW = {"name": "v", "table": {}, "created_at": "2026-01-01T00:00:00Z", "changed_at": "2026-01-01T00:00:00Z"}


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


def changed(path: str, change: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: files | {path: change(files[path])}


def said(path: str, **values: object) -> Callable[[Files], Files]:
    return changed(path, lambda data: json.dumps(json.loads(data) | values).encode())


def views(**values: object) -> Callable[[Files], Files]:
    return lambda files: files | {VIEWS: json.dumps([_VIEW | values]).encode()}


# What somebody did to an archive, and then made a manifest that is true of it.
CRAFTED: dict[str, Callable[[Files], Files]] = {
    "a parquet file that is none": changed(
        f"{RUN}/history.parquet", lambda data: b"PAR1" + data[:40] + b"PAR1"
    ),
    "a history of no objects": lambda files: (
        files | {f"{RUN}/history.jsonl": b"[1]\n", f"{RUN}/history.parquet": b""}
    ),
    "a config that is no object": changed(f"{RUN}/config.json", lambda _data: b"[1]"),
    "a run without a name": said(f"{RUN}/run.json", id=""),
    "a run of a state that is none": said(f"{RUN}/run.json", state="flying"),
    "a moment that is none": said(f"{RUN}/run.json", created_at="yesterday"),
    "a moment to come": said(f"{RUN}/run.json", created_at="9000-01-01T00:00:00Z"),
    "a number of lines that is none": said(f"{RUN}/run.json", lines={"history": -1}),
    "a name that leads out": said(f"{RUN}/run.json", id="../../etc"),
    "a file that leads out": said(f"{RUN}/run.json", files=[{"name": "a", "path": "../../../manifest.json"}]),
    "a file that is named twice": said(
        f"{RUN}/run.json",
        files=[{"name": each, "path": "files/model.pt"} for each in ("a", "b")],
    ),
    "two runs of one name": lambda files: (
        files
        | {
            path.replace("/full/", "/other/"): data.replace(b'"public_id": "', b'"public_id": "x')
            for path, data in files.items()
            if path.startswith(RUN)
        }
    ),
    "a run with more alerts than are kept": lambda files: (
        files
        | {
            f"{RUN}/alerts.json": json.dumps(
                [{"level": "INFO", "title": "t", "text": "", "raised_at": "2026-01-01T00:00:00Z"}] * 1001
            ).encode()
        }
    ),
    "an alert of a level that is none": lambda files: (
        files
        | {f"{RUN}/alerts.json": b'[{"level": "LOUD", "title": "t", "raised_at": "2026-01-01T00:00:00Z"}]'}
    ),
    "a view that says what none does": views(table={"colour": ["red"]}),
    "a view that says no lists": views(table={"q": "loss"}),
    "a view with a name that is too long": views(name="x" * 101),
    "more views than are kept": lambda files: files | {VIEWS: json.dumps([_VIEW] * 101).encode()},
    "a number that is none": said(f"{RUN}/run.json", number=float("nan")),
    "a number that no database holds": said(f"{RUN}/run.json", number=2**40),
    "json of a hundred megabytes": changed(f"{RUN}/run.json", lambda data: data + b" " * 97 * 2**20),
    "json of many values": changed(
        f"{RUN}/run.json", lambda data: data[:-1] + b',"x":[' + b"0," * 4_000_001 + b"0]}"
    ),
    "json without an end": changed(f"{RUN}/run.json", lambda data: data[:-20]),
    "json that is too deep": changed(f"{RUN}/run.json", lambda _data: b"[" * 5000),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_what_is_wrong_inside_leaves_nothing(archive: bytes, home: Entity, alice: User, name: str) -> None:
    crafted = zipped(listing(CRAFTED[name](files_of(archive))))

    with pytest.raises(OwnlogError):
        imported(crafted, home, by=alice)

    assert_nothing_came(home)


@pytest.mark.parametrize(
    "written", [[{"table": {"show": ["." * 9 * 2**20]}}], [{}] * 101], ids=["long", "many"]
)
def test_of_views_that_none_could_keep_nothing_is_made(archive: bytes, written: list[object]) -> None:
    """A text of dots is one value, and packs to a thousandth."""
    files = files_of(archive) | {VIEWS: json.dumps(written).encode()}
    (project,) = OwnlogReader(io.BytesIO(zipped(listing(files)))).projects()

    with pytest.raises(TooMuch):
        project.views()


def test_a_file_of_a_version_that_is_named_again_and_again_is_read_once(
    archive: bytes, home: Entity, alice: User
) -> None:
    """Long before anything is compared with the digest of all of them."""
    files = files_of(archive)
    (path,) = [each for each in files if each.endswith("/v0/manifest.json")]
    first, *others = json.loads(files[path])
    named = [first, *(first | {"path": f"another {n}"} for n in range(3)), *others]

    with pytest.raises(Broken, match="name the same file"):
        imported(zipped(listing(files | {path: json.dumps(named).encode()})), home, by=alice)

    assert_nothing_came(home)


def assert_nothing_came(home: Entity) -> None:
    assert not Project.objects.filter(entity=home).exists()
    job = Import.objects.first()
    if job is not None:
        assert job.state == ImportState.GIVEN_UP
    closed = Project.everything.filter(entity=home)
    assert ErasureJob.objects.filter(uuid__in=closed.values("erasure_job")).count() == closed.count()


@pytest.mark.parametrize(
    ("most", "said"),
    [("_MOST_EDGES", "artifacts"), ("_MOST_EDGES_OF_ALL", "artifacts"), ("_MOST_EDGES", "links")],
)
def test_lineage_and_links_without_an_end_are_refused(
    archive: bytes, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch, most: str, said: str
) -> None:
    files = files_of(archive)
    (shelf,) = [each for each in files if each.endswith("/shelf/collection.json")]
    path = f"{RUN}/run.json" if said == "artifacts" else shelf
    many = [
        {"id": "v", "version": "v", "number": 0, "aliases": [], "created_at": "2026-01-01T00:00:00Z"}
    ] * 20
    told = json.loads(files[path]) | {said: {"input": many} if said == "artifacts" else many}
    monkeypatch.setattr(bringing, most, 19)

    with pytest.raises(TooMuch, match="more lineage or links"):
        imported(zipped(listing(files | {path: json.dumps(told).encode()})), home, by=alice)

    assert_nothing_came(home)


@pytest.mark.parametrize("path", ["history.parquet", "output.log", "files/model.pt", "config.json"])
def test_bytes_that_are_not_those_that_were_exported(
    archive: bytes, home: Entity, alice: User, path: str
) -> None:
    files = files_of(archive)
    data = files[f"{RUN}/{path}"]
    files[f"{RUN}/{path}"] = data[:-1] + bytes([data[-1] ^ 1])

    with pytest.raises(Broken, match="not the one that was exported"):
        imported(zipped(files), home, by=alice)

    assert_nothing_came(home)


def test_bytes_of_an_artifact_are_held_to_its_own_digest(archive: bytes, home: Entity, alice: User) -> None:
    files = files_of(archive)
    (path,) = [each for each in files if each.endswith("v0/files/a.bin")]

    with pytest.raises(OwnlogError):
        imported(zipped(listing(files | {path: b"x" * 100})), home, by=alice)

    assert_nothing_came(home)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_that_is_cut_off(archive: bytes, share: float) -> None:
    with pytest.raises(Broken, match="not whole"):
        Archive(io.BytesIO(archive[: int(len(archive) * share)]))


def test_a_format_that_is_not_known(archive: bytes) -> None:
    with pytest.raises(Broken, match="ownlog-export/1"):
        Archive(io.BytesIO(zipped(listing(files_of(archive), format="ownlog-export/2"))))


@pytest.mark.parametrize(
    "path",
    ["../evil", "/etc/evil", "projects/../../evil", "C:/evil", "a\\..\\evil", "projects//x", "folder/"],
)
def test_paths_that_lead_elsewhere(archive: bytes, path: str) -> None:
    with pytest.raises(Broken):
        Archive(io.BytesIO(zipped(listing(files_of(archive) | {path: b"x"}))))


def test_a_file_that_is_there_twice(archive: bytes) -> None:
    held = io.BytesIO(archive)
    with zipfile.ZipFile(held, "a") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr(f"{RUN}/run.json", b"{}")

    with pytest.raises(Broken, match="no export has"):
        Archive(held)


def test_a_file_that_the_manifest_does_not_list_or_that_is_missing(archive: bytes) -> None:
    files = files_of(archive)

    with pytest.raises(Broken, match="not those that its manifest lists"):
        Archive(io.BytesIO(zipped(files | {"more": b"x"})))
    del files[f"{RUN}/run.json"]
    with pytest.raises(Broken, match="not those that its manifest lists"):
        Archive(io.BytesIO(zipped(files)))


def test_a_link_to_a_file_of_the_machine(archive: bytes) -> None:
    held = io.BytesIO(archive)
    with zipfile.ZipFile(held, "a") as made:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        made.writestr(info, "/etc/passwd")

    with pytest.raises(Broken):
        Archive(held)


def test_a_file_that_would_fill_the_memory(archive: bytes) -> None:
    """Two gigabytes of zeros, of which nobody unpacks more than is looked at."""
    files = listing(files_of(archive))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
        with made.open(zipfile.ZipInfo("zeros"), "w", force_zip64=True) as file:
            for _n in range(4):
                file.write(bytes(2**20))
    packed = bytearray(held.getvalue())
    at = packed.rindex(b"zeros") - 46
    packed[at + 24 : at + 28] = struct.pack("<L", 0xFFFFFF00)  # it says that it is four gigabytes

    with pytest.raises(Broken):
        Archive(io.BytesIO(bytes(packed)))


def test_files_that_lie_in_one_another(archive: bytes) -> None:
    """The same packed bytes listed twice: of such are archives made that unpack to a million times their size."""
    packed = bytearray(zipped(listing(files_of(archive))))
    with zipfile.ZipFile(io.BytesIO(bytes(packed))) as opened:
        first, second = opened.infolist()[:2]
    at = packed.rindex(second.filename.encode()) - 46
    packed[at + 42 : at + 46] = struct.pack("<L", first.header_offset)

    with pytest.raises(Broken, match="in one another"):
        Archive(io.BytesIO(bytes(packed)))


def test_ids_of_others_lead_to_nothing_of_theirs(
    archive: bytes, home: Entity, alice: User, mallory: User
) -> None:
    """An archive that calls its own things by the ids of somebody else's, and names theirs in its lineage and its links."""
    theirs = work.project("mallory", "secret", by=mallory)
    run = work.run(theirs, "r", by=mallory)
    version = artifacts.version(theirs, "set", {"a": b"theirs"}, by=Actor.person(mallory))
    files = files_of(archive)
    own = json.loads(files[f"{RUN}/run.json"])["public_id"]
    (shelf,) = [path for path in files if path.endswith("shelf/collection.json")]
    links = json.loads(files[shelf])["links"]
    files = {path: data.replace(own.encode(), run.public_id.encode()) for path, data in files.items()}
    files[shelf] = json.dumps(
        json.loads(files[shelf]) | {"links": [links[0] | {"version": version.public_id}]}
    ).encode()
    said_of_run = json.loads(files[f"{RUN}/run.json"])
    said_of_run["artifacts"]["input"] = [{"type": "x", "name": "set:v0", "id": version.public_id}]
    files[f"{RUN}/run.json"] = json.dumps(said_of_run).encode()

    job = imported(zipped(listing(files)), home, by=alice)

    brought = Run.objects.filter(project__entity=home)
    assert job.left_out == 2
    assert brought.count() == 3 and not brought.filter(public_id=run.public_id).exists()
    assert not RunVersion.objects.filter(version=version).exists()
    assert not Link.objects.filter(version=version).exists()
    assert Version.objects.filter(pk=version.pk).exists()
