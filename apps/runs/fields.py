"""What runs can be filtered and sorted by, under the wandb client's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import Invalid
from apps.runs.durations import duration_seconds
from apps.runs.history.paths import MISSING, pick
from apps.runs.types import Head

LONGEST_KEY = 2_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A run with its content opened, as the run table holds it."""

    id: int
    public_id: str
    version: int
    head: Head
    config: dict[str, Any]  # without the client's {"value": …} around each entry
    summary: dict[str, Any]
    state: str
    author: int | None
    username: str
    created_at: datetime
    heartbeat_at: datetime
    finished_at: datetime | None


Getter = Callable[[Listed], Any]


def _duration(run: Listed) -> float:
    return duration_seconds(
        run.summary,
        created_at=run.created_at,
        last_heard_at=run.finished_at or run.heartbeat_at,
        is_running=run.finished_at is None,
    )


_FIELDS: dict[str, Getter] = {
    "name": lambda run: run.head.name,
    "display_name": lambda run: run.head.display_name,
    "notes": lambda run: run.head.notes or MISSING,
    "description": lambda run: run.head.description or MISSING,
    "tags": lambda run: run.head.tags,
    "group": lambda run: run.head.group or MISSING,
    "job_type": lambda run: run.head.job_type or MISSING,
    "commit": lambda run: run.head.commit or MISSING,
    "sweep": lambda run: run.head.sweep or MISSING,
    "state": lambda run: run.state,
    "username": lambda run: run.username or MISSING,
    "host": lambda _: MISSING,  # never kept
    "created_at": lambda run: run.created_at,
    "heartbeat_at": lambda run: run.heartbeat_at,
    "duration": _duration,
}
_ALSO = {
    "displayName": "display_name",
    "jobType": "job_type",
    "createdAt": "created_at",
    "heartbeatAt": "heartbeat_at",
    "updated_at": "heartbeat_at",
    "updatedAt": "heartbeat_at",
    "user": "username",
    "user.username": "username",
    "sweepName": "sweep",
    "sweep_name": "sweep",
    "tag": "tags",
    "runtime": "duration",
}
_MOMENTS = frozenset({"created_at", "heartbeat_at"})


def getter(key: str) -> Getter:
    """How to read `key` of a run; MISSING where a run has nothing there. Invalid for a key that no run can have."""
    place, _dot, name = key.partition(".")
    if len(key) > LONGEST_KEY:
        raise Invalid(_("A key in a filter is too long."))
    if name and place == "config":
        return _of_config(name)
    if name and place in ("summary_metrics", "summaryMetrics", "summary"):
        return _of_summary(name)
    field = _FIELDS.get(_ALSO.get(key, key))
    if field is None:
        known = ", ".join(sorted(_FIELDS))
        raise Invalid(
            _("Runs have no “%(key)s”. There are config.<key>, summary_metrics.<key>, %(known)s.")
            % {"key": key[:100], "known": known}
        )
    return field


def is_moment(key: str) -> bool:
    return _ALSO.get(key, key) in _MOMENTS


def moment(value: Any) -> datetime:
    """A time as a sender writes it: ISO 8601 (UTC where it does not say) or seconds since 1970."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise Invalid(_("A time in a filter is written like 2026-11-23T12:00:00Z."))


def _of_summary(name: str) -> Getter:
    def get(run: Listed) -> Any:
        found = run.summary.get(name, MISSING)
        return pick(run.summary, name) if found is MISSING else found

    return get


def _of_config(name: str) -> Getter:
    """`lr` and `lr.value` are the same: the client wraps each entry of the config."""
    bare = name.replace(".value", "", 1) if f"{name}.".find(".value.") > 0 else None

    def get(run: Listed) -> Any:
        config = run.config
        found = config.get(bare or name, MISSING)
        if found is not MISSING and type(found) is not dict and (bare is None or name not in config):
            return found  # nearly always
        found = pick(config, name)
        return pick(config, bare) if found is MISSING and bare is not None else found

    return get
