"""Where a file lies: named anew, since an address may be good for an hour alone. Nothing where the server does not say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.imports.readers.said import Said
from apps.imports.readers.wandb_server import questions
from apps.imports.readers.wandb_server.server import Refused, Server

_FEW = 5

Where = Mapping[str, Any]


def of_newest(server: Server, project: Where) -> Iterator[str]:
    """One file of each of the runs that were made last: what a store takes by age are the oldest."""
    for edge in _asked(server, questions.NEWEST, "project", "runs", first=_FEW, **project):
        for file in edge.object("node").object("files").objects("edges"):
            if url := file.object("node").text("directUrl"):
                yield url


def of_file(server: Server, run: Where, name: str) -> str:
    return _named(_asked(server, questions.FILE, "project", "run", "files", names=[name], **run), name)


def of_entry(server: Server, version: str, path: str) -> str:
    return _named(_asked(server, questions.ENTRY, "artifact", "files", id=version, names=[path]), path)


def _asked(server: Server, question: str, *where: str, **variables: Any) -> list[Said]:
    try:
        found = server.ask(question, **variables)
    except Refused:
        return []
    for each in where:
        found = found.object(each)
    return found.objects("edges")


def _named(edges: list[Said], name: str) -> str:
    nodes = (each.object("node") for each in edges)
    return next((each.text("directUrl") for each in nodes if each.text("name") == name), "")
