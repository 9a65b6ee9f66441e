"""The client's words on one side, ours on the other: bucket and model end here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apps.access.policy import Visibility
from apps.core import jsontext
from apps.core.errors import Invalid
from apps.runs.types import BranchPoint, OpenRun, RunPatch, RunState
from apps.teams.types import EntityKind
from apps.wandb_protocol.ids import project_number, to_client

if TYPE_CHECKING:
    from apps.accounts.models import User
    from apps.projects.types import OpenProject
    from apps.teams.models import Entity, Organisation

Source = dict[str, Any]

_ACCESS_WORDS = {
    Visibility.PRIVATE: "PRIVATE",
    Visibility.RESTRICTED: "RESTRICTED",
    Visibility.PUBLIC: "USER_READ",
    Visibility.OPEN: "USER_WRITE",
}
_FAILED = {RunState.FAILED, RunState.CRASHED, RunState.KILLED}
_ACTIVE = {RunState.RUNNING, RunState.PREEMPTING}


def iso_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ── what the client sends ──


def run_patch(sent: Source) -> RunPatch:
    """An UpsertBucketInput as a change of a run. Null leaves a field as it is.

    `host`, `jobRepo` and `debug` tell of the machine and are not kept.
    """
    return RunPatch(
        display_name=sent.get("displayName"),
        notes=sent.get("notes"),
        description=sent.get("description"),
        tags=sent.get("tags"),
        group=sent.get("groupName"),
        job_type=sent.get("jobType"),
        commit=sent.get("commit"),
        program=sent.get("jobProgram"),
        sweep=sent.get("sweep"),
        config_text=sent.get("config"),
        summary_text=sent.get("summaryMetrics"),
        state=run_state(sent["state"]) if sent.get("state") is not None else None,
        branch_point=branch_point(sent.get("config")),
    )


def run_state(word: str) -> RunState:
    try:
        return RunState(word.lower())
    except ValueError:
        raise Invalid(f"A run's state is one of {', '.join(RunState)}.") from None


def branch_point(config_text: str | None) -> BranchPoint | None:
    """Where a fork leaves its parent, as its config says."""
    found = client_part(config_text or "{}").get("branch_point")
    if not isinstance(found, dict):
        return None
    run_name, step = found.get("run_id"), found.get("step")
    if not isinstance(run_name, str) or isinstance(step, bool) or not isinstance(step, int | float):
        raise Invalid("A fork names the run and the step that it leaves.")
    return BranchPoint(run_name=run_name, step=whole_step(step))


def whole_step(value: float) -> int:
    """A step as the client spells it, perhaps as a float."""
    try:
        step = int(value)
    except (ValueError, OverflowError):
        raise Invalid("This step is not a number.") from None
    if not 0 <= step < 2**63:
        raise Invalid("A step is a number from 0 up.")
    return step


def client_part(config_text: str) -> Source:
    """What the client itself keeps in a run's config, under `_wandb`."""
    config = jsontext.loads(config_text)
    entry = config.get("_wandb") if isinstance(config, dict) else None
    inner = entry.get("value") if isinstance(entry, dict) else None
    return inner if isinstance(inner, dict) else {}


def access_word(visibility: Visibility) -> str:
    return _ACCESS_WORDS[visibility]


def visibility(word: str) -> Visibility:
    for found, known in _ACCESS_WORDS.items():
        if known == word.upper():
            return found
    raise Invalid(f"A project's access is one of {', '.join(_ACCESS_WORDS.values())}.")


# ── what the client is told ──


def run_facts(opened: OpenRun) -> Source:
    """A run under the client's names; what costs more is asked of its resolvers."""
    run, head, state = opened.run, opened.head, RunState(opened.run.state)
    is_stopping = run.stop_requested_at is not None
    return {
        "_run": opened,
        "id": to_client("Run", run.public_id),
        "name": head.name,
        "displayName": head.display_name,
        "description": head.description,
        "notes": head.notes,
        "tags": head.tags,
        "group": head.group or None,
        "jobType": head.job_type or None,
        "sweepName": head.sweep or None,
        "commit": head.commit or None,
        "state": state.value,
        "exitcode": run.exit_code,
        "stopped": is_stopping,
        "shouldStop": is_stopping,
        "running": state in _ACTIVE,
        "failed": state in _FAILED,
        "createdAt": run.created_at,
        "updatedAt": run.heartbeat_at,
        "heartbeatAt": run.heartbeat_at,
        "config": opened.config_text,
        "summaryMetrics": opened.summary_text,
        "historyLineCount": run.history_lines,
        "eventsLineCount": run.event_lines,
        "logLineCount": run.output_lines,
    }


def project_facts(opened: OpenProject) -> Source:
    project = opened.project
    return {
        "_project": opened,
        "id": to_client("Project", project.public_id),
        "internalId": project_number(project.public_id),
        "name": opened.name,
        "entityName": opened.entity,
        "entity": entity_facts(project.entity),
        "access": _ACCESS_WORDS[opened.visibility],
        "isBenchmark": False,
        "totalSweeps": 0,
        "createdAt": project.created_at,
        "updatedAt": project.last_activity_at,
    }


def entity_facts(entity: Entity) -> Source:
    if entity.kind == EntityKind.ORGANISATION:
        return organisation_entity_facts(entity.of_organisation)
    is_team = entity.user_id is None
    return {
        "_entity": entity,
        "id": to_client("Entity", entity.public_id),
        "name": entity.name,
        "available": False,
        "isTeam": is_team,
        "entityType": "team" if is_team else "user",
        "readOnlyAdmin": False,
        "isPaid": False,
        "xxhashDigestsEnabled": False,
    }


def organisation_facts(organisation: Organisation) -> Source:
    return {
        "id": to_client("Organization", organisation.public_id),
        "name": organisation.name,
        "orgEntity": organisation_entity_facts(organisation),
    }


def organisation_entity_facts(organisation: Organisation) -> Source:
    """The client wants an entity of an organisation: in it are the registries, and nothing else."""
    return {
        "_organisation": organisation,
        "id": to_client("OrganizationEntity", organisation.public_id),
        "name": organisation.name,
        "available": False,
        "isTeam": False,
        "entityType": "organization",
        "readOnlyAdmin": False,
        "isPaid": False,
        "xxhashDigestsEnabled": False,
    }


def user_facts(user: User, *, name: str = "") -> Source:
    """A person as others may see them. The e-mail stays empty: the client copies it into every run."""
    return {
        "_user": user,
        "id": to_client("User", user.public_id),
        "name": name or user.username,
        "username": user.username,
        "email": "",
        "admin": False,
        "entity": None if user.is_service else user.username,
    }
