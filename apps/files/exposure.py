"""What others would read of a project that is published: counted before anybody is asked whether they want that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count, Q, Sum

from apps.access.policy import Visibility
from apps.code_saving.minimise import has_machine
from apps.code_saving.policy import is_code
from apps.core.errors import Conflict
from apps.files import opening
from apps.files.models import RunFile
from apps.files.opening import opened_names
from apps.projects.models import Project
from apps.projects.saved_views import count_views, secrets_in_views
from apps.projects.showing import secrets_shown, versions_shown
from apps.projects.types import PUBLISHED
from apps.runs.models import Run
from apps.runs.queries import opened_configs
from apps.vault.damage import leaving_out_damaged

METADATA = "wandb-metadata.json"


class Asked(StrEnum):
    """What is asked about by itself before it is shown: nobody logs it on purpose."""

    CODE = "code"
    SYSTEM_METADATA = "system_metadata"
    SECRETS = "secrets"  # what looks like one


class WouldShow(Conflict):
    """Publishing would show what nobody has agreed to show."""

    code = "would_show"

    def __init__(self, asked: Collection[Asked], exposure: Exposure) -> None:
        words = {
            Asked.CODE: _code_words(exposure),
            Asked.SYSTEM_METADATA: [
                _several(
                    exposure.metadata_runs,
                    "run that tells of its machine",
                    "runs that tell of their machines",
                )
            ],
            Asked.SECRETS: [
                _several(exposure.secrets, "value that looks like a secret", "values that look like secrets")
            ],
        }
        *most, last = [each for one in asked for each in words[one]]
        shown = f"{', '.join(most)} and {last}" if most else last
        more = ", and files that were not looked at" if exposure.is_partial else ""
        super().__init__(f"This would show {shown}{more} to everybody.")
        self.asked = list(asked)


def _code_words(exposure: Exposure) -> list[str]:
    files = _several(exposure.code_files, "file with code", "files with code")
    versions = _several(
        exposure.code_versions, "version of an artifact of code", "versions of artifacts of code"
    )
    if not exposure.code_versions:
        return [files]
    return [files, versions] if exposure.code_files else [versions]


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
    metadata_runs: (
        int  # with what the client tells of the machine: its metrics, a file of it, or in the config
    )
    code_files: int
    is_partial: bool = False
    versions: int = 0
    version_bytes: int = 0
    code_versions: int = 0
    secrets: int = 0
    views: int = 0  # saved ones, with the words of their conditions

    @property
    def has_code(self) -> bool:
        return bool(self.code_files or self.code_versions)

    @property
    def asked(self) -> list[Asked]:
        """What would become visible that nobody logs on purpose. Where not every file was looked at, there may be code."""
        shown = {
            Asked.CODE: self.has_code or self.is_partial,
            Asked.SYSTEM_METADATA: self.metadata_runs,
            Asked.SECRETS: self.secrets,
        }
        return [each for each, is_there in shown.items() if is_there]


def is_published_by(project: Project, visibility: Visibility) -> bool:
    """Public and open show the same; between them nothing becomes visible."""
    return visibility in PUBLISHED and Visibility(project.visibility) not in PUBLISHED


def require_agreement(
    project: Project, visibility: Visibility, *, agreed: Collection[Asked] = frozenset()
) -> None:
    """Pass, or raise WouldShow where something would become visible that is asked about and to which nobody agreed."""
    if not is_published_by(project, visibility):
        return
    with leaving_out_damaged():
        exposure = exposure_of(project)
    if missing := [each for each in exposure.asked if each not in agreed]:
        raise WouldShow(missing, exposure)


def exposure_of(project: Project, *, secrets: int | None = None) -> Exposure:
    """What a project that is held already would show; `secrets` where the caller has counted those in runs."""
    runs = Run.objects.filter(project=project)
    stored = RunFile.objects.filter(run__project=project, run__erased_at=None, blob__isnull=False)
    lines = runs.aggregate(
        all=Count("pk"),
        console=Count("pk", filter=Q(output_lines__gt=0)),
        lines=Sum("output_lines", default=0),
    )
    files = stored.aggregate(all=Count("pk"), bytes=Sum("size", default=0))
    measured = runs.filter(Q(event_lines__gt=0) | Q(sealed_config__isnull=False))
    events = dict(measured.values_list("pk", "event_lines"))
    described, code = {pk for pk, lines_of in events.items() if lines_of}, 0
    for name, run in opened_names(stored, "run_id"):
        code += is_code(name)
        if name == METADATA:
            described.add(run)
    described |= {pk for pk, config in opened_configs(events.keys() - described) if has_machine(config)}
    versions, views = versions_shown(project), count_views(project)
    quoted = secrets_in_views(project) if views else 0
    return Exposure(
        runs=lines["all"],
        files=files["all"],
        file_bytes=files["bytes"],
        console_runs=lines["console"],
        console_lines=lines["lines"],
        metadata_runs=len(described),
        code_files=code,
        is_partial=files["all"] > opening.MOST_LOOKED_AT,
        versions=versions.count,
        version_bytes=versions.bytes,
        code_versions=versions.code,
        secrets=(secrets_shown(project) if secrets is None else secrets) + quoted,
        views=views,
    )
