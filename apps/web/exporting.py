"""An export as its page shows it: what it is of, how far it is, and what can be done with it."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.blobs.errors import StoreDenied, StoreFull, StoreUnreachable
from apps.core import clock
from apps.exports.errors import Unread
from apps.exports.queries import is_fetched_by, progress_of
from apps.exports.types import ExportScope, ExportState, Progress, Tables
from apps.web.figures import lasting

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.exports.models import Export

_OF_THE_STORE = {StoreDenied.__name__, StoreUnreachable.__name__}


@dataclass(frozen=True, slots=True)
class Choice:
    """A format of histories as a form offers it."""

    value: str
    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Shown:
    export: Export
    what: str
    state: str
    progress: Progress
    is_mine: bool

    @property
    def is_account(self) -> bool:
        """Whoever fetches it may be sent to show who they are first: no file yet."""
        return self.export.scope == ExportScope.ACCOUNT

    @property
    def is_ready(self) -> bool:
        return self.export.state == ExportState.READY and not self.is_over

    @property
    def is_over(self) -> bool:
        ends = self.export.expires_at
        return ends is not None and ends <= clock.now()

    @property
    def is_failed(self) -> bool:
        return self.export.state == ExportState.FAILED

    @property
    def is_going(self) -> bool:
        return self.export.state in {ExportState.QUEUED, ExportState.RUNNING}

    @property
    def is_denied(self) -> bool:
        """It failed because whoever asked may not export all of it any more."""
        return self.is_failed and self.export.trouble in {"Forbidden", "NotFound", "Suspended"}

    @property
    def is_without_room(self) -> bool:
        """The last try found no room for what it wrote."""
        return self.export.trouble == StoreFull.__name__

    @property
    def far(self) -> str:
        """How far, and how long still, in words."""
        if self.is_waiting:
            return self._waits_for()
        if self.export.state == ExportState.QUEUED:
            return _("It waits for its turn.")
        done = _("%(n)d %% are read") % {"n": self.progress.percent}
        if self.progress.seconds_left is None:
            return done
        left = lasting(timedelta(seconds=self.progress.seconds_left))
        return _("%(done)s, about %(left)s left at the pace so far") % {"done": done, "left": left}

    @property
    def is_waiting(self) -> bool:
        """Its last turn broke off, and it is tried again."""
        return self.is_going and _waits(self.export)

    def _waits_for(self) -> str:
        trouble = self.export.trouble
        if self.is_without_room:
            return _("There is no room for files just now. It is tried again soon.")
        if trouble == Unread.__name__:
            return _(
                "One thing in it cannot be read just now. It is tried again for an hour and longer; if it still cannot be read, "
                "it is left out, and the archive says so."
            )
        if trouble in _OF_THE_STORE or issubclass(getattr(builtins, trouble, object), OSError):
            return _("The files of this instance cannot be had just now. It waits, and goes on by itself.")
        return _("It broke off, and is tried again by itself.")


def shown(export: Export, *, to: Actor) -> Shown:
    return Shown(export, _what(export), _state(export), progress_of(export), is_fetched_by(to, export))


def choices() -> list[Choice]:
    return [
        Choice(
            Tables.PARQUET.value,
            "Parquet",
            _("Keeps every value as it was logged; pandas, polars and DuckDB open it in one line."),
        ),
        Choice(
            Tables.JSONL.value, "JSON Lines", _("Keeps every value as well; larger, and read by anything.")
        ),
        Choice(
            Tables.CSV.value, "CSV", _("For spreadsheets. What a cell cannot hold is written as JSON text.")
        ),
    ]


def _what(export: Export) -> str:
    if export.scope == ExportScope.ENTITY:
        return _("Everything")
    if export.scope == ExportScope.ACCOUNT:
        return _("Your account")
    if export.scope == ExportScope.PROJECT:
        return _("A project")
    return ngettext("%(n)d run", "%(n)d runs", export.runs) % {"n": export.runs} if export.runs else _("Runs")


def _waits(export: Export) -> bool:
    """Its last turn broke off, and no other has begun."""
    until = export.busy_until
    return export.trouble != "" and not (until is not None and until > clock.now())


def _state(export: Export) -> str:
    if export.expires_at is not None and export.expires_at <= clock.now():
        return _("over")
    if export.state == ExportState.RUNNING and _waits(export):
        return _("waiting")
    return {
        ExportState.QUEUED: _("waiting"),
        ExportState.RUNNING: _("being made"),
        ExportState.READY: _("ready"),
        ExportState.FAILED: _("failed"),
    }[ExportState(export.state)]
