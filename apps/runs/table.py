"""The run table: the opened runs of a project, in memory, to filter and sort what the database cannot read.

Each use asks the database whether any of the project's runs came, went or changed, and what their authors are called; then it opens
again only what changed and drops what is gone, so nothing that was erased is served, and nobody's name whose account is closed. It is never written anywhere; it is forgotten when idle.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Count, Max, Sum
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.accounts.queries import names_of
from apps.core import jsontext
from apps.core.errors import TooMuch
from apps.projects.models import Project
from apps.runs.answers import Moment
from apps.runs.defined import Direction
from apps.runs.fields import Listed, getter
from apps.runs.filters import compile_filter, parse_orders
from apps.runs.groups import RunGroup, group_runs, is_finite
from apps.runs.history.paths import dotted, leaves
from apps.runs.history.sampling import evenly_spread
from apps.runs.listing import LARGEST_KEPT_WHOLE, LARGEST_LOOKED_INTO, shortened
from apps.runs.models import Run
from apps.runs.patterns import Patience
from apps.runs.queries import CONFIG_LABEL, HEAD_LABEL, SUMMARY_LABEL, open_each
from apps.runs.types import Head, OpenRun, RunState
from apps.teams.queries import hidden_from
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import unseal
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

IDLE_SECONDS = 45.0
_NOBODY = Actor.nobody()  # is told the least: what a caller forgets to say hides names and shows none
# Of opened text; as objects it takes a few times as much. How much all tables of a process keep: beyond it those go that
# were used longest ago. One table may be larger: it is read for an answer then, and not kept.
MOST_BYTES = 96 * 1024 * 1024
MOST_BYTES_IN_TABLE = 256 * 1024 * 1024
# Of the opened text of a page of runs.
MOST_BYTES_IN_PAGE = 128 * 1024 * 1024
_BATCH = 500
_MOST_LOOKED_AT = 300
# Of words that are offered: more of them are no choice but a text.
_LONGEST_WORD = 60
_MOST_WORDS_OF_A_KEY = 40


@dataclass(frozen=True, slots=True)
class FoundRuns:
    """A page of runs, and how many there are in all."""

    runs: list[OpenRun]
    total: int
    everything: int  # in the project, whatever was asked for


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Keys by which the runs of a project can be told apart."""

    config: list[str]
    summary: list[str]
    values: dict[str, list[str]]  # words that runs have there, by the key to filter by


def select_runs(
    project: Project,
    *,
    filters: str | None = None,
    order: str | Sequence[str] | None = None,
    offset: int = 0,
    limit: int,
    seen_by: Actor = _NOBODY,
    patience: Patience | None = None,
) -> FoundRuns:
    """The project's runs that pass the filter, in the order (or orders) asked for, a page of them opened.

    Whoever is hidden from `seen_by` is nobody here: their runs are not found by their name.
    """
    everything, found = _found(
        project, filters, order, is_sorted=limit > 0, seen_by=seen_by, patience=patience
    )
    page = found[offset : offset + limit] if limit > 0 else []
    return FoundRuns(open_page(project, (run.id for run in page)), len(found), len(everything))


def select_groups(
    project: Project,
    *,
    by: Sequence[str],
    filters: str | None = None,
    order: Sequence[str] = (),
    seen_by: Actor = _NOBODY,
) -> tuple[list[RunGroup], int]:
    """The runs that pass the filter in groups, by the values under these keys, and how many there are in all. None of
    them is opened."""
    everything, found = _found(project, filters, order, seen_by=seen_by)
    return group_runs(found, everything, by=by, order=parse_orders(order).keys[0]), len(everything)


def ids_of_runs(
    project: Project,
    *,
    filters: str | None = None,
    order: Sequence[str] | None = None,
    seen_by: Actor = _NOBODY,
) -> list[str]:
    """The public ids of all runs that pass the filter."""
    return [run.public_id for run in _found(project, filters, order, seen_by=seen_by)[1]]


def _found(
    project: Project,
    filters: str | None,
    order: str | Sequence[str] | None,
    *,
    is_sorted: bool = True,
    seen_by: Actor = _NOBODY,
    patience: Patience | None = None,
) -> tuple[Sequence[Listed], Sequence[Listed]]:
    """All runs, and those that pass, in the order asked for."""
    orders = [order] if isinstance(order, str) else order or []
    passes, arrange = compile_filter(filters, patience=patience), parse_orders(orders)
    moment = _as_told(_tables.moment_of(project), seen_by)

    def look() -> Sequence[Listed]:
        found = [run for run in moment.runs if passes(run)] if passes else moment.runs
        return arrange.sort(found) if is_sorted else found

    return moment.runs, moment.answer((filters or "", tuple(orders) if is_sorted else None), look)


def _as_told(moment: Moment, seen_by: Actor) -> Moment:
    """The runs without the names of people who are hidden from whoever asks: asked anew each time, kept nowhere."""
    hidden = hidden_from(seen_by, moment.authors)
    if not hidden:
        return moment
    return Moment([replace(run, username="") if run.author in hidden else run for run in moment.runs])


