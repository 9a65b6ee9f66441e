"""Artifacts: a large file up and down, many small ones through the real client, and a version of 100 000 files.

`python -m bench.artifacts` measures and prints. Files are compared with what the machine takes to copy them with fsync.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import requests

from bench.figures import Figure, median
from bench.report import report
from config.launch.web import THREADS
from tests.live import API_KEY, LiveServer
from tests.wandb_protocol.client import WandbClient

if TYPE_CHECKING:
    from apps.artifacts.models import Version

_MIB = 1024 * 1024
LARGE, EACH, SMALL, SMALL_BYTES, MANY = 1024 * _MIB, 128 * _MIB, 2_000, 10 * 1024, 100_000
_CREATE = "mutation($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id } } }"
_FILES = "mutation($i: CreateArtifactFilesInput!) { createArtifactFiles(input: $i) { files { edges { node { uploadUrl } } } } }"
_MANIFEST = "mutation($i: CreateArtifactManifestInput!) { createArtifactManifest(input: $i) { artifactManifest { file { uploadUrl } } } }"
_COMMIT = "mutation($i: CommitArtifactInput!) { commitArtifact(input: $i) { artifact { id } } }"
_READ = "query($a: ID!) { artifact(id: $a) { files { edges { node { directUrl } } } } }"
_SCRIPT = """
    import pathlib, psutil, random, shutil
    server = psutil.Process(int(sys.argv[1])); name = sys.argv[2]

    def used(process):
        return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))

    class Costs:
        def __enter__(self):
            self.before = time.monotonic(), used(server), used(psutil.Process())
        def __exit__(self, *_):
            after = time.monotonic(), used(server), used(psutil.Process())
            self.told = [end - begin for begin, end in zip(self.before, after)]

    rng = random.Random(name)
    for number in range({count}):
        path = pathlib.Path("many", f"part{{number % 10}}", f"f{{number:05}}"); path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes({size}))
    run = wandb.init(project="bench", id=name, settings=FAST)
    made = wandb.Artifact(name, "dataset"); made.add_dir("many")
    up, down = Costs(), Costs()
    with up:
        try:
            made = run.log_artifact(made).wait()
        except ValueError:
            assert name == "sink"
    run.finish()
    shutil.rmtree(os.environ["WANDB_CACHE_DIR"], ignore_errors=True)
    again = wandb.Api().artifact("bench/kept:v0")
    with down:
        folder = again.download(root="got", skip_cache=True)
    tell(up=up.told, down=down.told, count=sum(1 for path in pathlib.Path(folder).rglob("*") if path.is_file()))
"""


def measure(world: object = None) -> list[Figure]:
    """One file of 1 GiB by a bare HTTP client; the floor of sending it is a bare server that reads, digests, seals and keeps it (ADR 0179); 2 000 files of 10 KiB by the real client, beside the same client and a server that keeps nothing; a version of 100 000 files, read in the server's own process."""
    server = LiveServer(threads=THREADS)
    try:
        server.prepare()
        server.start()
        server.account("alice")
        return [*_large(server), _at_once(server), *_small(server), *_many(server)]
    finally:
        server.stop()
        server.remove()


