from __future__ import annotations

import math
import secrets
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.code_saving import minimise
from apps.code_saving.masking import config_masked
from apps.code_saving.queries import kept_in
from apps.core import background, clock, jsontext
from apps.core.errors import Changed, Conflict, Erased, Invalid, NotFound
from apps.projects.models import Project
from apps.projects.names import clean_name
from apps.projects.queries import NO_PROJECT
from apps.runs.history import store
from apps.runs.history.lines import parse_line
from apps.runs.models import Run
from apps.runs.names import invent_display_name
from apps.runs.places import NAME_LABEL
from apps.runs.queries import (
    CONFIG_LABEL,
    ERASED_RUN,
    HEAD_LABEL,
    SUMMARY_LABEL,
    find_run,
    get_run_in,
    gone_or_back_soon,
    is_erased,
    open_run,
    run_key,
    whose,
)
from apps.runs.types import (
    HEAD_FIELDS,
    BranchPoint,
    Head,
    Lines,
    OpenRun,
    RunPatch,
    RunState,
    Stream,
    StreamRequest,
)
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, seal_text
from apps.vault.tree import create_node, discard_node, open_key
from apps.vault.types import NodeId, NodeKind
from apps.webhooks.outbox import note
from apps.webhooks.types import Happening

_STATE_FIELDS = ("state", "exit_code", "finished_at", "stop_requested_at")
_MOST_TAGS = 1000
_MOST_WORDS = 250_000  # they are in memory for each run of a list
_MOST_SEALED_TEXT = 16 * 1024 * 1024
LAST_STEP = 2**53
MOST_KEYS_OF_ROW = 10_000  # that somebody writes by hand or sends by a script of their own


def start_run(project: Project, *, name: str | None, by: Actor, patch: RunPatch) -> tuple[OpenRun, bool]:
    """Make the run of this name, or change the one there is. The second value tells whether it was made.

    Asking twice is allowed: the client retries.
    """
    name = clean_name(name or _invent_name(), what="run")
    made = _create_if_new(project, name, by=by, patch=patch)
    if made is not None:
        return made, True
    run = get_run_in(by, Permission.RUN_WRITE, project=project, name=name)
    return update_run(run, patch, by=by), False


def create_run(project: Project, *, name: str | None, by: Actor, patch: RunPatch) -> OpenRun:
    """Make a run; Conflict when the project has one of this name."""
    name = clean_name(name or _invent_name(), what="run")
    made = _create_if_new(project, name, by=by, patch=patch)
    if made is None:
        if is_erased(project, name):
            raise Erased(ERASED_RUN)
        raise Conflict(_("The project has a run of this name already."))
    return made


def _create_if_new(project: Project, name: str, *, by: Actor, patch: RunPatch) -> OpenRun | None:
    return None if find_run(project, name) is not None else _create_run(project, name, by=by, patch=patch)


def check_start(name: str | None, patch: RunPatch) -> None:
    """Refuse what `start_run` would refuse, before a project is made for it."""
    if name:
        clean_name(name, what="run")
    check_patch(patch)


def _invent_name() -> str:
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(8))


def _create_run(project: Project, name: str, *, by: Actor, patch: RunPatch) -> OpenRun | None:
    """A new run, or None when another request made one of this name at the same moment."""
    check_patch(patch)
    patch, dropped = cut_down(patch, lambda: project)
    head = Head(name=name) if dropped is None else Head(name=name, dropped=dropped)
    node = create_node(NodeKind.RUN, parent=NodeId(project.vault_node))
    key = open_key(node)
    try:
        with transaction.atomic():
            run = _insert_run(project, head, node=node, key=key, by=by, patch=patch)
            # After the row: where the erased one's is gone, its name stands in the vault.
            if is_erased(project, name):
                raise Erased(ERASED_RUN)
            if patch.branch_point is not None:
                _copy_branch(run, patch.branch_point, project=project, by=by)
            record(EventKind.RUN_CREATED, **whose(run), by=by)
    except IntegrityError:
        discard_node(node)
        return None
    except BaseException:
        discard_node(node)
        raise
    return open_run(run)


def _insert_run(
    project: Project, head: Head, *, node: NodeId, key: OpenKey, by: Actor, patch: RunPatch
) -> Run:
    Project.objects.filter(pk=project.pk).update(runs_made=F("runs_made") + 1, last_activity_at=clock.now())
    number = Project.objects.filter(pk=project.pk).values_list("runs_made", flat=True).first()
    if number is None:
        raise NotFound(NO_PROJECT)
    name, head = head.name, _patched_head(replace(head, display_name=invent_display_name(number)), patch)
    run = Run(
        uuid=uuid.uuid4(),
        project=project,
        vault_node=node,
        number=number,
        name_index=blind_index(open_key(NodeId(project.vault_node)), NAME_LABEL, name),
        state=(patch.state or RunState.RUNNING).value,
        created_by_id=by.user_id,
        finished_at=clock.now() if patch.state in RunState.closed() else None,
    )
    _seal_into(run, key, head=head, patch=patch)
    run.save(force_insert=True)
    return run