def best_values(
    project: Project,
    directions: Mapping[str, Direction],
    *,
    filters: str | None = None,
    seen_by: Actor = _NOBODY,
) -> dict[str, float]:
    """Of these keys the best number among the runs that pass; only where there are several to choose from."""
    found = _found(project, filters, None, is_sorted=False, seen_by=seen_by)[1]
    best = {}
    for key, direction in directions.items():
        get = getter(key)
        numbers = [value for run in found if is_finite(value := get(run))]
        if len(numbers) > 1:
            best[key] = max(numbers) if direction is Direction.MOST else min(numbers)
    return best


def present_version(project: Project) -> str:
    """Another text whenever a run came, went or changed; one question to the database, answered from an index."""
    _tables.keep_warm(project)
    return _stamp(project)


def _stamp(project: Project) -> str:
    facts = Run.objects.filter(project=project).aggregate(Count("id"), Max("id"), Sum("id"), Sum("version"))
    return ".".join(str(fact or 0) for fact in facts.values())


def heads_in(project: Project) -> list[Head]:
    """What all runs of the project are called, the newest first."""
    return [run.head for run in reversed(_tables.moment_of(project).runs)]


def known_keys(project: Project, *, seen_by: Actor = _NOBODY) -> KnownKeys:
    """What the project's runs are set to and end with, by dotted name, looked up in a spread of them."""
    runs = _as_told(_tables.moment_of(project), seen_by).runs
    some = [runs[place] for place in evenly_spread(len(runs), _MOST_LOOKED_AT)]
    config, summary = dict[str, None](), dict[str, None]()
    for run in some:
        config |= dict.fromkeys(dotted(path) for path, _ in leaves(run.config))
        summary |= dict.fromkeys(dotted(path) for path, _ in leaves(run.summary))
    return KnownKeys(config=list(config), summary=list(summary), values=_known_values(some))


def _known_values(runs: Sequence[Listed]) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = {"state": dict.fromkeys(RunState), "tags": {}}
    for run in runs:
        found["tags"] |= dict.fromkeys(run.head.tags)
        words: dict[str, Any] = {
            "group": run.head.group,
            "job_type": run.head.job_type,
            "username": run.username,
        }
        words |= {f"config.{dotted(path)}": value for path, value in leaves(run.config)}
        for key, value in words.items():
            if isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD:
                found.setdefault(key, {})[value] = None
    return {key: list(values) for key, values in found.items() if len(values) <= _MOST_WORDS_OF_A_KEY}


def open_page(project: Project, ids: Iterable[int]) -> list[OpenRun]:
    """These runs of the project as they stand now; one that went meanwhile is left out."""
    ids = list(ids)
    rows: dict[int, Run] = {}
    for start in range(0, len(ids), _BATCH):
        rows.update(Run.objects.filter(project=project).in_bulk(ids[start : start + _BATCH]))
    for row in rows.values():
        row.project = (
            project  # as the caller holds it: a thousand copies of it would take as long as the runs
        )
    opened, size = list[OpenRun](), 0
    # One after the other: sealed bytes do not tell how much they open to.
    for run in open_each(rows[pk] for pk in ids if pk in rows):
        opened.append(run)
        size += len(run.config_text) + len(run.summary_text)
        if size > MOST_BYTES_IN_PAGE:
            raise TooMuch(_("These runs hold too much for one page. Ask for fewer at a time."))
    return opened


@dataclass(slots=True)
class _Table:
    """The opened runs of one project."""

    runs: dict[int, Listed] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    moment: Moment = field(default_factory=Moment)
    names: dict[int, str] = field(default_factory=dict)  # of the authors, by which all these runs are called
    stamp: str = ""  # of the project when they were read; none while one of them could not be opened
    used_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def size(self) -> int:
        return sum(self.sizes.values())

    def refresh(self, project: Project) -> Moment:
        # Asked before anything is read: what changes in between has another stamp at the next use.
        stamp = _stamp(project)
        if stamp != self.stamp:
            self.stamp, self.moment, self.names = "", Moment(), {}
            count = self._read_again(project)
            self.moment = Moment(list(self.runs.values()))
            self._name_anew()
            self.stamp = stamp if len(self.runs) == count else ""
        else:
            self._name_anew()
        return self.moment

    def _name_anew(self) -> None:
        """Asked at each use, as no run changes when its author is called something else, or is called nothing any more."""
        names = names_of(self.moment.authors)
        if names == self.names:
            return
        anew = {
            pk: replace(run, username=name)
            for pk, run in self.runs.items()
            if (name := names.get(run.author or 0, "")) != run.username
        }
        if anew:
            self.runs |= anew
            self.moment = Moment(list(self.runs.values()))
        self.names = names

    def _read_again(self, project: Project) -> int:
        """Read what came or changed, drop what went; how many runs the project has."""
        versions = dict(Run.objects.filter(project=project).order_by("id").values_list("id", "version"))
        for pk in self.runs.keys() - versions.keys():
            del self.runs[pk], self.sizes[pk]
        changed = [
            pk for pk, version in versions.items() if pk not in self.runs or self.runs[pk].version != version
        ]
        total = self.size
        for pk, run, size in _read(changed):
            total += size - self.sizes.pop(pk, 0)
            if run is None:
                self.runs.pop(pk, None)
            else:
                self.runs[pk], self.sizes[pk] = run, size
            if total > MOST_BYTES_IN_TABLE:
                self.runs.clear()
                self.sizes.clear()
                raise TooMuch(_("The runs of this project hold too much to be listed together."))
        return len(versions)


