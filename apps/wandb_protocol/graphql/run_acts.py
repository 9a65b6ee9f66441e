"""What the client asks to happen to a run: stop, another state, rewind, an alert."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.runs.alerts import raise_alert
from apps.runs.queries import get_run, get_run_by_id
from apps.runs.services import request_stop, rewind_run, update_run
from apps.runs.types import AlertLevel, RunPatch
from apps.teams.queries import default_entity
from apps.wandb_protocol import translate
from apps.wandb_protocol.graphql.context import Fields, Info, Source, actor_in
from apps.wandb_protocol.ids import from_client

if TYPE_CHECKING:
    from apps.runs.models import Run

_DEFAULT_PROJECT = "uncategorized"
_LONGEST_WAIT_MS = 2**40  # thirty years; more is not a time


def held_run(info: Info, sent: Source, permission: Permission) -> Run:
    """The run that an input names by entity, project and run, for this purpose."""
    actor = actor_in(info)
    entity = sent.get("entityName") or default_entity(actor).name
    project = sent.get("projectName") or _DEFAULT_PROJECT
    return get_run(actor, permission, entity=entity, project=project, name=sent["runName"])


def _held_by_id(info: Info, client_id: str) -> Run:
    public_id = from_client("Run", client_id, what="run")
    return get_run_by_id(actor_in(info), Permission.RUN_WRITE, public_id=public_id)


def stop_run(_: None, info: Info, sent: Source) -> Source:
    return {"success": request_stop(_held_by_id(info, sent["id"]), by=actor_in(info))}


def update_run_state(_: None, info: Info, sent: Source) -> Source:
    patch = RunPatch(state=translate.run_state(sent["state"]))
    update_run(_held_by_id(info, sent["id"]), patch, by=actor_in(info))
    return {"success": True}


def rewind(_: None, info: Info, sent: Source) -> Source:
    if sent["metricName"] != "_step":
        raise Invalid("A run can be rewound to a value of _step only.")
    held = held_run(info, sent, Permission.RUN_WRITE)
    opened = rewind_run(held, last_step=translate.whole_step(sent["metricValue"]), by=actor_in(info))
    return {"rewoundRun": translate.run_facts(opened)}


def notify_alert(_: None, info: Info, sent: Source) -> Source:
    """One that came too soon after its like is a success too: the script did nothing wrong. False where no more are kept."""
    raised = raise_alert(
        held_run(info, sent, Permission.RUN_WRITE),
        title=sent["title"],
        text=sent["text"],
        level=AlertLevel(sent.get("severity") or AlertLevel.INFO),
        wait=_wait(sent.get("waitDuration")),
        by=actor_in(info),
    )
    return {"success": raised is not None}


def _wait(milliseconds: int | None) -> timedelta:
    """What the client sends where a script says nothing is a minute."""
    if milliseconds is None:
        return timedelta(minutes=1)
    return timedelta(milliseconds=max(0, min(milliseconds, _LONGEST_WAIT_MS)))


FIELDS: Fields = {
    "Mutation.stopRun": stop_run,
    "Mutation.updateRunState": update_run_state,
    "Mutation.rewindRun": rewind,
    "Mutation.notifyScriptableRunAlert": notify_alert,
}
