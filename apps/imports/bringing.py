"""One import while it is brought: thing by thing, each noted when all of it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.artifacts.models import Collection, Version
from apps.artifacts.queries.versions import find_collection
from apps.artifacts.services import (
    bring_collection,
    bring_link,
    bring_role,
    bring_version,
    settle_collection,
)
from apps.artifacts.types import PastFile, RunRole
from apps.core.errors import Forbidden, Invalid, NotThere, TooMuch
from apps.core.ids import is_public_id
from apps.files.services import bring_files
from apps.files.types import PastFile as PastRunFile
from apps.imports.holding import Held, Lost
from apps.imports.models import Import, ImportItem
from apps.imports.names import free_name
from apps.imports.types import (
    BroughtCollection,
    BroughtProject,
    BroughtRun,
    BroughtVersion,
    Clash,
    ItemKind,
    Reader,
    Tally,
    WholeRun,
    WholeVersion,
)
from apps.projects.models import Project
from apps.projects.saved_views import count_views
from apps.projects.services import bring_project, bring_views, is_name_free
from apps.projects.types import OF_RUNS, PastView
from apps.runs.alerts import bring_alerts
from apps.runs.bringing import bring_lines, bring_run, settle_run
from apps.runs.models import Run
from apps.runs.queries import find_run
from apps.vault.seal import INDEX_BYTES, blind_index
from apps.vault.tree import keys_in_use, open_key
from apps.vault.types import NodeId

KEY_LABEL = "import_item.key"
_MOST_EDGES, _MOST_EDGES_OF_ALL = 100_000, 1_000_000  # of lineage, and links
# An edge of lineage as an item has it: what it is, and the index of what is at its other end.
_ROLES = {RunRole.INPUT: b"i", RunRole.OUTPUT: b"o"}
_MAKER = b"m"
_EDGE = 1 + INDEX_BYTES


@dataclass(slots=True)
class Bringing:
    """Reads to the end and stores what is not stored yet. Asked again after a crash it does the rest: of what is done, everything that
    is wanted later is with its item, and it is not read again."""

    job: Import
    held: Held
    between: Callable[
        [], None
    ]  # may raise, to leave the rest for later; only called when something more is stored
    within: Callable[[], None]  # the same, with each piece that is read
    reader: Reader
    lost: Callable[[str], None] = lambda _what: None  # told what is named there and is not
    clashed: Callable[[str], None] = lambda _name: None  # told which project has a name that is in use
    tally: Tally = field(default_factory=Tally)
    _by: Actor = field(init=False)
    _portfolios: list[tuple[Collection, BroughtCollection]] = field(default_factory=list)
    _held_edges: int = 0
    _noted: int = 0  # of what the reader counted as missing, what stands with an item

    def __post_init__(self) -> None:
        self._by = _importer(self.job)

    def everything(self) -> None:
        self.reader.beat.tell = self._heard_word  # it may read for long before its first piece comes
        for project in self.reader.projects():
            self._project(project)
        with keys_in_use():
            versions = self._known(ItemKind.VERSION)
            for portfolio, found in self._portfolios:
                self._links(portfolio, found, versions)
            self._lineage(versions)
        self._sum_up()

    def _heard_word(self) -> None:
        self.held.say()
        self.within()

    def _stored(self) -> None:
        self.held.say()
        self.between()

    # ── projects ──

    def _project(self, found: BroughtProject) -> None:
        with keys_in_use():
            project = self._place(found)
        if project is None:
            self.clashed(found.name)
            self.tally.left_out += 1
            return
        for run in found.runs():
            with keys_in_use():
                self._run(project, run)
        for collection in found.collections():
            with keys_in_use():
                self._collection(project, collection)
        with keys_in_use():
            self._views(project, found)

    def _views(self, project: Project, found: BroughtProject) -> None:
        """Once its runs are there: a view says which of them the charts draw."""
        if not (views := found.views()):
            return
        here = self._ids_here(views)
        tables = [
            {
                word: [".".join(here.get(each, each) for each in text.split(".")) for text in texts]
                if word in OF_RUNS
                else texts
                for word, texts in each.table.items()
            }
            for each in views
        ]
        with transaction.atomic():
            self.held.lock()  # nothing notes which of them are there: of two workers the second finds those of the first
            if not count_views(project):
                bring_views(
                    project, [replace(each, table=table) for each, table in zip(views, tables, strict=True)]
                )

    def _ids_here(self, views: Sequence[PastView]) -> dict[str, str]:
        """Of the runs that these name, by the ids that they had where they come from."""
        texts = [text for view in views for word in OF_RUNS for text in view.table.get(word, ())]
        indexes = {
            each: self._index(ItemKind.RUN, each)
            for text in texts
            for each in text.split(".")
            if is_public_id(each)
        }
        known = self._known(ItemKind.RUN) if indexes else {}
        rows = {each: known[index] for each, index in indexes.items() if index in known}
        ids = dict(Run.everything.filter(pk__in=rows.values()).values_list("pk", "public_id"))
        return {each: ids[pk] for each, pk in rows.items()}

    def _place(self, found: BroughtProject) -> Project | None:
        item = self._item(ItemKind.PROJECT, found.key)
        if item.project_id is not None:
            return Project.everything.select_related("entity").get(pk=item.project_id)
        entity, name = self.job.entity, found.name
        if not is_name_free(entity, name):
            if self.job.clash == Clash.SKIP:
                return None
            name = free_name(entity, name)
        with transaction.atomic():  # else it would stand in its own way after a crash
            project = bring_project(entity, name, found.was, until=self.job.uuid, by=self._by)
            self._note(item, project=project)
        return project

    # ── runs ──

    def _run(self, project: Project, found: BroughtRun) -> None:
        self.held.say()
        item = self._item(ItemKind.RUN, found.key)
        if item.is_done:
            self._count(len(item.edges_index) // _EDGE)
            return
        missing = self.reader.left_out
        run = found.read()
        self._count(sum(map(len, run.versions.values())))
        refused = self._bring_run(project, run, item)
        missing = self.reader.left_out - missing
        self._noted += missing
        edges = b"".join(
            _ROLES[role] + self._index(ItemKind.VERSION, each)
            for role, named in run.versions.items()
            for each in named
        )
        called = self._index(ItemKind.RUN, run.id or found.key)
        self._note(item, is_done=True, left_out=refused + missing, called_index=called, edges_index=edges)
        self._stored()

    def _bring_run(self, project: Project, found: WholeRun, item: ImportItem) -> int:
        """How many of its files may not be kept here, or are not there any more."""
        there = find_run(project, found.was.name)
        if there is not None and self._others(item).filter(run=there).exists():
            raise Invalid(_("Two runs of what is to be imported have the same name."))
        run = bring_run(project, found.was, by=self._by)
        self._note(item, run=run)
        for stream, stretches in found.lines.items():
            first = 0
            for lines in stretches():
                first = bring_lines(run, stream, lines, first=first)
                self.held.say()
        bring_alerts(run, found.alerts())
        left_out = bring_files(
            run, map(self._heard, found.files()), lost=lambda name: self.lost(f"{found.was.name}/{name}")
        )
        settle_run(run, found.was)
        return left_out

    def _heard(self, file: PastRunFile) -> PastRunFile:
        self.held.say()
        return replace(file, read=lambda: self.held.said_with(file.read()))

    def _heard_of(self, file: PastFile) -> PastFile:
        self.held.say()
        read = file.read
        return file if read is None else replace(file, read=lambda: self.held.said_with(read()))

    # ── artifacts ──

    def _collection(self, project: Project, found: BroughtCollection) -> None:
        self.held.say()
        self._count(len(found.links))
        item = self._item(ItemKind.COLLECTION, found.key)
        if item.is_done:
            return
        there = find_collection(project, found.was.name)
        if there is not None and self._others(item).filter(collection=there).exists():
            raise Invalid(_("Two artifacts of what is to be imported have the same name."))
        collection = bring_collection(project, found.was, by=self._by)
        self._note(item, collection=collection)
        for version in found.versions():
            self._version(collection, found.was.name, version)
        settle_collection(collection, found.was)
        if found.links:
            self._portfolios.append((collection, found))
        else:
            self._note(item, is_done=True)

    def _version(self, collection: Collection, name: str, found: BroughtVersion) -> None:
        self.held.say()
        item = self._item(ItemKind.VERSION, found.key)
        if item.is_done:
            return
        try:
            version = found.read()
        except NotThere:  # the list of its files
            self.lost(f"{name}: {found.key}")
            self._note(item, is_done=True, left_out=1)
            return
        if version is None:
            return
        called = self._index(ItemKind.VERSION, version.id or found.key)
        lost: list[str] = [*version.lost]
        try:
            made = self._bring_version(collection, version, item, lost)
        except Forbidden:  # code, where its owner does not let code be kept
            self._note(item, is_done=True, left_out=1)
            return
        for path in lost:
            self.lost(f"{name}:v{version.was.number}/{path}")
        edges = _MAKER + self._index(ItemKind.RUN, version.maker) if version.maker else b""
        self._note(
            item,
            version=made,
            is_done=True,
            left_out=len(lost),
            called_index=called,
            edges_index=edges,
        )
        self._stored()

    def _bring_version(
        self, collection: Collection, found: WholeVersion, item: ImportItem, lost: list[str]
    ) -> Version:
        files = map(self._heard_of, found.files())
        return bring_version(
            collection, found.was, files, key=self._key_of(item), by=self._by, lost=lost.append
        )

    def _links(self, portfolio: Collection, found: BroughtCollection, versions: Mapping[bytes, int]) -> None:
        for link in found.links:
            self.held.say()
            version = versions.get(self._index(ItemKind.VERSION, link.version))
            if version is None:  # of elsewhere: what an archive names is not ours to link to
                self.tally.left_out += 1
                continue
            bring_link(
                portfolio,
                Version.objects.get(pk=version),
                number=link.number,
                aliases=link.aliases,
                created_at=link.created_at,
                by=self._by,
            )
        settle_collection(portfolio, found.was)

    # ── lineage ──

    def _lineage(self, versions: Mapping[bytes, int]) -> None:
        """Who made a version first is noted first: by that it is told from who made the same again."""
        runs = self._known(ItemKind.RUN)
        makers = self._makers(runs)
        with_edges = self._done(ItemKind.RUN).exclude(edges_index=b"").order_by("pk")
        for run, edges in with_edges.values_list("run", "edges_index"):
            for role, index in _edges(bytes(edges)):
                version = versions.get(index)
                if version is None:
                    self.tally.left_out += 1
                    continue
                maker = makers.get(version)
                if role is RunRole.OUTPUT and maker is not None:
                    self._edge(maker, version, role)
                self._edge(run, version, role)
                self.held.say()

    def _makers(self, runs: Mapping[bytes, int]) -> dict[int, int]:
        said = self._done(ItemKind.VERSION).exclude(edges_index=b"").values_list("version", "edges_index")
        found = {version: runs.get(bytes(edges)[1:]) for version, edges in said}
        return {version: run for version, run in found.items() if run is not None}

    def _edge(self, run: int, version: int, role: RunRole) -> None:
        bring_role(Run(pk=run), Version(pk=version), role)

    def _count(self, edges: int) -> None:
        self._held_edges += edges
        if edges > _MOST_EDGES or self._held_edges > _MOST_EDGES_OF_ALL:
            raise TooMuch(_("What is to be imported has more lineage or links than can be kept."))

    # ── what is noted ──

    def _item(self, kind: ItemKind, key: str) -> ImportItem:
        """What became of it so far; noted before anything does, so that two things of one name are told from one that broke off."""
        index = self._index(kind, key)
        made, _is_new = ImportItem.objects.get_or_create(of=self.job, kind=kind.value, key_index=index)
        return made

    def _index(self, kind: ItemKind, key: str) -> bytes:
        return blind_index(open_key(NodeId(self.job.entity.vault_node)), KEY_LABEL, f"{kind.value} {key}")

    def _done(self, kind: ItemKind) -> QuerySet[ImportItem]:
        """What is there whole: of what may not be kept here nothing is."""
        is_there = Q(run__isnull=False) | Q(version__isnull=False)
        return ImportItem.objects.filter(is_there, of=self.job, kind=kind.value, is_done=True)

    def _known(self, kind: ItemKind) -> dict[bytes, int]:
        """Runs or versions by what lineage calls them."""
        return {bytes(index): pk for index, pk in self._done(kind).values_list("called_index", kind.value)}

    def _sum_up(self) -> None:
        """All that came, in whichever turn it did."""
        self.tally.runs = self._done(ItemKind.RUN).count()
        self.tally.versions = self._done(ItemKind.VERSION).count()
        noted = ImportItem.objects.filter(of=self.job).aggregate(sum=Sum("left_out"))["sum"] or 0
        halves = self._halves().count()
        self.tally.left_out += noted + halves + self.reader.left_out - self._noted

    def _halves(self) -> QuerySet[ImportItem]:
        """Of what was deleted where it comes from while it was read."""
        kinds = [ItemKind.RUN.value, ItemKind.VERSION.value]
        return ImportItem.objects.filter(of=self.job, kind__in=kinds, is_done=False)

    def half_runs(self) -> QuerySet[Run]:
        return Run.objects.filter(pk__in=self._halves().exclude(run=None).values("run"))

    def _others(self, item: ImportItem) -> QuerySet[ImportItem]:
        return ImportItem.objects.filter(of=self.job).exclude(pk=item.pk)

    def _key_of(self, item: ImportItem) -> str:
        return f"{self.job.uuid}/{item.pk}"

    def _note(self, item: ImportItem, **what: Any) -> None:
        """Lost where the import was given up meanwhile, or is another worker's: nothing is noted any more."""
        if not ImportItem.objects.filter(pk=item.pk, of__in=self.held.rows()).update(**what):
            raise Lost
        for name, value in what.items():
            setattr(item, name, value)
        if item.is_done:
            is_told = Q(tries__gt=0) | ~Q(trouble="") | Q(worked_seconds__gt=0)
            Import.objects.filter(is_told, pk=self.job.pk).update(
                tries=0, trouble="", unread_since=None, unread_tries=0, worked_seconds=0
            )


def _edges(edges: bytes) -> Iterator[tuple[RunRole, bytes]]:
    roles = {mark: role for role, mark in _ROLES.items()}
    for start in range(0, len(edges), _EDGE):
        yield roles[edges[start : start + 1]], edges[start + 1 : start + _EDGE]


def _importer(job: Import) -> Actor:
    """Whose everything is here: who asked for it, or for whom an operator did."""
    return Actor.person(job.brought_for) if job.brought_for is not None else Actor.operator()