class Sender:
    """Speaks the client's protocol for one version."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.http = requests.Session()
        self.http.auth = ("api", API_KEY)

    def ask(self, query: str, **variables: object) -> dict[str, object]:
        answered = self.http.post(
            f"{self.server.url}/graphql", json={"query": query, "variables": variables}, timeout=120
        ).json()
        assert "errors" not in answered, answered
        data: dict[str, object] = answered["data"]
        return data

    def begin(self, name: str, digest: str) -> str:
        self.ask('mutation { upsertBucket(input: {name: "bench", modelName: "bench"}) { bucket { id } } }')
        sent = {"entityName": "alice", "projectName": "bench", "runName": "bench", "artifactTypeName": "dataset",
                "artifactCollectionName": name, "digest": digest, "aliases": [{"alias": "latest"}]}  # fmt: skip
        return str(self.ask(_CREATE, i=sent)["createArtifact"]["artifact"]["id"])  # type: ignore[index]

    def room(self, artifact: str, name: str, md5: str) -> str:
        sent = {"artifactFiles": [{"artifactID": artifact, "name": name, "md5": md5}]}
        edges = self.ask(_FILES, i=sent)["createArtifactFiles"]["files"]["edges"]  # type: ignore[index]
        return str(edges[0]["node"]["uploadUrl"])

    def finish(self, artifact: str, contents: dict[str, object]) -> None:
        raw = json.dumps({"version": 1, "contents": contents}).encode()
        digest = base64.b64encode(hashlib.md5(raw).digest()).decode()
        sent = {"artifactID": artifact, "name": "wandb_manifest.json", "digest": digest, "type": "FULL"}
        room = self.ask(_MANIFEST, i=sent)["createArtifactManifest"]["artifactManifest"]["file"]  # type: ignore[index]
        assert requests.put(room["uploadUrl"], data=raw, timeout=300).status_code == 200
        self.ask(_COMMIT, i={"artifactID": artifact})


def whole_digest(contents: dict[str, dict[str, object]]) -> str:
    lines = "".join(f"{path}:{contents[path]['digest']}\n" for path in sorted(contents))
    return hashlib.md5(b"wandb-artifact-manifest-v1\n" + lines.encode()).hexdigest()


# ── one large file ──


def _large(server: LiveServer) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="ownlog-bench-") as folder:
        path = Path(folder, "large.bin")
        md5 = hashlib.md5()
        with path.open("wb") as file:
            for piece in _random(LARGE):
                md5.update(piece)
                file.write(piece)
        digest = base64.b64encode(md5.digest()).decode()
        copied = median([_copied(path, Path(folder, f"copy{number}")) for number in range(3)])
        sender = Sender(server)
        contents: dict[str, dict[str, object]] = {"large.bin": {"digest": digest, "size": LARGE}}
        artifact = sender.begin("large", whole_digest(contents))
        url = sender.room(artifact, "large.bin", digest)
        with Watched(server) as watched:
            began, before = time.perf_counter(), watched.used()
            with path.open("rb") as body:
                assert requests.put(url, data=body, timeout=300).status_code == 200
            up, up_used = time.perf_counter() - began, watched.used() - before
            sender.finish(artifact, dict(contents))
            found = sender.ask(_READ, a=artifact)["artifact"]["files"]["edges"]  # type: ignore[index]
            before = watched.used()
            down = median([_got(found[0]["node"]["directUrl"]) for _ in range(3)])
            down_used = (watched.used() - before) / 3
        received = median(_received(path, Path(folder)))
        # What no server can leave out: one stream is one MD5, and one MD5 is one processor's.
        digested = _digested(path)
    rate = LARGE / _MIB / up
    return [
        Figure("artifact file of 1 GiB, up", rate, "MiB/s", received, 0.6 * received, more_is_better=True),
        Figure("copy of such a file with fsync", copied, "MiB/s"),
        Figure("MD5 of such a file, the whole work of one processor", digested, "MiB/s"),
        Figure("artifact file of 1 GiB, up, CPU of the server", up_used * 1000, "ms"),
        Figure("artifact file of 1 GiB, down", down, "MiB/s", None, 500.0, more_is_better=True),
        Figure("artifact file of 1 GiB, down, CPU of the server", down_used * 1000, "ms"),
        Figure("memory of the web server meanwhile", watched.most / _MIB, "MiB", None, 200.0),
    ]


def _received(path: Path, folder: Path) -> list[float]:
    """MiB a second of the same PUT to a bare server that keeps it as this one must."""
    command = [sys.executable, "-m", "bench.receiver", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bare:
        try:
            assert bare.stdout is not None
            url, rates = f"http://127.0.0.1:{int(bare.stdout.readline())}/", []
            for _ in range(3):
                began = time.perf_counter()
                with path.open("rb") as body:
                    assert requests.put(url, data=body, timeout=300).status_code == 200
                rates.append(path.stat().st_size / _MIB / (time.perf_counter() - began))
        finally:
            bare.kill()
    return rates


def _at_once(server: LiveServer) -> Figure:
    """As many streams as the web server takes at once, each of a file that no memory would hold as often."""
    sender = Sender(server)
    with tempfile.TemporaryDirectory(prefix="ownlog-bench-") as folder, Watched(server) as watched:
        ways = []
        for number in range(THREADS):
            path, md5 = Path(folder, f"{number}.bin"), hashlib.md5()
            with path.open("wb") as file:
                for piece in _random(EACH, seed=number):
                    md5.update(piece)
                    file.write(piece)
            digest = base64.b64encode(md5.digest()).decode()
            held = {f"{number}.bin": {"digest": digest, "size": EACH}}
            artifact = sender.begin(f"stream{number}", whole_digest(held))
            ways.append((sender.room(artifact, f"{number}.bin", digest), path))
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            assert set(pool.map(_put, ways)) == {200}
    return Figure(f"memory of the web server, {THREADS} files of 128 MiB at once", watched.most / _MIB, "MiB")


def _put(way: tuple[str, Path]) -> int:
    url, path = way
    with path.open("rb") as body:
        return requests.put(url, data=body, timeout=600).status_code


def _digested(path: Path) -> float:
    began, md5 = time.process_time(), hashlib.md5()
    with path.open("rb") as file:
        while piece := file.read(_MIB):
            md5.update(piece)
    return LARGE / _MIB / (time.process_time() - began)


def _random(size: int, *, seed: int = 7) -> Iterator[bytes]:
    rng = random.Random(seed)
    for _ in range(size // _MIB):
        yield rng.randbytes(_MIB)


def _copied(path: Path, target: Path) -> float:
    """MiB a second of a copy that is on the disk when it is told so."""
    began = time.perf_counter()
    with path.open("rb") as source, target.open("wb") as file:
        while piece := source.read(_MIB):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    seconds = time.perf_counter() - began
    target.unlink()
    return LARGE / _MIB / seconds


def _got(url: str) -> float:
    began, size = time.perf_counter(), 0
    with requests.get(url, stream=True, timeout=300) as answer:
        while piece := answer.raw.read(_MIB):
            size += len(piece)
    assert size == LARGE
    return LARGE / _MIB / (time.perf_counter() - began)


class Watched:
    """The most memory that the server's processes have while a block lasts, looked at ten times a second."""

    def __init__(self, server: LiveServer) -> None:
        assert server.process is not None
        self.process = psutil.Process(server.process.pid)
        self.most = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def used(self) -> float:
        """Seconds of processors so far."""
        return sum(sum(one.cpu_times()[:2]) for one in self._processes())

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def _look(self) -> None:
        while not self._done.wait(0.1):
            self.most = max(self.most, max(one.memory_info().rss for one in self._processes()))


