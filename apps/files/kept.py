"""What one entity keeps, class by class: how much, of what size as it is stored, and since when. For its owners."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Min, Sum
from django.db.models.functions import Coalesce, Length

from apps.access.policy import Visibility
from apps.code_saving.policy import is_code, is_packages
from apps.core.amounts import Amount
from apps.files import opening
from apps.files.exposure import METADATA
from apps.files.models import RunFile, Thumbnail
from apps.projects.gate import visibilities_of
from apps.projects.models import Project
from apps.runs.models import Chunk, Run, Segment
from apps.teams.models import Entity
from apps.vault.damage import leaving_out_damaged


@dataclass(frozen=True, slots=True)
class Kept:
    """The classes of data of one entity. `is_partial`: there are more files than were told apart by name."""

    projects: Amount
    runs: Amount  # with config, names, tags and notes
    lines: Amount  # of metrics, system metrics and consoles
    code: Amount
    about: Amount  # files in which the client tells of the run and its machine
    media: Amount
    files: Amount  # what scripts and people saved by name
    seen_by: Counter[Visibility]
    is_partial: bool = False

    @property
    def stored_bytes(self) -> int:
        return sum(
            each.stored_bytes
            for each in (
                self.projects, self.runs, self.lines, self.code, self.about, self.media, self.files
            )
        )  # fmt: skip


def kept_of(entity: Entity) -> Kept:
    """For callers that asked the gate. The number of questions does not grow with what there is, but for names of files,
    a thousand of which take one."""
    runs = Run.objects.filter(project__entity=entity)
    files = _files_of(entity)
    lines = runs.aggregate(
        n=Coalesce(Sum(F("history_lines") + F("event_lines") + F("output_lines")), 0), since=Min("created_at")
    )
    stored = (
        _sum(Chunk.objects.filter(run__project__entity=entity), "stored_bytes")
        + _sum(Segment.objects.filter(run__project__entity=entity), "blob__stored_size")
        + _sealed(runs, "sealed_summary", "sealed_keys").stored_bytes
    )
    projects = Project.objects.filter(entity=entity)
    return Kept(
        projects=_sealed(projects, "sealed_name", "sealed_description"),
        runs=_sealed(runs, "sealed_head", "sealed_config"),
        lines=Amount(lines["n"], stored, lines["since"]),
        code=files["code"],
        about=files["about"],
        media=files["media"],
        files=files["file"],
        seen_by=Counter(visibilities_of(projects.select_related("entity")).values()),
        is_partial=sum(each.count for each in files.values()) > opening.MOST_LOOKED_AT,
    )


def _files_of(entity: Entity) -> dict[str, Amount]:
    """What each kind of file comes to. What is too old to be looked at, or does not open, counts as a file like any."""
    stored = RunFile.objects.filter(run__project__entity=entity, run__erased_at=None, blob__isnull=False)
    rows = stored.values_list("pk", "blob__stored_size", "created_at")
    with leaving_out_damaged():
        kinds = {pk: _kind(name) for name, pk in opening.opened_names(stored, "pk")}
    found = {kind: Amount() for kind in ("code", "about", "media", "file")}
    for pk, size, since in rows.iterator():
        kind = kinds.get(pk, "file")
        found[kind] += Amount(1, size or 0, since)
    small = Thumbnail.objects.filter(file__run__project__entity=entity, file__run__erased_at=None)
    found["media"] += Amount(0, _sum(small, "blob__stored_size"), None)
    return found


def _kind(name: str) -> str:
    if is_code(name):
        return "code"
    if name == METADATA or is_packages(name) or name in ("config.yaml", "wandb-summary.json"):
        return "about"
    return "media" if name.startswith("media/") else "file"


def _sealed(rows: Any, *columns: str) -> Amount:
    """How many rows there are, and how long what is sealed in them is."""
    size = sum((Coalesce(Length(each), 0) for each in columns[1:]), Coalesce(Length(columns[0]), 0))
    found = rows.aggregate(n=Count("pk"), bytes=Coalesce(Sum(size), 0), since=Min("created_at"))
    return Amount(found["n"], found["bytes"], found["since"])


def _sum(rows: Any, column: str) -> int:
    return int(rows.aggregate(n=Coalesce(Sum(column), 0))["n"])
