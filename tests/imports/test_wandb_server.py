"""What a server that is asked as W&B's may answer, by mistake or to do harm. What a real one answers: tests/wandb_protocol/test_client_import.py."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.models import StoredFile, Version
from apps.artifacts.queries import list_entries, open_version
from apps.blobs.models import Blob, BlobState
from apps.core.errors import Invalid, OwnlogError, Unavailable
from apps.files.queries import list_files, read_file
from apps.imports.bringing import Bringing
from apps.imports.errors import Broken
from apps.imports.models import Import, ImportItem
from apps.imports.readers import asking
from apps.imports.readers.asking import Site
from apps.imports.readers.elsewhere import download
from apps.imports.readers.opening import open_site
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, ImportState, Origin
from apps.projects.models import Project
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Stream
from apps.teams.models import Entity

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
KEY = "s3cret" * 7
DATA = b"weights"
_AT = "2026-01-02T03:04:05"


def listed(*nodes: Json, more: bool = False, cursor: str = "c") -> Json:
    edges = [{"node": node, "cursor": cursor} for node in nodes]
    return {"edges": edges, "pageInfo": {"endCursor": cursor, "hasNextPage": more}}


class Pretended:
    """A server with one run: answers by the name of the question, of which each test may set others."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Json]] = []
        self.keys: list[str | None] = []  # that came with each request for a file
        self.busy: list[str] = []  # what it says of when to come again, for each time that it is busy
        self.file = DATA
        self.files_at: dict[str, bytes] = {}  # others, by their paths
        self.lost: set[str] = set()  # paths at which nothing lies any more
        self.words = b""  # that it says with it
        self.away: set[int] = set()  # which requests for files it answers as if it had none of them
        self.answers: dict[str, Json | Callable[[Json], Json]] = {
            "Viewer": {"viewer": {"entity": "ann", "username": "ann"}},
            "Project": {"project": {"id": "p", "name": "vision", "createdAt": _AT}},
            "Projects": {"models": listed({"name": "vision"})},
            "Runs": {
                "project": {
                    "runs": listed({"name": "r1", "state": "finished", "createdAt": _AT, "tags": None})
                }
            },
            "RunKeys": self.of_run(historyKeys={"lastStep": 2}, eventsLineCount=0),
            "RunHistory": lambda asked: self.of_run(
                history=[f'{{"_step": {n}}}' for n in range(3) if asked["from"] <= n < asked["to"]]
            ),
            "RunEvents": self.of_run(events=[]),
            "RunLogLines": self.of_run(logLines=listed()),
            "RunFiles": self.files(),
        }

    def of_run(self, **facts: object) -> Json:
        return {"project": {"run": facts}}

    def files(self, **facts: object) -> Json:
        file = {"name": "w.bin", "directUrl": "/signed", "sizeBytes": len(DATA), "updatedAt": _AT}
        file["md5"] = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
        return self.of_run(files=listed(file | facts))

    def answer(self, name: str, variables: Json) -> Json:
        self.asked.append((name, variables))
        if name.startswith("Run_"):
            return {"data": self.of_run(**{name[4:]: listed()})}
        found = self.answers.get(name, {"project": {}})
        found = found(variables) if callable(found) else found
        return found if "errors" in found else {"data": found}


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretended]:
    pretended = Pretended()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pretended.keys.append(self.headers.get("Authorization"))
            if self.path in pretended.lost or len(pretended.keys) in pretended.away:
                self._send(pretended.words, 404)
                return
            self._send(pretended.files_at.get(self.path, pretended.file))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if pretended.busy:
                self._send(b"", 429, pretended.busy.pop())
                return
            name = body["query"].split("(")[0].split("{")[0].removeprefix("query").strip()
            text = json.dumps(pretended.answer(name, body.get("variables") or {}))
            self._send(text.replace('"/signed', f'"{pretended.url}/signed').encode())  # type: ignore[attr-defined]

        def _send(self, data: bytes, status: int = 200, wait: str = "") -> None:
            self.send_response(status)
            if wait:
                self.send_header("Retry-After", wait)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Not into the output of the tests."""

    monkeypatch.setattr(asking, "_WAITS", (0.0,))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    pretended.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield pretended
    server.shutdown()
    server.server_close()


@pytest.fixture
def home(alice: User) -> Entity:
    return Entity.objects.get(user=alice)


def imported(
    there: Pretended, into: Entity, by: User, only: list[str] | None = None, lost: list[str] | None = None
) -> Import:
    reader, actor = open_site(Site(there.url, KEY), Origin.WANDB, only=only or []), Actor.person(by)  # type: ignore[attr-defined]
    job = ask_for_import(into, reader, clash=Clash.SKIP, by=actor, whose_runs=actor)
    return bring(job, reader, by=actor, lost=(lost if lost is not None else list[str]()).append)


def test_one_that_answers_as_it_should_is_imported_and_gets_the_key_with_questions_alone(
    there: Pretended, home: Entity, alice: User
) -> None:
    job = imported(there, home, alice)

    assert (job.state, job.runs, job.left_out) == (ImportState.DONE, 1, 0)
    run = Run.objects.get()
    assert [row["_step"] for row in store.rereadable(run, Stream.HISTORY)()] == [0, 1, 2]
    assert [b"".join(read_file(each.file)) for each in list_files(run)] == [DATA]
    assert there.keys == [None]


def _endless(asked: Json) -> Json:
    return {"project": {"runs": listed({"name": "r1", "state": "x", "createdAt": _AT}, more=True)}}


WRONG: dict[str, Callable[[Pretended], object]] = {
    "the same page for ever": lambda said: said.answers.update(Runs=_endless),
    "no moments": lambda said: said.answers.update(Project={"project": {"name": "vision"}}),
    "a run without a name": lambda said: said.answers.update(
        Runs={"project": {"runs": listed({"name": "", "createdAt": _AT})}}
    ),
    "a row that is none": lambda said: said.answers.update(RunHistory=said.of_run(history=["[]"])),
    "rows that are none": lambda said: said.answers.update(RunHistory=said.of_run(history=[1])),
    "no answer to a page of one": lambda said: said.answers.update(RunHistory={"errors": [{"message": "m"}]}),
    "a file of another size": lambda said: said.answers.update(RunFiles=said.files(sizeBytes=99)),
    "a file of other bytes": lambda said: setattr(said, "file", b"WEIGHTS"),
    "a file that leads out": lambda said: said.answers.update(RunFiles=said.files(name="../w")),
    "a list that is none": lambda said: said.answers.update(RunFiles={"project": {"run": {"files": [1]}}}),
    "a file inside this network": lambda said: said.answers.update(
        RunFiles=said.files(directUrl="https://127.0.0.1:1/")
    ),
    "a file of a cloud's own": lambda said: said.answers.update(
        RunFiles=said.files(directUrl="http://169.254.169.254/latest/meta-data")
    ),
    "a file of this machine": lambda said: said.answers.update(RunFiles=said.files(directUrl="file:///etc/passwd")),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_of_one_that_answers_wrongly_nothing_is_kept(
    what: str, there: Pretended, home: Entity, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    WRONG[what](there)

    with pytest.raises(OwnlogError) as said:
        imported(there, home, alice)

    assert not isinstance(said.value, Unavailable)
    assert Import.objects.get().state == ImportState.GIVEN_UP
    assert not Project.objects.filter(entity=home).exists()
    assert KEY not in caplog.text + said.value.message


def test_where_it_is_busy_it_is_asked_again_when_it_says(
    there: Pretended, home: Entity, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("apps.imports.readers.asking.time.sleep", waited.append)
    there.busy = ["7"]

    assert imported(there, home, alice).state == ImportState.DONE
    assert waited == [7]

    there.busy = ["99999999", "60"]
    with pytest.raises(Unavailable):
        imported(there, home, alice)
    assert waited == [7, 60]


def test_what_is_too_much_at_once_is_asked_for_in_smaller_parts(
    there: Pretended, home: Entity, alice: User
) -> None:
    whole = there.answers["RunHistory"]
    assert callable(whole)
    there.answers["RunHistory"] = lambda asked: (
        whole(asked) if asked["to"] - asked["from"] < 3 else {"errors": [{"message": KEY}]}
    )

    imported(there, home, alice)

    assert len(list(store.rereadable(Run.objects.get(), Stream.HISTORY)())) == 3


def test_a_page_that_may_be_a_sample_is_asked_for_again(there: Pretended, home: Entity, alice: User) -> None:
    """Steps lie far apart at first, so that the stretches grow; then there are many in one."""
    steps = [0, *range(10_000, 13_000)]
    there.answers["RunKeys"] = there.of_run(historyKeys={"lastStep": steps[-1]}, eventsLineCount=0)

    def history(asked: Json) -> Json:
        found = [f'{{"_step": {n}}}' for n in steps if asked["from"] <= n < asked["to"]]
        return there.of_run(history=found[:1500])  # a limit of its own

    there.answers["RunHistory"] = history

    imported(there, home, alice)

    assert [row["_step"] for row in store.rereadable(Run.objects.get(), Stream.HISTORY)()] == steps


def test_system_metrics_that_are_told_in_part_are_counted(
    there: Pretended, home: Entity, alice: User
) -> None:
    there.answers["RunKeys"] = there.of_run(historyKeys=None, eventsLineCount=2)
    there.answers["RunEvents"] = there.of_run(events=['{"system.cpu": 1}'])

    assert imported(there, home, alice).left_out == 1


def test_what_is_done_is_not_asked_for_again_and_what_was_missing_of_it_is_counted_still(
    there: Pretended, home: Entity, alice: User
) -> None:
    there.answers["Runs"] = {
        "project": {"runs": listed(*({"name": name, "createdAt": _AT} for name in ("r1", "r2")))}
    }
    there.answers["RunKeys"] = there.of_run(historyKeys=None, eventsLineCount=2)
    there.answers["RunEvents"] = there.of_run(events=['{"system.cpu": 1}'])
    reader, actor = open_site(Site(there.url, KEY), Origin.WANDB), Actor.person(alice)  # type: ignore[attr-defined]
    job = ask_for_import(home, reader, clash=Clash.SKIP, by=actor, whose_runs=actor)

    def breaks_off() -> None:
        raise Unavailable("as behind a worker's turn")

    with pytest.raises(Unavailable):
        bring(job, reader, by=actor, between=breaks_off)
    there.asked.clear()

    job = imported(there, home, alice)

    assert (Import.objects.count(), job.runs, job.left_out) == (1, 2, 2)
    assert {asked["run"] for _name, asked in there.asked if "run" in asked} == {"r2"}


# As the client writes it where it was asked for that digest: of one file with these bytes.
XXH128 = {
    "version": 1,
    "storagePolicy": "wandb-storage-policy-v1",
    "storagePolicyConfig": {"storageLayout": "V2"},
    "contents": {"w.bin": {"digest": "vb2h624FrcSADZjlUk/vvA==", "size": 7, "extra": {"alg": "XXH128"}}},
}


def with_version(there: Pretended, manifest: Json) -> None:
    there.files_at["/signed/list"] = json.dumps(manifest).encode()
    collection = {"__typename": "ArtifactSequence", "id": "c", "name": "model", "createdAt": _AT}
    version = {"id": "v", "versionIndex": 0, "state": "COMMITTED"}
    whole = version | {"digest": "9e096085f10916e18ec20e29545f7876", "createdAt": _AT, "metadata": "{}"}
    whole |= {"currentManifest": {"file": {"directUrl": "/signed/list"}}, "aliases": []}
    kind = {"artifactCollections": listed(collection), "artifactCollection": {"artifacts": listed(version)}}
    there.answers |= {
        "ArtifactTypes": {"project": {"artifactTypes": listed({"name": "model"})}},
        "ArtifactCollections": {"project": {"artifactType": kind}},
        "ArtifactVersions": {"project": {"artifactType": kind}},
        "ArtifactByID": {"artifact": whole},
        "ArtifactFiles": {"artifact": {"files": listed({"name": "w.bin", "directUrl": "/signed/w"})}},
    }


def _entry(**facts: object) -> Json:
    return XXH128 | {"contents": {"w.bin": {"digest": "vb2h624FrcSADZjlUk/vvA==", "size": 7} | facts}}


@pytest.mark.parametrize("entry", [{"extra": {"alg": "XXH128", "more": 1}}, {"digest": "sha256:" + "0" * 64}])
def test_files_of_another_digest_get_their_own_as_the_client_gives_it_to_them(
    entry: Json, there: Pretended, home: Entity, alice: User
) -> None:
    with_version(there, _entry(**entry))

    job = imported(there, home, alice)

    assert (job.state, job.versions, job.left_out) == (ImportState.DONE, 1, 0)
    version = Version.objects.get()
    (found,) = list_entries(version)
    md5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
    assert (found.path, found.digest, found.extra) == ("w.bin", md5, '{"more":1}' if "extra" in entry else "")
    anew = hashlib.md5(f"wandb-artifact-manifest-v1\nw.bin:{md5}\n".encode(), usedforsecurity=False)
    assert open_version(version).words.digest == anew.hexdigest()


def _digest(paths: list[str], md5: str = "") -> str:
    md5 = md5 or base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
    text = "wandb-artifact-manifest-v1\n" + "".join(f"{path}:{md5}\n" for path in paths)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def with_two_files(there: Pretended) -> list[Json]:
    """A version of these, of which the second lies at /signed/gone: what its list says of each."""
    md5 = base64.b64encode(hashlib.md5(DATA, usedforsecurity=False).digest()).decode()
    other = base64.b64encode(hashlib.md5(b"others", usedforsecurity=False).digest()).decode()
    listing = [{"digest": md5, "size": 7}, {"digest": other, "size": 6}]
    with_version(there, XXH128 | {"contents": {"w.bin": listing[0], "gone.bin": listing[1]}})
    there.answers["ArtifactFiles"] = {
        "artifact": {
            "files": listed(
                {"name": "gone.bin", "directUrl": "/signed/gone"}, {"name": "w.bin", "directUrl": "/signed/w"}
            )
        }
    }
    said = there.answers["ArtifactByID"]
    assert isinstance(said, dict)
    text = f"wandb-artifact-manifest-v1\ngone.bin:{other}\nw.bin:{md5}\n"
    said["artifact"]["digest"] = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return listing


@pytest.mark.parametrize("kind", [{}, {"extra": {"alg": "XXH128"}}])
def test_a_version_comes_without_the_file_that_its_server_lost_and_has_the_digest_of_the_others(
    kind: Json, there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    with_version_of = with_two_files
    for each in with_version_of:
        each |= kind
    there.files_at["/signed/list"] = json.dumps(
        XXH128 | {"contents": {"w.bin": with_version_of[0], "gone.bin": with_version_of[1]}}
    ).encode()
    there.lost, lost = {"/signed/gone"}, list[str]()

    job = imported(there, home, alice, lost=lost)

    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 1, 1, 1)
    assert lost == ["model:v0/gone.bin"]
    version = Version.objects.get()
    assert [each.path for each in list_entries(version)] == ["w.bin"]
    assert (version.size, open_version(version).words.digest) == (7, _digest(["w.bin"]))
    assert StoredFile.objects.count() == 1
    assert not Blob.objects.filter(state=BlobState.UPLOADING).exists()


def test_where_a_file_is_lost_the_list_that_names_it_is_held_to_its_digest_still(
    there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    said = there.answers["ArtifactByID"]
    assert isinstance(said, dict)
    said["artifact"]["digest"] = _digest(["w.bin"])  # as if the list had grown behind it
    there.lost = {"/signed/gone"}

    with pytest.raises(Invalid, match="digest of this artifact"):
        imported(there, home, alice)

    assert Import.objects.get().state == ImportState.GIVEN_UP


def test_what_was_lost_of_a_version_is_told_also_by_who_goes_on_behind_it(
    there: Pretended,
    with_two_files: list[Json],
    home: Entity,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there.lost, lost = {"/signed/gone"}, list[str]()
    note = Bringing._note

    def dies(self: Bringing, item: ImportItem, **what: Any) -> None:
        if "version" in what:
            raise KeyboardInterrupt
        note(self, item, **what)

    with monkeypatch.context() as patch:
        patch.setattr(Bringing, "_note", dies)
        with pytest.raises(KeyboardInterrupt):
            imported(there, home, alice)

    assert imported(there, home, alice, lost=lost).left_out == 1
    assert lost == ["model:v0/gone.bin"]


def test_of_two_files_with_the_same_bytes_one_is_enough(
    there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    with_two_files[1] |= with_two_files[0]
    there.files_at["/signed/list"] = json.dumps(
        XXH128 | {"contents": {"w.bin": with_two_files[0], "gone.bin": with_two_files[1]}}
    ).encode()
    said = there.answers["ArtifactByID"]
    assert isinstance(said, dict)
    said["artifact"]["digest"] = _digest(["gone.bin", "w.bin"])
    there.lost, lost = {"/signed/gone"}, list[str]()

    job = imported(there, home, alice, lost=lost)

    assert (job.versions, job.left_out, lost) == (1, 0, [])
    assert [each.path for each in list_entries(Version.objects.get())] == ["gone.bin", "w.bin"]


def test_a_version_whose_list_is_lost_is_left_out_and_a_file_of_a_run_is_named(
    there: Pretended, with_two_files: list[Json], home: Entity, alice: User
) -> None:
    there.lost, lost = {"/signed/list", "/signed"}, list[str]()

    job = imported(there, home, alice, lost=lost)

    assert (job.state, job.runs, job.versions, job.left_out) == (ImportState.DONE, 1, 0, 2)
    assert lost == ["r1/w.bin", "model: v"]


@pytest.fixture
def with_three_files(there: Pretended) -> Pretended:
    (edge,) = there.files()["project"]["run"]["files"]["edges"]
    files = (edge["node"] | {"name": f"{n}.bin", "directUrl": f"/signed/{n}"} for n in range(3))
    there.answers["RunFiles"] = there.of_run(files=listed(*files))
    return there


@pytest.mark.parametrize("first", [1, 2], ids=["from the first on", "behind one that came"])
def test_a_server_that_has_none_of_its_files_just_now_is_asked_again_and_all_of_them_come(
    first: int, with_three_files: Pretended, home: Entity, alice: User
) -> None:
    with_three_files.away, lost = set(range(first, 99)), list[str]()

    with pytest.raises(Unavailable, match="none of the files"):
        imported(with_three_files, home, alice)
    with_three_files.away = set()
    job = imported(with_three_files, home, alice, lost=lost)

    assert (job.state, job.runs, job.left_out, lost) == (ImportState.DONE, 1, 0, [])
    assert len(list_files(Run.objects.get())) == 3


def test_a_file_that_is_not_there_for_a_moment_is_not_lost(
    with_three_files: Pretended, home: Entity, alice: User
) -> None:
    with_three_files.away = {1, 4}

    assert imported(with_three_files, home, alice).left_out == 0


def test_files_of_which_the_store_itself_says_that_it_has_them_no_more_are_lost_and_asked_for_once(
    with_three_files: Pretended, home: Entity, alice: User
) -> None:
    with_three_files.lost = {f"/signed/{n}" for n in range(3)}
    with_three_files.words = b"<Error><Code>NoSuchKey</Code></Error>"

    job = imported(with_three_files, home, alice)

    assert (job.state, job.runs, job.left_out) == (ImportState.DONE, 1, 3)
    assert len(with_three_files.keys) == 3


@pytest.mark.parametrize("facts", [{"size": 8}, {"size": 6}])
def test_files_of_another_digest_are_as_long_as_their_list_says(
    facts: Json, there: Pretended, home: Entity, alice: User
) -> None:
    with_version(there, _entry(**facts, extra={"alg": "XXH128"}))

    with pytest.raises(OwnlogError):
        imported(there, home, alice)

    assert not Project.objects.filter(entity=home).exists()


@pytest.mark.parametrize(
    "url",
    ["https://user@files.example/", "https://files.example/a b", "https://[", "https://files.example/\x01"],
)
def test_only_an_address_is_one(url: str) -> None:
    with pytest.raises(Broken):
        list(download(Site("https://wandb.example"), url))


def test_a_place_beside_the_server_is_judged_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host of it may be called anything."""
    found = [(2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_args, **_named: found)

    with pytest.raises(Broken):
        list(download(Site("https://wandb.example"), "https://files.example/a"))
