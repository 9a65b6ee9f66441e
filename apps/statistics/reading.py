"""What one person's runs of a month ran with. Read where it lies sealed, held in memory for as long as it is looked at, kept nowhere."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import date

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.core.errors import NotFound
from apps.files.models import RunFile
from apps.files.queries import NAME_LABEL, read_file
from apps.projects.gate import where_may
from apps.projects.models import Project
from apps.runs.errors import BackSoon
from apps.runs.models import Run
from apps.statistics.names import listed
from apps.statistics.parsing import MOST_BYTES, names_in
from apps.statistics.types import Contribution, begin_of, next_month
from apps.teams.queries import entities_of
from apps.teams.queries.counting import counted_entities
from apps.vault.errors import KeyGone, Tampered
from apps.vault.seal import blind_index
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

PACKAGES = "requirements.txt"
# The newest: a sweep of thousands of runs has the same few files.
MOST_RUNS, MOST_FILES = 200, 20
_SEALED = ("run__sealed_head", "run__sealed_config", "run__sealed_summary", "run__sealed_keys")

log = logging.getLogger(__name__)


def contribution_of(person: Actor, month: date) -> Contribution:
    """The listed libraries of a person's own runs of this month, where the owner of the runs is counted too and the person
    may read them today. Whether the person is counted, the caller has asked.
    """
    found: set[str] = set()
    files = 0
    for file in _files(_runs(person, month)):
        try:
            data = b"".join(read_file(file))
        except (BackSoon, KeyGone, NotFound, Tampered) as error:
            # Erased meanwhile, closed for a moment, or damaged: it counts for nothing, and hides none of the others.
            log.warning("not counted: file=%s error=%s", file.public_id, type(error).__name__)
            continue
        found |= names_in(data) & listed().names
        files += 1
    return Contribution(month, sorted(found), files)


def _runs(person: Actor, month: date) -> dict[int, NodeId]:
    """The person's newest runs of the month that count, each with its node."""
    counted = counted_entities().filter(pk__in=entities_of(person).order_by().values("pk"))
    made = Run.objects.filter(
        created_by=person.user_id,
        created_at__gte=begin_of(month),
        created_at__lt=begin_of(next_month(month)),
        project__entity__in=list(counted.values_list("pk", flat=True)),
    )
    places = Project.objects.filter(pk__in=made.values("project")).select_related("entity")
    rows = (
        made.filter(project__in=read_by(person, places))
        .order_by("-pk")
        .values_list("pk", "vault_node")[:MOST_RUNS]
    )
    return {pk: NodeId(node) for pk, node in rows}


def read_by(person: Actor, projects: Iterable[Project]) -> list[int]:
    """Those whose runs the person may read today: who left a team has nothing of it any more, nor is counted by it."""
    return list(where_may(person, Permission.RUN_READ, projects))


def _files(runs: dict[int, NodeId]) -> Iterator[RunFile]:
    """Their lists of packages, the newest first, each content once."""
    keys = open_keys(runs.values())
    indexes = {pk: blind_index(keys[node], NAME_LABEL, PACKAGES) for pk, node in runs.items() if node in keys}
    rows = RunFile.objects.filter(
        run__in=indexes, name_index__in=set(indexes.values()), blob__isnull=False, size__lte=MOST_BYTES
    )
    seen: set[int | None] = set()
    for file in rows.select_related("run", "blob").defer(*_SEALED).order_by("-run_id"):
        if len(seen) >= MOST_FILES:
            return
        if file.blob_id not in seen:
            seen.add(file.blob_id)
            yield file
