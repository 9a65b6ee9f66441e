from __future__ import annotations

import io

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.models import RunFile
from apps.files.queries import find_file, read_file
from apps.files.services import announce_files, store_file
from apps.leaks import services
from apps.leaks.queries import find_finding, findings_of
from apps.leaks.types import OpenFinding
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import Lines, Stream, StreamRequest

KEY = "hf" + "_" + "Ab" * 17
OTHER = "ghp" + "_" + "c3D4" * 9
ARGS = {"_wandb": {"value": {"e": {"w": {"args": ["--hub", KEY], "os": "Linux"}}}}}
CONFIG = {"lr": {"value": 0.1}, "hub": {"value": {"鍵": KEY}}, **ARGS}


def say(run: Run, first: int, *lines: str, writer: str = "") -> None:
    store.append(run, StreamRequest(streams={Stream.OUTPUT: Lines(first, lines)}, writer=writer))
    run.refresh_from_db()


def put(run: Run, name: str, data: bytes) -> RunFile:
    (announced,) = announce_files(run, [name])
    assert announced.file is not None
    return store_file(announced.file, io.BytesIO(data))


def content(run: Run, name: str) -> bytes:
    return b"".join(read_file(find_file(run, name).file))


def looked(run: Run) -> list[OpenFinding]:
    run.refresh_from_db()
    assert services.scan(run)
    return findings_of(run)


def erase(run: Run, finding: OpenFinding, by: User) -> None:
    held = find_finding(run, finding.public_id)
    assert held is not None
    services.erase_value(held, by=Actor.person(by))
    run.refresh_from_db()