# ── many small files ──


def _small(server: LiveServer) -> list[Figure]:
    kept = _by_the_client(server, "kept")
    server.stop()
    server.start("bench.sink:application")
    floor = _by_the_client(server, "sink")
    server.stop()
    server.start()
    return [figure for way in ("up", "down") for figure in _small_figures(way, kept[way], floor[way])]


def _small_figures(way: str, kept: list[float], floor: list[float]) -> Iterator[Figure]:
    """Of seconds on the clock, and of those of the server's and of the client's processors."""
    what = f"2 000 files of 10 KiB by the client, {way}"
    yield Figure(what, SMALL / kept[0], "files/s", SMALL / floor[0], 250.0, more_is_better=True)
    yield Figure(f"{what}, CPU of the server a file", kept[1] / SMALL * 1000, "ms", floor[1] / SMALL * 1000)
    yield Figure(f"{what}, CPU of the client a file", kept[2] / SMALL * 1000, "ms", floor[2] / SMALL * 1000)


def _by_the_client(server: LiveServer, name: str) -> dict[str, list[float]]:
    assert server.process is not None
    with tempfile.TemporaryDirectory(prefix="ownlog-bench-") as folder:
        client = WandbClient(server, Path(folder))
        script = textwrap.dedent(_SCRIPT).format(count=SMALL, size=SMALL_BYTES)
        told = client.run(script, str(server.process.pid), name, WANDB_CACHE_DIR=f"{folder}/cache").told
    assert told["count"] == SMALL
    return told


# ── a version of many files ──


def _many(server: LiveServer) -> list[Figure]:
    sender = Sender(server)
    for number in range(2):
        contents: dict[str, dict[str, object]] = {
            f"part{n % 40:02}/sub{n % 7}/f{n:06}.bin": {
                "digest": f"{n}-{number if n % 100 == 0 else 0}", "ref": f"s3://bucket/{n}", "size": n,
            }
            for n in range(MANY)
        }  # fmt: skip
        artifact = sender.begin("many", whole_digest(contents))
        sender.finish(artifact, dict(contents))
    told = json.loads(server.python("-m", "bench.artifacts", "read-many").splitlines()[-1])
    return [
        Figure(f"version of 100 000 files, {name}", value, "ms", None, 1000.0) for name, value in told.items()
    ]


def read_many() -> None:
    """Inside the instance's environment: a page of all files, one folder, and the difference to the version before."""
    import django

    django.setup()
    from apps.access.policy import Permission
    from apps.accounts.actors import Actor
    from apps.accounts.models import User
    from apps.artifacts import queries
    from apps.vault.keys import keys_in_use

    actor = Actor.person(User.objects.get(username="alice"))

    def version(alias: str) -> Version:
        return queries.get_version_named(
            actor, Permission.FILE_READ, entity="alice", project="bench", name=f"many:{alias}"
        )

    acts: dict[str, Callable[[], object]] = {
        "a page": lambda: queries.list_entries(version("v1"), start=50_000, count=1_000),
        "a folder": lambda: queries.list_folder(version("v1"), "part07/sub3"),
        "the difference of two": lambda: queries.diff_versions(version("v0"), version("v1")),
    }
    told = {}
    for name, act in acts.items():
        seconds = []
        for _ in range(5):
            began = time.perf_counter()
            with keys_in_use():
                assert act()
            seconds.append((time.perf_counter() - began) * 1000)
        told[name] = median(seconds)
    print(json.dumps(told))


if __name__ == "__main__":
    if sys.argv[1:] == ["read-many"]:
        read_many()
    else:
        report("artifacts", measure())
