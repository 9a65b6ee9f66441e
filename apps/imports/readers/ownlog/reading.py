"""Archives of ours (docs/export-format.md)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import BinaryIO, TypeVar

from django.utils.translation import gettext as _

from apps.artifacts.types import CollectionKind, PastCollection, RunRole
from apps.core.errors import TooMuch
from apps.files.types import PastFile
from apps.imports.errors import Broken
from apps.imports.readers.ownlog.archive import Archive
from apps.imports.readers.ownlog.tables import Tables
from apps.imports.readers.ownlog.versions import VERSION, version_in
from apps.imports.readers.said import Said
from apps.imports.readers.stretches import lines_of, stretches
from apps.imports.types import (
    Beat,
    BroughtCollection,
    BroughtLink,
    BroughtProject,
    BroughtRun,
    BroughtVersion,
    Origin,
    WholeRun,
)
from apps.projects.types import MOST_VIEW_BYTES, MOST_VIEWS, PastProject, PastView
from apps.runs.bringing import ended
from apps.runs.types import AlertLevel, PastAlert, PastRun, RunPatch, RunState, Stream

_DEPTH = 6  # of the folder of a version
_MOST_TEXT = 64 * 2**20  # of a config or a summary: four bytes for each letter that is kept
# As an export writes them each text has a line of its own, which is thirteen bytes for four.
_MOST_OF_VIEWS = MOST_VIEWS * 5 * MOST_VIEW_BYTES
_T = TypeVar("_T")
_PROJECT, _VIEWS = "project.json", "views.json"
# Where things lie below their project: files that somebody logged may be called so too.
_RUN = re.compile(r"(projects/[^/]+/runs/[^/]+)/run\.json")
_COLLECTION = re.compile(r"(projects/[^/]+/artifacts/[^/]+/[^/]+)/collection\.json")
_THING = re.compile(rf"{_RUN.pattern}|(projects/[^/]+/artifacts/[^/]+/[^/]+/v[0-9]+)/{re.escape(VERSION)}")
# What a manifest says is missing of projects: by its path, by what it was, or by what it is and its id.
_OF_PROJECTS = re.compile(
    r"projects/.*|projects|runs|artifacts|(project|run|files|collection|version)( .*)?", re.DOTALL
)


class OwnlogReader:
    """One export. Of what is not in it the manifest says so; that is counted as left out, but for what is withheld of an account or
    a record: nothing of those would have come."""

    origin = Origin.OWNLOG

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._archive = Archive(file)
        self._tables = Tables(self._archive)
        self._folders = _folders(self._archive.paths)
        self._missing = {each.text("path") for each in Said(self._archive.head).objects("not_included")}
        self._cut = {_version_of(each) for each in self._missing}
        if not self._folders:
            raise Broken(_("There is no project in this archive."))

    @property
    def beat(self) -> Beat:
        return self._archive.beat

    @property
    def fingerprint(self) -> bytes:
        return self._archive.manifest_sha256.digest()

    @property
    def things(self) -> int:
        return sum(_THING.fullmatch(path) is not None for path in self._archive.paths)

    @property
    def left_out(self) -> int:
        return sum(_OF_PROJECTS.fullmatch(each) is not None for each in self._missing)

    def close(self) -> None:
        self._tables.close()
        self._file.close()

    def projects(self) -> Iterator[BroughtProject]:
        for folder, below in self._folders.items():
            yield self._project(folder, below)

    def _project(self, folder: str, below: Sequence[str]) -> BroughtProject:
        path = f"{folder}/{_PROJECT}"
        if self._archive.has(path):
            said = Said(self._archive.json(path))
            name, key = said.text("name"), said.text("id")
            was = PastProject(
                description=said.text("description"),
                public_id=key,
                runs_made=said.count("runs_made"),
                created_at=said.moment("created_at"),
                last_activity_at=said.moment("last_activity_at"),
            )
        else:  # an export of chosen runs says nothing of their project but its name
            at = Said(self._archive.head).moment("made_at")
            name = key = folder.partition("/")[2].rpartition("~")[0] or folder.partition("/")[2]
            was = PastProject(created_at=at, last_activity_at=at)
        return BroughtProject(
            key=key or name,
            name=name,
            was=was,
            runs=partial(_each, below, _RUN, self._run),
            collections=partial(_each, below, _COLLECTION, self._collection),
            views=partial(self._views, f"{folder}/{_VIEWS}"),
        )

    def _views(self, path: str) -> list[PastView]:
        if not self._archive.has(path):
            return []
        found = self._archive.json_list(path, most=_MOST_OF_VIEWS)
        if len(found) > MOST_VIEWS:  # before anything is made of each
            raise TooMuch(_("A project has at most %(n)d saved views.") % {"n": MOST_VIEWS})
        return [_view(Said(each)) for each in found]

    # ── runs ──

    def _run(self, folder: str) -> BroughtRun:
        return BroughtRun(folder, partial(self._read, folder))

    def _read(self, folder: str) -> WholeRun:
        said, rows = Said(self._archive.json(f"{folder}/run.json")), self._tables.rows
        edges = said.object("artifacts")
        return WholeRun(
            was=self._past(folder, said),
            lines={
                Stream.HISTORY: partial(rows, f"{folder}/history"),
                Stream.EVENTS: partial(rows, f"{folder}/events"),
                Stream.OUTPUT: partial(self._console, f"{folder}/output.log"),
            },
            files=partial(self._files, folder, said.objects("files")),
            versions={role: [each.text("id") for each in edges.objects(role.value)] for role in RunRole},
            alerts=partial(self._alerts, f"{folder}/alerts.json"),
            id=said.text("public_id"),
        )

    def _alerts(self, path: str) -> list[PastAlert]:
        """The archive has the newest first."""
        if not self._archive.has(path):
            return []
        return [_alert(Said(each)) for each in reversed(self._archive.json_list(path))]

    def _past(self, folder: str, said: Said) -> PastRun:
        heard = said.moment("heartbeat_at")
        counted = said.object("lines")
        return PastRun(
            name=said.text("id"),
            patch=RunPatch(
                display_name=said.text("display_name"),
                notes=said.text("notes"),
                description=said.text("description"),
                tags=said.texts("tags"),
                group=said.text("group"),
                job_type=said.text("job_type"),
                commit=said.text("commit"),
                program=said.text("program"),
                sweep=said.text("sweep"),
                config_text=self._text(f"{folder}/config.json"),
                summary_text=self._text(f"{folder}/summary.json"),
            ),
            state=ended(said.one_of(RunState, "state")),
            exit_code=said.code("exit_code"),
            number=said.count("number"),
            public_id=said.text("public_id"),
            author=said.text("created_by"),
            dropped=said.texts("dropped"),
            created_at=said.moment("created_at"),
            heartbeat_at=heard,
            finished_at=said.maybe_moment("finished_at") or heard,
            lines={stream: counted.number(stream.value) for stream in Stream},
        )

    def _text(self, path: str) -> str | None:
        if not self._archive.has(path):
            return None
        return self._archive.bytes_of(path, most=_MOST_TEXT).decode("utf-8", "surrogatepass")

    def _console(self, path: str) -> Iterable[Sequence[str]]:
        return stretches(lines_of(self._archive.stream(path))) if self._archive.has(path) else ()

    def _files(self, folder: str, listed: Sequence[Said]) -> Iterator[PastFile]:
        named: set[str] = set()  # nothing below this folder is a file of another run
        for each in listed:
            name, path = each.text("name"), f"{folder}/{each.text('path')}"
            # Else a short list could ask for a large file again and again.
            if path in named:
                raise Broken(
                    _("Two fields of what is to be imported name the same file: %(path)s.") % {"path": path}
                )
            named.add(path)
            if self._archive.has(path):
                changed = each.maybe_moment("updated_at") or self._archive.moment(path)
                came = each.maybe_moment("created_at")
                yield PastFile(name, changed, partial(self._archive.stream, path), came)
            elif path not in self._missing:
                raise Broken(_("A file is missing from this archive."))

    # ── artifacts ──

    def _collection(self, folder: str) -> BroughtCollection:
        said = Said(self._archive.json(f"{folder}/collection.json"))
        is_portfolio = said.text("kind") == CollectionKind.PORTFOLIO
        was = PastCollection(
            name=said.text("name"),
            type_name=said.text("type"),
            description=said.text("description"),
            tags=tuple(said.texts("tags")),
            kind=CollectionKind.PORTFOLIO if is_portfolio else CollectionKind.SEQUENCE,
            public_id=said.text("id"),
            versions_made=said.number("versions_made"),
            created_at=said.moment("created_at"),
            updated_at=said.moment("updated_at"),
        )
        links = [
            BroughtLink(
                each.text("version"), each.number("number"), each.texts("aliases"), each.moment("created_at")
            )
            for each in said.objects("links")
        ]
        versions = partial(self._versions, folder, was, said.texts("versions"))
        return BroughtCollection(was.public_id or folder, was, versions, links)

    def _versions(
        self, folder: str, collection: PastCollection, names: Sequence[str]
    ) -> Iterator[BroughtVersion]:
        """In the order of their numbers. One of whose files some are not in the archive is left out: it would be another."""
        for name in names:
            above = f"{folder}/{name}"
            if self._archive.has(f"{above}/{VERSION}") and above not in self._cut:
                yield BroughtVersion(above, partial(version_in, self._archive, above, collection))


def _version_of(path: str) -> str:
    """The folder of the version of which this is a file; nothing where it is none."""
    parts = path.split("/", _DEPTH + 1)
    return "/".join(parts[:_DEPTH]) if len(parts) > _DEPTH and parts[_DEPTH] == "files" else ""


def _view(said: Said) -> PastView:
    table = said.object("table")
    return PastView(
        name=said.text("name"),
        table={word: table.texts(word) for word in table.raw},
        created_at=said.moment("created_at"),
        changed_at=said.moment("changed_at"),
    )


def _alert(said: Said) -> PastAlert:
    return PastAlert(
        level=said.one_of(AlertLevel, "level"),
        title=said.text("title"),
        text=said.text("text"),
        raised_at=said.moment("raised_at"),
        repeats=said.count("repeats"),
        last_at=said.maybe_moment("last_at"),
        public_id=said.text("id"),
    )


def _each(below: Sequence[str], where: re.Pattern[str], make: Callable[[str], _T]) -> Iterator[_T]:
    """What lies in each folder with a file that is called so."""
    for path in below:
        if found := where.fullmatch(path):
            yield make(found[1])


def _folders(paths: Sequence[str]) -> dict[str, list[str]]:
    """What lies below each project's folder, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        top, _slash, rest = path.partition("/")
        if top == "projects" and "/" in rest:
            found[f"{top}/{rest.partition('/')[0]}"].append(path)
    return found
