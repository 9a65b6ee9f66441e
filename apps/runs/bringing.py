"""Runs that come from elsewhere as they stood there, with their moments. Each act may be done again: what is there stays.

They lie in a project that is closed until all has come (`apps.projects.services.bringing`), so nobody is told of them: no
webhook, no mail.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace

from django.db import transaction

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.audit.services import record
from apps.code_saving.masking import lines_masked
from apps.code_saving.queries import kept_in
from apps.core import background, jsontext
from apps.core.errors import Invalid
from apps.projects.models import Project
from apps.projects.names import clean_name
from apps.projects.past import kept_id
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.names import invent_display_name
from apps.runs.places import NAME_LABEL
from apps.runs.queries import CONFIG_LABEL, HEAD_LABEL, SUMMARY_LABEL, find_run, gone_or_back_soon, whose
from apps.runs.services import check_patch, cut_down
from apps.runs.types import HEAD_FIELDS, Head, PastRun, RunState, Stream
from apps.teams.types import SystemMetadata
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, seal_text
from apps.vault.tree import create_node, discard_node, open_key
from apps.vault.types import NodeId, NodeKind

_MOST_NAMES = 10_000  # of entries that were not kept
_LONGEST_AUTHOR = 200


def bring_run(project: Project, was: PastRun, *, by: Actor) -> Run:
    """The run of this name in a project that is closed still, made as it stood. Of what is said of the machine, and of secrets,
    only that is kept which the project's owner lets stay."""
    name = clean_name(was.name, what="run")
    if (found := find_run(project, name)) is not None:
        return found
    check_patch(was.patch)
    if len(was.author) > _LONGEST_AUTHOR or len(was.dropped) > _MOST_NAMES:
        raise Invalid("What is said about a run is too long.")
    patch, dropped = cut_down(was.patch, lambda: project)
    was = replace(
        was, name=name, patch=patch, author=_author(project, was), dropped=[*was.dropped, *(dropped or ())]
    )
    node = create_node(NodeKind.RUN, parent=NodeId(project.vault_node))
    try:
        return _insert(project, was, node=node, by=by)
    except BaseException:
        discard_node(node)
        raise


def _author(project: Project, was: PastRun) -> str:
    """A login is one of the names of a machine's users, which its owner lets be kept or not, and not what somebody called themselves."""
    if was.author or not was.login or kept_in(project.entity).metadata is not SystemMetadata.ALL:
        return was.author
    return was.login[:_LONGEST_AUTHOR]


@transaction.atomic
def _insert(project: Project, was: PastRun, *, node: NodeId, by: Actor) -> Run:
    key = open_key(node)
    run = Run(
        uuid=uuid.uuid4(),
        public_id=kept_id(Run, was.public_id),
        project=project,
        vault_node=node,
        number=was.number or _next_number(project),
        name_index=blind_index(open_key(NodeId(project.vault_node)), NAME_LABEL, was.name),
        state=was.state.value,
        exit_code=was.exit_code,
        created_at=was.created_at,
        heartbeat_at=was.heartbeat_at,
        finished_at=was.finished_at,
        created_by_id=by.user_id,
    )
    _seal_into(run, key, was)
    run.save(force_insert=True)
    record(EventKind.RUN_CREATED, **whose(run), by=by)
    return run


def _next_number(project: Project) -> int:
    row = Project.everything.select_for_update().get(pk=project.pk)
    row.runs_made += 1
    row.save(update_fields=["runs_made"])
    return row.runs_made


def _seal_into(run: Run, key: OpenKey, was: PastRun) -> None:
    patch = was.patch
    said = {name: getattr(patch, name) for name in HEAD_FIELDS if getattr(patch, name) is not None}
    head = Head(name=was.name, display_name=invent_display_name(run.number))
    head = replace(head, **said, dropped=list(was.dropped), author=was.author)
    run.sealed_head = seal(key, jsontext.dumps(asdict(head)).encode(), label=HEAD_LABEL, row=run.uuid)
    for text, name, label in (
        (patch.config_text, "sealed_config", CONFIG_LABEL),
        (patch.summary_text, "sealed_summary", SUMMARY_LABEL),
    ):
        if text is not None:
            setattr(run, name, seal_text(key, text, label=label, row=run.uuid))


def bring_lines(run: Run, stream: Stream, lines: Sequence[str], *, first: int) -> int:
    """Store lines of a run whose lines before `first` have come; the number after the last. Those that are there stay as they are."""
    if stream is Stream.OUTPUT:
        lines = lines_masked(lines, lambda: not kept_in(run.project.entity).secrets)
    return store.put_behind(run, stream, lines, first=first)


@transaction.atomic
def settle_run(run: Run, was: PastRun) -> None:
    """All lines have come: count them as they were counted, so that a client that goes on finds its place."""
    row = Run.objects.select_for_update().filter(pk=run.pk).first()
    if row is None:
        raise gone_or_back_soon(run.pk)
    for stream, field in store.LINES_FIELD.items():
        said = was.lines.get(stream, 0)
        if 0 <= said < store.MOST_LINES:
            setattr(row, field, max(said, getattr(row, field)))
    row.heartbeat_at = was.heartbeat_at
    row.version += 1
    row.save(update_fields=[*store.LINES_FIELD.values(), "heartbeat_at", "version"])
    background.enqueue("runs.compact", run_id=run.pk)


def ended(state: RunState) -> RunState:
    """Nothing goes on here that went on elsewhere: its client does not know of us."""
    return state if state in RunState.closed() else RunState.CRASHED