def _copy_branch(run: Run, branch: BranchPoint, *, project: Project, by: Actor) -> None:
    """What is taken from another run is read: whoever is of elsewhere is noted for it."""
    try:
        parent = get_run_in(by, Permission.RUN_READ, project=project, name=branch.run_name)
    except (NotFound, Erased):
        raise NotFound("The run to fork from does not exist in this project.") from None
    store.copy_until(parent, run, last_step=branch.step)


def update_run(
    run: Run, patch: RunPatch, *, by: Actor, only_if: Callable[[Run], bool] | None = None
) -> OpenRun:
    """Change a run that was fetched with the permission to; Changed when it no longer stands as `only_if` has it."""
    check_patch(patch)
    # Searching a config may take a second: nobody else waits for the run meanwhile.
    patch, dropped = cut_down(patch, lambda: run.project)
    return _update_run(run, patch, dropped, by=by, only_if=only_if)


@transaction.atomic
def _update_run(
    run: Run,
    patch: RunPatch,
    dropped: list[str] | None,
    *,
    by: Actor,
    only_if: Callable[[Run], bool] | None,
) -> OpenRun:
    run = _locked(run)
    if only_if is not None and not only_if(run):
        raise Changed(_("The run has changed since you read it. Read it again, then change it."))
    key = run_key(run)
    head = _patched_head(open_run(run).head, patch)
    head = head if dropped is None else replace(head, dropped=dropped)
    _seal_into(run, key, head=head, patch=patch)
    if patch.state is not None and patch.state != run.state:
        _move(run, patch.state, by=by)
    run.version += 1
    run.save()
    return open_run(run)


def change_tags(runs: Iterable[Run], *, add: Sequence[str], remove: Sequence[str], by: Actor) -> None:
    """Give these runs tags and take tags from them; each was fetched with the permission to change it."""
    for run in runs:
        with transaction.atomic():
            before = open_run(_locked(run)).head.tags
            after = list(dict.fromkeys([*(tag for tag in before if tag not in remove), *add]))
            if after != before:
                update_run(run, RunPatch(tags=after), by=by)


def _locked(run: Run) -> Run:
    locked = (
        Run.objects.select_for_update(of=("self",))
        .select_related("project__entity")
        .filter(pk=run.pk)
        .first()
    )
    if locked is None:
        raise gone_or_back_soon(run.pk)
    return locked


def check_patch(patch: RunPatch) -> None:
    """Invalid for what no run may be given."""
    for what, text in ((_("config"), patch.config_text), (_("summary"), patch.summary_text)):
        if text is None:
            continue
        if len(text) > _MOST_SEALED_TEXT:
            raise Invalid(
                _("The %(what)s is larger than %(n)d MiB.") % {"what": what, "n": _MOST_SEALED_TEXT >> 20}
            )
        if not isinstance(jsontext.loads(text), dict):
            raise Invalid(_("The %(what)s must be the JSON text of an object.") % {"what": what})
    if patch.tags is not None and len(patch.tags) > _MOST_TAGS:
        raise Invalid(_("A run has at most %(n)d tags.") % {"n": _MOST_TAGS})
    words = [getattr(patch, name) or "" for name in HEAD_FIELDS if name != "tags"]
    if sum(map(len, [*words, *(patch.tags or ())])) > _MOST_WORDS:
        raise Invalid(
            _("What is said about a run, its notes and tags included, has at most %(n)s letters.")
            % {"n": f"{_MOST_WORDS:,}"}
        )


def cut_down(patch: RunPatch, where: Callable[[], Project]) -> tuple[RunPatch, list[str] | None]:
    """The patch with only what its owner lets stay, and the names of what went; None where nothing is said of these.

    Asked of the settings only where it matters.
    """
    kept = cache(lambda: kept_in(where().entity))
    if patch.program:
        patch = replace(patch, program=minimise.program(patch.program, kept()))
    if patch.config_text is None:
        return patch, None
    dropped = None
    sent = stored = patch.config_text
    if minimise.tells_of_machine(sent):
        stored = minimise.config_text(sent, kept())
        dropped = minimise.dropped_names(sent, stored)
    stored = config_masked(stored, lambda: not kept().secrets)
    return replace(patch, config_text=stored), dropped


def _patched_head(head: Head, patch: RunPatch) -> Head:
    changes = {name: getattr(patch, name) for name in HEAD_FIELDS if getattr(patch, name) is not None}
    return replace(head, **changes)


def _seal_into(run: Run, key: OpenKey, *, head: Head, patch: RunPatch) -> None:
    run.sealed_head = seal(key, jsontext.dumps(asdict(head)).encode(), label=HEAD_LABEL, row=run.uuid)
    if patch.config_text is not None:
        text = patch.config_text
        if patch.is_part_of_config:
            text = jsontext.dumps(_merged(jsontext.loads(open_run(run).config_text), jsontext.loads(text)))
        run.sealed_config = seal_text(key, text, label=CONFIG_LABEL, row=run.uuid)
    if patch.summary_text is not None:
        run.sealed_summary = seal_text(key, patch.summary_text, label=SUMMARY_LABEL, row=run.uuid)


