"""A server that the client logs to, W&B's or another one that speaks as it does: its projects, asked for over its GraphQL."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from django.utils.translation import gettext as _

from apps.artifacts.types import RunRole
from apps.core.errors import Invalid, NotFound
from apps.files.types import PastFile
from apps.imports.errors import Broken
from apps.imports.readers.asking import Site
from apps.imports.readers.naming import project_names
from apps.imports.readers.paging import Once, at_most
from apps.imports.readers.said import Said
from apps.imports.readers.stretches import stretches
from apps.imports.readers.wandb_server import addresses, lines, questions, versions
from apps.imports.readers.wandb_server.server import Refused, Server, inside
from apps.imports.types import Beat, BroughtProject, BroughtRun, Origin, WholeRun
from apps.projects.types import PastProject
from apps.runs.bringing import ended
from apps.runs.types import PastRun, RunPatch, RunState, Stream

_RUNS, _FILES, _AT_ONCE = 20, 100, 100
_ROLES = {RunRole.INPUT: "inputArtifacts", RunRole.OUTPUT: "outputArtifacts"}
_EVERYTHING = "*"
_MOST_PROJECTS, _MOST_EDGES = 100_000, 100_000  # the names of all, and what one run read or made


@dataclass(frozen=True, slots=True)
class _Place:
    entity: str
    name: str

    @property
    def asked(self) -> dict[str, str]:
        return {"entity": self.entity, "project": self.name}

    def __str__(self) -> str:
        return f"{self.entity}/{self.name}"


class WandbServerReader:
    """The projects that are named (`team/vision`, or `team/*` for all of a team's), or all of the person whose key it is. `filters`
    are those of the client's public API, as JSON, and are the server's to understand."""

    origin = Origin.WANDB
    things = 0  # nobody knows before all is read

    def __init__(self, site: Site, *, only: Sequence[str] = (), filters: str = "") -> None:
        self._server, self._filters = Server(site), filters or None
        viewer = self._server.ask(questions.VIEWER).object("viewer")
        if not viewer.raw:
            raise Invalid(_("The server does not accept this key."))
        own = viewer.text("entity") or viewer.text("username")
        named = chain.from_iterable(self._named(name, own) for name in only or [_EVERYTHING])
        self._places = list(dict.fromkeys(at_most(_MOST_PROJECTS, named)))
        self._left_out = 0
        if not self._places:
            raise Broken(_("There is no project on this server that this key may read."))

    def _named(self, name: str, own: str) -> Iterator[_Place]:
        entity, _slash, project = name.rpartition("/")
        entity = entity or own
        if project != _EVERYTHING:
            yield self._there(_Place(entity, project))
            return
        for edge in self._server.pages(questions.PROJECTS, "models", size=_AT_ONCE, entity=entity):
            yield _Place(entity, edge.object("node").text("name"))

    def _there(self, place: _Place) -> _Place:
        """Asked before anything is noted: with a key that is another one's nothing is given up."""
        if not self._server.ask(questions.PROJECT, **place.asked).object("project").raw:
            raise NotFound(
                _("There is no project %(name)s on this server that this key may read.") % {"name": place}
            )
        return place

    @property
    def beat(self) -> Beat:
        return self._server.beat

    @property
    def fingerprint(self) -> bytes:
        """Not of what it holds: that grows while it is read."""
        said = "\n".join([self._server.address, self._filters or "", *sorted(map(str, self._places))])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()

    @property
    def left_out(self) -> int:
        return self._left_out

    def close(self) -> None:
        """Nothing stays open."""

    def projects(self) -> Iterator[BroughtProject]:
        for place, name in zip(
            self._places, project_names([each.name for each in self._places]), strict=True
        ):
            said = inside(self._server.ask(questions.PROJECT, **place.asked), "project")
            self._server.others = partial(addresses.of_newest, self._server, place.asked)
            yield BroughtProject(
                key=str(place),
                name=name,
                was=_past_project(said),
                runs=partial(self._runs, place),
                collections=partial(versions.collections, self._server, place.asked),
            )

    # ── runs ──

    def _runs(self, place: _Place) -> Iterator[BroughtRun]:
        """In the order in which they were made, so that those which are made meanwhile come at the end."""
        edges = self._server.pages(
            questions.RUNS, "project", "runs", size=_RUNS, filters=self._filters, **place.asked
        )
        once = Once()
        for said in (each.object("node") for each in edges):
            if once.is_new(said.text("name")):
                yield BroughtRun(f"{place}/{said.text('name')}", partial(self._read, place, said))

    def _read(self, place: _Place, said: Said) -> WholeRun:
        run = {**place.asked, "run": said.text("name")}
        return WholeRun(
            was=_past(said),
            lines={
                Stream.HISTORY: partial(self._lines, lines.history, run),
                Stream.EVENTS: partial(self._events, run),
                Stream.OUTPUT: partial(self._console, run),
            },
            files=partial(self._files, run),
            versions={role: self._edges(run, field) for role, field in _ROLES.items()},
        )

    def _edges(self, run: dict[str, str], field: str) -> list[str]:
        edges = self._server.pages(questions.EDGES[field], "project", "run", field, size=_AT_ONCE, **run)
        return [each.object("node").text("id") for each in at_most(_MOST_EDGES, edges)]

    def _lines(
        self, read: Callable[[Server, lines.Where], Iterator[str]], run: dict[str, str]
    ) -> Iterable[Sequence[str]]:
        return stretches(read(self._server, run))

    def _events(self, run: dict[str, str]) -> Iterable[Sequence[str]]:
        found, are_some_missing = lines.events(self._server, run)
        self._left_out += are_some_missing
        return stretches(found)

    def _console(self, run: dict[str, str]) -> Iterable[Sequence[str]]:
        """An older server does not tell it line by line: then what is there of it is the file."""
        try:
            yield from self._lines(lines.console, run)
        except Refused:
            self._left_out += 1

    def _files(self, run: dict[str, str]) -> Iterator[PastFile]:
        once = Once()
        for edge in self._server.pages(questions.FILES, "project", "run", "files", size=_FILES, **run):
            node = edge.object("node")
            if once.is_new(node.text("name")):
                read = partial(self._server.whole_bytes, partial(self._bytes, run, node))
                yield PastFile(node.text("name"), node.moment("updatedAt"), read)

    def _bytes(self, run: dict[str, str], node: Said) -> Iterator[bytes]:
        """Held to the size and the digest that the server says, where it says any."""
        size, found = 0, hashlib.md5(usedforsecurity=False)
        said = node.maybe_number("sizeBytes")
        anew = partial(addresses.of_file, self._server, run, node.text("name"))
        for piece in self._server.download(node.text("directUrl"), most=said, anew=anew):
            size += len(piece)
            found.update(piece)
            yield piece
        if (said is not None and said != size) or _digest(node.text("md5")) not in (b"", found.digest()):
            raise Broken(
                _("A file is not what the server says of it: %(name)s.") % {"name": node.text("name")}
            )


def _digest(text: str) -> bytes:
    """Nothing where it is no MD5: large files may have a digest of their parts."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if len(raw) == 16 else b""


def _past_project(said: Said) -> PastProject:
    created = last = said.moment("createdAt")
    for each in said.object("runs").objects("edges"):
        node = each.object("node")
        last = max(last, node.maybe_moment("heartbeatAt") or node.moment("createdAt"))
    return PastProject(description=said.text("description"), created_at=created, last_activity_at=last)


def _past(said: Said) -> PastRun:
    created = said.moment("createdAt")
    heard = max(created, said.maybe_moment("heartbeatAt") or created)
    return PastRun(
        name=said.text("name"),
        patch=RunPatch(
            display_name=said.text("displayName") or None,
            notes=said.text("notes"),
            description=said.text("description"),
            tags=said.texts("tags"),
            group=said.text("group"),
            job_type=said.text("jobType"),
            commit=said.text("commit"),
            sweep=said.text("sweepName"),
            config_text=said.text("config") or None,
            summary_text=said.text("summaryMetrics") or None,
        ),
        state=ended(_state(said.text("state"))),
        author=said.object("user").text("username"),
        created_at=created,
        heartbeat_at=heard,
        finished_at=heard,
    )


def _state(word: str) -> RunState:
    """What another server may say besides is a run that nobody ended."""
    try:
        return RunState(word.lower())
    except ValueError:
        return RunState.CRASHED
