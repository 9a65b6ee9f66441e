"""One import while it is brought: thing by thing, each noted when all of it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
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
from apps.core.errors import Forbidden, Invalid, TooMuch
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
)
from apps.projects.models import Project
from apps.projects.services import bring_project, is_name_free
from apps.runs.alerts import bring_alerts
from apps.runs.bringing import bring_lines, bring_run, settle_run
from apps.runs.models import Run
from apps.runs.queries import find_run
from apps.vault.seal import blind_index
from apps.vault.tree import keys_in_use, open_key
from apps.vault.types import NodeId

KEY_LABEL = "import_item.key"
_MOST_EDGES, _MOST_EDGES_OF_ALL = 100_000, 1_000_000  # of lineage, and links; they are held to the end


@dataclass(slots=True)
class Bringing:
    """Reads to the end and stores what is not stored yet. Asked again after a crash it does the rest."""

    job: Import
    held: Held
    between: Callable[
        [], None
    ]  # may raise, to leave the rest for later; only called when something more is stored
    tally: Tally = field(default_factory=Tally)
    _by: Actor = field(init=False)
    _runs: dict[str, int] = field(default_factory=dict)  # what came, by the key that it had there
    _versions: dict[str, int] = field(default_factory=dict)
    _edges: list[tuple[str, RunRole, str]] = field(default_factory=list)
    _makers: dict[str, str] = field(default_factory=dict)  # of a version, where it is known
    _portfolios: list[tuple[Collection, BroughtCollection]] = field(default_factory=list)
    _held_edges: int = 0

    def __post_init__(self) -> None:
        self._by = _importer(self.job)

    def everything(self, reader: Reader) -> None:
        reader.beat.tell = self.held.say  # it may read for long before its first piece comes
        for project in reader.projects():
            self._project(project)
        with keys_in_use():
            for portfolio, found in self._portfolios:
                self._links(portfolio, found)
            self._lineage()
        self.tally.left_out += reader.left_out

    def _stored(self) -> None:
        self.held.say()
        self.between()

    # ── projects ──

    def _project(self, found: BroughtProject) -> None:
        with keys_in_use():
            project = self._place(found)
        if project is None:
            self.tally.left_out += 1
            return
        for run in found.runs():
            with keys_in_use():
                self._run(project, run)
        for collection in found.collections():
            with keys_in_use():
                self._collection(project, collection)

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
        self._count(sum(map(len, found.versions.values())))
        item = self._item(ItemKind.RUN, found.key)
        if not item.is_done:
            self._bring_run(project, found, item)
            self._stored()
        self.tally.runs += 1
        self.tally.left_out += item.left_out
        if item.run_id is not None:
            self._runs[found.key] = item.run_id
        self._edges += [(found.key, role, key) for role, keys in found.versions.items() for key in keys]

    def _bring_run(self, project: Project, found: BroughtRun, item: ImportItem) -> None:
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
        refused = bring_files(run, map(self._heard, found.files()))
        settle_run(run, found.was)
        self._note(item, is_done=True, left_out=refused)

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
        there = find_collection(project, found.was.name)
        if there is not None and self._others(item).filter(collection=there).exists():
            raise Invalid(_("Two artifacts of what is to be imported have the same name."))
        collection = bring_collection(project, found.was, by=self._by)
        self._note(item, collection=collection)
        for version in found.versions():
            self._version(collection, version)
        if found.links:
            self._portfolios.append((collection, found))
        settle_collection(collection, found.was)

    def _version(self, collection: Collection, found: BroughtVersion) -> None:
        self.held.say()
        item = self._item(ItemKind.VERSION, found.key)
        if not item.is_done:
            try:
                files = map(self._heard_of, found.files())
                made = bring_version(collection, found.was, files, key=self._key_of(item), by=self._by)
            except Forbidden:  # code, where its owner does not let code be kept
                self.tally.left_out += 1
                return
            self._note(item, version=made, is_done=True)
            self._stored()
        self.tally.versions += 1
        if item.version_id is not None:
            self._versions[found.key] = item.version_id
        if found.maker:
            self._makers[found.key] = found.maker

    def _links(self, portfolio: Collection, found: BroughtCollection) -> None:
        for link in found.links:
            self.held.say()
            version = self._versions.get(link.version)
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

    def _lineage(self) -> None:
        """Who made a version first is noted first: by that it is told from who made the same again."""
        for run, role, key in self._edges:
            version = self._versions.get(key)
            if version is None:
                self.tally.left_out += 1
                continue
            maker = self._runs.get(self._makers.get(key, ""))
            if role is RunRole.OUTPUT and maker is not None:
                self._edge(maker, version, role)
            self._edge(self._runs[run], version, role)
            self.held.say()

    def _edge(self, run: int, version: int, role: RunRole) -> None:
        bring_role(Run(pk=run), Version(pk=version), role)

    def _count(self, edges: int) -> None:
        self._held_edges += edges
        if edges > _MOST_EDGES or self._held_edges > _MOST_EDGES_OF_ALL:
            raise TooMuch(_("What is to be imported has more lineage or links than can be kept."))

    # ── what is noted ──

    def _item(self, kind: ItemKind, key: str) -> ImportItem:
        """What became of it so far; noted before anything does, so that two things of one name are told from one that broke off."""
        index = blind_index(open_key(NodeId(self.job.entity.vault_node)), KEY_LABEL, f"{kind.value} {key}")
        made, _is_new = ImportItem.objects.get_or_create(of=self.job, kind=kind.value, key_index=index)
        return made

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
            Import.objects.filter(pk=self.job.pk, tries__gt=0).update(tries=0)


def _importer(job: Import) -> Actor:
    """Whose everything is here: who asked for it, or for whom an operator did."""
    return Actor.person(job.brought_for) if job.brought_for is not None else Actor.operator()
