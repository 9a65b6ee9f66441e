"""What others would read of a project that is published: counted before anybody is asked whether they want that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Q, Sum

from apps.access.policy import Visibility
from apps.code_saving.policy import is_code
from apps.core.errors import Conflict
from apps.files import opening
from apps.files.models import RunFile
from apps.files.opening import opened_names
from apps.projects.models import Project
from apps.projects.types import PUBLISHED
from apps.runs.models import Run
from apps.vault.damage import leaving_out_damaged

METADATA = "wandb-metadata.json"


class Asked(StrEnum):
    """What is asked about by itself before it is shown: nobody logs it on purpose."""

    CODE = "code"
    SYSTEM_METADATA = "system_metadata"


class WouldShow(Conflict):
    """Publishing would show what nobody has agreed to show."""

    code = "would_show"

    def __init__(self, asked: Collection[Asked], exposure: Exposure) -> None:
        words = {
            Asked.CODE: _several(exposure.code_files, "file with code", "files with code"),
            Asked.SYSTEM_METADATA: _several(
                exposure.metadata_runs, "run that tells of its machine", "runs that tell of their machines"
            ),
        }
        shown = " and ".join(words[each] for each in asked)
        more = ", and files that were not looked at" if exposure.is_partial else ""
        super().__init__(f"This would show {shown}{more} to everybody.")
        self.asked = list(asked)


def _several(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


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
    def asked(self) -> list[Asked]:
        """What would become visible that nobody logs on purpose. Where not every file was looked at, there may be code."""
        found = [Asked.CODE] if self.code_files or self.is_partial else []
        return [*found, Asked.SYSTEM_METADATA] if self.metadata_runs else found


def is_published_by(project: Project, visibility: Visibility) -> bool:
    """Public and open show the same; between them nothing becomes visible."""
    return visibility in PUBLISHED and Visibility(project.visibility) not in PUBLISHED


def require_agreement(
    project: Project, visibility: Visibility, *, agreed: Collection[Asked] = frozenset()
) -> None:
    """Pass, or raise WouldShow where code or what tells of machines would become visible to which nobody agreed."""
    if not is_published_by(project, visibility):
        return
    with leaving_out_damaged():
        exposure = exposure_of(project)
    if missing := [each for each in exposure.asked if each not in agreed]:
        raise WouldShow(missing, exposure)


def exposure_of(project: Project) -> Exposure:
    """What a project that is held already would show."""
    runs = Run.objects.filter(project=project)
    stored = RunFile.objects.filter(run__project=project, run__erased_at=None, blob__isnull=False)
    lines = runs.aggregate(
        all=Count("pk"),
        console=Count("pk", filter=Q(output_lines__gt=0)),
        lines=Sum("output_lines", default=0),
    )
    files = stored.aggregate(all=Count("pk"), bytes=Sum("size", default=0))
    described, code = set(runs.filter(event_lines__gt=0).values_list("pk", flat=True)), 0
    for name, run in opened_names(stored, "run_id"):
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
        is_partial=files["all"] > opening.MOST_LOOKED_AT,
    )
