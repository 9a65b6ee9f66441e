"""An import as its pages show it: where it comes from, how far it is, and what was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apps.blobs.errors import StoreDenied, StoreFull, StoreUnreachable
from apps.imports.queries import percent_of, words_of
from apps.imports.services import UNREAD
from apps.imports.types import Clash, ImportState, Origin

if TYPE_CHECKING:
    from apps.imports.models import Import


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Shown:
    job: Import
    origin: str
    state: str
    percent: int
    words: str  # what was wrong with it

    @property
    def is_going(self) -> bool:
        return self.job.state in {ImportState.QUEUED, ImportState.RUNNING}

    @property
    def is_done(self) -> bool:
        return self.job.state == ImportState.DONE

    @property
    def far(self) -> str:
        if self.job.trouble:
            return self._waits_for()
        if self.job.state == ImportState.QUEUED:
            return _("It waits for its turn.")
        return _("%(n)d %% are here") % {"n": self.percent}

    def _waits_for(self) -> str:
        trouble = self.job.trouble
        if trouble == UNREAD:
            return _(
                "What was handed in cannot be read just now. It is tried again for an hour and longer; if it still cannot be read, "
                "the import is given up."
            )
        if trouble == StoreFull.code:
            return _("There is no room for files just now. It waits, and goes on by itself once there is.")
        if trouble in {StoreDenied.code, StoreUnreachable.code}:
            return _("The files of this instance cannot be had just now. It waits, and goes on by itself.")
        return _("Something that it needs cannot be had just now. It waits, and goes on by itself.")


def shown(job: Import) -> Shown:
    return Shown(
        job=job,
        origin=_origins().get(job.origin, job.origin),
        state=_state(job),
        percent=percent_of(job),
        words=words_of(job),
    )


def origins() -> list[Choice]:
    """What can be handed in."""
    return [
        Choice(
            Origin.OWNLOG.value,
            _("An export of Ownlog"),
            _("The ZIP that this instance or another one made: everything in it comes back as it was."),
        ),
        Choice(
            Origin.MLFLOW.value,
            "MLflow",
            _(
                "The folder mlruns, packed as a ZIP: experiments with their runs, values, parameters, tags and files."
            ),
        ),
        Choice(
            Origin.NEPTUNE.value,
            "Neptune",
            _(
                "The folder exports of neptune-exporter, with data and files in it, packed as a ZIP: runs with their fields, series and files."
            ),
        ),
    ]


def clashes() -> list[Choice]:
    return [
        Choice(Clash.SKIP.value, _("Leave it out"), _("The rest comes all the same.")),
        Choice(Clash.RENAME.value, _("Give it a number"), _("It stands beside the other one: name-2.")),
    ]


def _origins() -> dict[str, str]:
    return {
        Origin.OWNLOG: "Ownlog",
        Origin.WANDB_OFFLINE: _("Offline folders of wandb"),
        Origin.TENSORBOARD: "TensorBoard",
        Origin.WANDB: _("A W&B server"),
        Origin.MLFLOW: "MLflow",
        Origin.NEPTUNE: "Neptune",
    }


def _state(job: Import) -> str:
    if job.state == ImportState.RUNNING and job.trouble:
        return _("waiting")
    return {
        ImportState.QUEUED: _("waiting"),
        ImportState.RUNNING: _("being brought"),
        ImportState.DONE: _("done"),
        ImportState.GIVEN_UP: _("given up"),
    }[ImportState(job.state)]
