"""What others would read of a project that is published: counted before anybody is asked whether they want that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum

from apps.code_saving.policy import is_code
from apps.files.models import RunFile
from apps.files.queries import NAME_LABEL
from apps.projects.models import Project
from apps.runs.models import Run
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.seal import unseal_text
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

METADATA = "wandb-metadata.json"
MOST_LOOKED_AT = 20_000  # names of files that are opened, the newest first; each takes some microseconds
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Exposure:
    """Counts. `is_partial` when there are more files than were looked at, so that there may be more code."""

    runs: int
    files: int
    file_bytes: int
    console_runs: int
    console_lines: int
    metadata_runs: int  # with what the client tells of the machine: its metrics or its description
    code_files: int
    is_partial: bool = False

    @property
    def wants_asking(self) -> bool:
        """Would something become visible that nobody logs on purpose?"""
        return bool(self.code_files or self.metadata_runs or self.is_partial)


def exposure_of(project: Project) -> Exposure:
    """What a project that is held already would show."""
    runs = Run.objects.filter(project=project)
    stored = RunFile.objects.filter(run__project=project, blob__isnull=False)
    lines = runs.aggregate(
        all=Count("pk"),
        console=Count("pk", filter=Q(output_lines__gt=0)),
        lines=Sum("output_lines", default=0),
    )
    files = stored.aggregate(all=Count("pk"), bytes=Sum("size", default=0))
    described, code = set(runs.filter(event_lines__gt=0).values_list("pk", flat=True)), 0
    for run, name in _names(stored):
        code += is_code(name)
        if name == METADATA:
            described.add(run)
    return Exposure(
        runs=lines["all"],
        files=files["all"],
        file_bytes=files["bytes"],
        console_runs=lines["console"],
        console_lines=lines["lines"],
        metadata_runs=len(described),
        code_files=code,
        is_partial=files["all"] > MOST_LOOKED_AT,
    )


def _names(stored: QuerySet[RunFile]) -> Iterator[tuple[int, str]]:
    """The run and the name of each of the newest files."""
    newest = stored.order_by("-id").values_list("run_id", "run__vault_node", "uuid", "sealed_name")
    for start in range(0, MOST_LOOKED_AT, _AT_ONCE):
        rows = list(newest[start : min(start + _AT_ONCE, MOST_LOOKED_AT)])
        keys = open_keys(NodeId(node) for _, node, _, _ in rows)
        for run, node, uuid, sealed in rows:
            if (key := keys.get(NodeId(node))) is None:
                continue
            try:
                yield run, unseal_text(key, bytes(sealed), label=NAME_LABEL, row=uuid)
            except Tampered as error:
                leave_out(error)
        if len(rows) < _AT_ONCE:
            return