class Tables:
    """All tables of this process."""

    def __init__(self) -> None:
        # By what no other project is called, not by a number that a restored database gives again.
        self._tables: OrderedDict[str, _Table] = OrderedDict()
        self._lock = threading.Lock()
        self._sweeper: threading.Timer | None = None

    def moment_of(self, project: Project) -> Moment:
        """Its runs as they stand now."""
        with self._lock:
            table = self._tables.setdefault(project.public_id, _Table())
            self._tables.move_to_end(project.public_id)
            table.used_at = time.monotonic()
        with table.lock:
            moment = table.refresh(project)
        with self._lock:
            self._make_room()
            self._watch()
        return moment

    def keep_warm(self, project: Project) -> None:
        """Somebody looks at the project: what is known of its runs is not forgotten meanwhile."""
        with self._lock:
            if (table := self._tables.get(project.public_id)) is not None:
                table.used_at = time.monotonic()

    def forget_idle(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Drop what nobody used lately."""
        with self._lock:
            self._sweeper = None
            before = time.monotonic() - idle_seconds
            for project in [name for name, table in self._tables.items() if table.used_at <= before]:
                del self._tables[project]
            self._watch()

    def __len__(self) -> int:
        return len(self._tables)

    def _make_room(self) -> None:
        sizes = {project: table.size for project, table in list(self._tables.items())}
        total = sum(sizes.values())
        # The one used longest ago first. The last one goes too where it is too large by itself.
        for project, size in sizes.items():
            if total <= MOST_BYTES:
                return
            del self._tables[project]
            total -= size

    def _watch(self) -> None:
        if self._tables and self._sweeper is None:
            self._sweeper = threading.Timer(IDLE_SECONDS / 3, self.forget_idle)
            self._sweeper.daemon = True
            self._sweeper.start()


_tables = Tables()

_COLUMNS = (
    "id",
    "version",
    "uuid",
    "vault_node",
    "public_id",
    "sealed_head",
    "sealed_config",
    "sealed_summary",
    "state",
    "created_by_id",
    "created_by__username",
    "created_at",
    "heartbeat_at",
    "finished_at",
)


def _read(ids: Sequence[int]) -> Iterator[tuple[int, Listed | None, int]]:
    """These runs opened, with the size of what is kept of them; None for one whose key is gone."""
    for start in range(0, len(ids), _BATCH):
        rows = list(Run.objects.filter(pk__in=ids[start : start + _BATCH]).values_list(*_COLUMNS))
        keys = open_keys(NodeId(row[3]) for row in rows)
        for row in rows:
            key = keys.get(NodeId(row[3]))
            run, size = (None, 0) if key is None else _listed_if_whole(row, key)
            yield row[0], run, size


def _listed_if_whole(row: tuple[Any, ...], key: OpenKey) -> tuple[Listed | None, int]:
    try:
        return _listed(row, key)
    except Tampered as error:
        leave_out(error)
        return None, 0


def _listed(row: tuple[Any, ...], key: OpenKey) -> tuple[Listed, int]:
    pk, version, uuid, _, public_id, sealed, config, summary, *facts = row
    state, author, username, created_at, heartbeat_at, finished_at = facts
    head = unseal(key, sealed, label=HEAD_LABEL, row=uuid)
    settings, settings_size = _object(key, config, CONFIG_LABEL, uuid)
    values, values_size = _object(key, summary, SUMMARY_LABEL, uuid)
    run = Listed(
        id=pk,
        public_id=public_id,
        version=version,
        head=Head.from_json(jsontext.loads(head)),
        config=_unwrapped(settings),
        summary=values,
        state=state,
        author=author,
        username=username or "",
        created_at=created_at,
        heartbeat_at=heartbeat_at,
        finished_at=finished_at,
    )
    return run, len(head) + settings_size + values_size


def _object(key: OpenKey, sealed: bytes | None, label: str, uuid: Any) -> tuple[dict[str, Any], int]:
    """The object, and how much text there is of it; of a large one what people list runs by."""
    if sealed is None:
        return {}, 0
    text = unseal(key, sealed, label=label, row=uuid)
    if len(text) > LARGEST_LOOKED_INTO:
        return {}, 0
    value = jsontext.loads(text)
    if not isinstance(value, dict):
        return {}, 0
    return (value, len(text)) if len(text) <= LARGEST_KEPT_WHOLE else shortened(value)


def _unwrapped(config: dict[str, Any]) -> dict[str, Any]:
    """The values of the config; what the client says of itself there (`_wandb`) is nothing to list by."""
    return {
        name: entry["value"] if isinstance(entry, dict) and "value" in entry else entry
        for name, entry in config.items()
        if name != "_wandb"
    }