def _merged(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Both, key by key; where they disagree the later word counts."""
    both = before | after
    for key in before.keys() & after.keys():
        if isinstance(before[key], dict) and isinstance(after[key], dict):
            both[key] = _merged(before[key], after[key])
    return both


def _move(run: Run, state: RunState, *, by: Actor) -> None:
    """Put `run` into `state`, with the moments and the record that go with it."""
    run.state = state.value
    if state in RunState.closed():
        run.finished_at = clock.now()
        record(
            EventKind.RUN_FINISHED,
            **whose(run),
            by=by,
            state=state.value,
        )
        note(Happening.RUN_FINISHED, run.project, run=run.public_id, state=state.value)
        background.enqueue("runs.compact", run_id=run.pk)
    else:
        run.finished_at = run.exit_code = run.stop_requested_at = None


@transaction.atomic
def add_history(run: Run, lines: Sequence[str], *, by: Actor, sets_summary: bool = False) -> int:
    """Put rows after those there are, each the JSON text of an object. Returns the number of the first.

    A row without a step is given the next one, one without a time the present. The run's state stays as it is:
    whoever adds to it by hand does not take it up again, and does not keep it alive. With `sets_summary` the
    summary says the last value of each key, as it would had the client logged the rows.
    """
    run = _locked(run)
    first = run.history_lines
    placed = _with_step_and_time(lines, after=store.keys_of(run).last_step)
    summary = _last_values(placed) if sets_summary else None
    request = StreamRequest(
        streams={Stream.HISTORY: Lines(first, placed)}, summary_text=summary, is_by_hand=True
    )
    store.append(run, request, by=by)
    return first


def _last_values(lines: Sequence[str]) -> str:
    last: dict[str, Any] = {}
    for line in lines:
        last.update(parse_line(line))
    return jsontext.dumps(last)


@transaction.atomic
def set_summary(run: Run, values: dict[str, Any], *, by: Actor) -> OpenRun:
    """Put these values into the summary; what else it says stays."""
    run = _locked(run)
    summary = jsontext.loads(open_run(run).summary_text) | values
    return update_run(run, RunPatch(summary_text=jsontext.dumps(summary)), by=by)


def _with_step_and_time(lines: Sequence[str], *, after: float | None) -> list[str]:
    placed, now = [], clock.now().timestamp()
    step = -1 if after is None else math.floor(after)
    for line in lines:
        row = parse_line(line)
        if len(row) > MOST_KEYS_OF_ROW:
            raise Invalid(_("A row has at most %(most)d keys.") % {"most": MOST_KEYS_OF_ROW})
        given = row.get("_step")
        if given is not None and not _is_step(given):
            raise Invalid(_("The step of a row is a whole number from 0 to %(most)d.") % {"most": LAST_STEP})
        step = step if given is None else max(step, int(given))
        missing: dict[str, Any] = {} if "_timestamp" in row else {"_timestamp": now}
        if given is None:
            step += 1
            missing["_step"] = step
        placed.append(jsontext.dumps({**row, **missing}) if missing else line)
    return placed


def _is_step(given: object) -> bool:
    """As the client counts them, from 0; beyond the last a double no longer tells one from the next."""
    return type(given) in {int, float} and 0 <= given <= LAST_STEP and given == int(given)  # type: ignore[operator, call-overload]


@transaction.atomic
def finish_run(run: Run, *, state: RunState, by: Actor) -> Run:
    """Close a run. Finishing twice is allowed: the client retries."""
    run = _locked(run)
    if run.state == state:
        return run
    _move(run, state, by=by)
    run.version += 1
    run.save(update_fields=["state", "finished_at", "version"])
    return run


@transaction.atomic
def request_stop(run: Run, *, by: Actor) -> bool:
    """Ask the client to stop: its next post is told so. False when the run has ended already."""
    run = _locked(run)
    if RunState(run.state) in RunState.closed():
        return False
    if run.stop_requested_at is None:
        run.stop_requested_at = clock.now()
        run.version += 1
        run.save(update_fields=["stop_requested_at", "version"])
        record(EventKind.RUN_STOP_REQUESTED, **whose(run), by=by)
    return True


@transaction.atomic
def rewind_run(run: Run, *, last_step: int, by: Actor) -> OpenRun:
    """Drop the history after `last_step`; the client sends from there again."""
    run = _locked(run)
    store.rewind(run, last_step=last_step)
    run.refresh_from_db()
    _move(run, RunState.RUNNING, by=by)
    run.heartbeat_at = clock.now()
    run.version += 1
    run.save(update_fields=[*_STATE_FIELDS, "heartbeat_at", "version"])
    record(EventKind.RUN_REWOUND, **whose(run), by=by)
    return open_run(run)
