from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery

from apps.access.policy import TO_OWN_RUNS, Permission
from apps.accounts.actors import Actor
from apps.core import jsontext
from apps.core.errors import Erased, Forbidden, NotFound, OwnlogError
from apps.core.ids import is_public_id
from apps.core.rows import find_row
from apps.projects.gate import may, readable, require
from apps.projects.models import Project
from apps.projects.queries import find_project, get_project
from apps.runs.errors import BackSoon
from apps.runs.models import Run
from apps.runs.places import NAME_LABEL, find_again, remember
from apps.runs.types import Head, OpenRun, RunCount, RunState
from apps.teams.models import Entity
from apps.teams.queries import entity_by_name
from apps.vault.damage import leave_out
from apps.vault.erased import are_erased
from apps.vault.errors import KeyGone, Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, unseal, unseal_text
from apps.vault.tree import is_name_erased, open_key, open_keys
from apps.vault.types import NodeId

HEAD_LABEL = "run.head"
CONFIG_LABEL = "run.config"
SUMMARY_LABEL = "run.summary"
KEYS_LABEL = "run.keys"
_LAST_RUNS = (
    20  # among so many one that logged something is looked for: most that did not ended in their first minute
)
_CONFIGS_AT_ONCE = 500
_NEWEST = 20  # among so many one that may be seen is looked for
ERASED_RUN = "This run was erased. Its name is not used again in this project."
_NO_RUN = "There is no such run, or it is not shared with you."


def whose(run: Run) -> dict[str, str]:
    """What an act on this run says of it to the audit record: its id, its project's and its owner's."""
    project = run.project
    return {"subject": run.public_id, "project": project.public_id, "entity": project.entity.public_id}


def run_key(run: Run) -> OpenKey:
    """The key under which everything of this run lies."""
    try:
        return open_key(NodeId(run.vault_node))
    except KeyGone as error:
        raise why_gone(run, error) from error


def why_gone(run: Run, error: KeyGone) -> OwnlogError:
    """What is said of a key that is missing below a run which somebody has read: that it was erased only where the vault
    knows so, or where the run is closed; of one that has another key by now, that it is back soon. Otherwise it is damaged: nobody
    erased it.
    """
    if (moved_on := gone_since(run, error)) is not None:
        return moved_on
    place = run.project
    nodes = [error.node_id, run.vault_node, place.vault_node, place.entity.vault_node]
    return error if are_erased(nodes) else Tampered("key", error.node_id)


def gone_since(run: Run, error: KeyGone) -> KeyGone | BackSoon | None:
    """What is said of a missing key below a run that was closed or given another one since it was read. None for one that stands as it
    was read: then the run is not the reason.
    """
    if Run.objects.filter(pk=run.pk, vault_node=run.vault_node).exists():
        return None
    said = gone_or_back_soon(run.pk)
    return KeyGone(error.node_id, said.message) if isinstance(said, Erased) else said


def require_same_key(run: Run) -> None:
    """For a transaction that stores something under the key of a run which it does not hold: Unavailable when that has another key
    by now, or is closed. It holds the run from here on: whoever gives it another key waits for what is written before the end, or
    sees it.
    """
    there = Run.objects.select_for_update(no_key=True).filter(pk=run.pk, vault_node=run.vault_node)
    if not there.values_list("pk").first():
        raise gone_or_back_soon(run.pk)


def gone_or_back_soon(pk: int) -> Erased | BackSoon:
    """What is said to whoever had the run a moment ago and cannot store under it now. Nobody takes a run away but by erasing it, and
    who comes a moment later is told the same.
    """
    there = Run.everything.filter(pk=pk).values_list("erased_at", "is_back_soon").first()
    is_coming = there is not None and (there[0] is None or there[1])
    return BackSoon() if is_coming else Erased(ERASED_RUN)


def find_run(project: Project, name: str) -> Run | None:
    """Unchecked look-up by the client's id; the caller holds the project already."""
    run = find_row(Run, project=project.pk, name_index=_name_index(project, name))
    if run is None or run.erased_at is not None:
        return None
    run.project = project
    return run


def is_erased(project: Project, name: str) -> bool:
    """Whether the project had a run of this name that was erased: such a name is never used again in it."""
    index = _name_index(project, name)
    being_erased = Run.everything.filter(
        project=project, name_index=index, erased_at__isnull=False, is_back_soon=False
    )
    # Asked last: a run's name goes to the vault before its row goes.
    return being_erased.exists() or is_name_erased(NodeId(project.vault_node), index)


def closed_by(project: Project, name: str) -> UUID | None:
    """Unchecked: by which erasure the run of this name is closed, while its row is there."""
    index = _name_index(project, name)
    closed = Run.everything.filter(project=project, name_index=index, is_back_soon=False)
    return closed.values_list("erasure_job", flat=True).first()


def _name_index(project: Project, name: str) -> bytes:
    return blind_index(open_key(NodeId(project.vault_node)), NAME_LABEL, name.strip())


def is_back_soon(project: Project, name: str) -> bool:
    """Whether the run of this name is closed for a moment."""
    closed = Run.everything.filter(project=project, name_index=_name_index(project, name), is_back_soon=True)
    return closed.exists()


def _missing(project: Project, name: str) -> NotFound | Erased | BackSoon:
    """What is said of a run that is not there to whoever may read the project it would be in."""
    if is_back_soon(project, name):
        return BackSoon()
    return Erased(ERASED_RUN) if is_erased(project, name) else NotFound(_NO_RUN)


def get_run(actor: Actor, permission: Permission, *, entity: str, project: str, name: str) -> Run:
    """The run, for this purpose. What does not exist and what is not shared look the same."""
    try:
        place = get_project(actor, permission, entity=entity, name=project)
    except NotFound:
        raise NotFound(_NO_RUN) from None
    except Forbidden:
        if permission not in TO_OWN_RUNS:
            raise
        # The gate has said that they may see it. Asked again for reading it would note a look, at each piece of a run
        # that somebody of elsewhere adds to an open project.
        seen = find_project(entity_by_name(entity), project)
        if seen is None:
            raise NotFound(_NO_RUN) from None
        return get_run_in(actor, permission, project=seen, name=name)
    run = find_run(place, name)
    if run is None:
        raise _missing(place, name)
    return run


def get_run_again(actor: Actor, permission: Permission, *, entity: str, project: str, name: str) -> Run:
    """`get_run` for those who ask for the same run each second: with few questions from the second time on.

    Its config and what it is called are read only when they are used.
    """
    run = find_again(entity=entity, project=project, name=name)
    if run is not None:
        return _passed(actor, permission, run)
    run = get_run(actor, permission, entity=entity, project=project, name=name)
    remember(run, entity=entity, project=project, name=name)
    return run


def get_run_in(actor: Actor, permission: Permission, *, project: Project, name: str) -> Run:
    """The run of this name in a project that is held for another purpose."""
    run = find_run(project, name)
    if run is None:
        raise _missing(project, name)
    return _passed(actor, permission, run)


def get_runs_in(actor: Actor, permission: Permission, *, project: Project, names: Iterable[str]) -> list[Run]:
    """All of these names in a project that is held for another purpose, in the order asked: in as many questions as of one."""
    key = open_key(NodeId(project.vault_node))
    wanted = {blind_index(key, NAME_LABEL, name.strip()): name for name in names}
    rows = Run.objects.filter(project=project, name_index__in=list(wanted), erased_at=None)
    found = {bytes(row.name_index): row for row in rows}
    for index, name in wanted.items():
        if index not in found:
            raise _missing(project, name)
        found[index].project = project
    runs = [found[index] for index in wanted]
    for run in _alike(actor, runs):
        _passed(actor, permission, run)
    return runs


def get_run_by_id(actor: Actor, permission: Permission, *, public_id: str) -> Run:
    """The run with this opaque id, for this purpose."""
    run = None
    if is_public_id(public_id):
        # One that is closed for a moment too: whoever brings its files is told to ask again, and not that it is gone.
        run = Run.everything.select_related("project__entity").filter(public_id=public_id).first()
    if run is None:
        raise NotFound(_NO_RUN)
    return _passed(actor, permission, run)


def require_run(actor: Actor, permission: Permission, run: Run) -> None:
    """Pass for whoever may do this to a run that what lies in it led to; else it is not there, or not theirs."""
    _passed(actor, permission, run)


def _passed(actor: Actor, permission: Permission, run: Run) -> Run:
    if run.erased_at is not None and not run.is_back_soon:
        raise NotFound(_NO_RUN)
    try:
        require(actor, permission, run.project, what="run", is_own=_is_own(actor, run))
    except NotFound:
        raise NotFound(_NO_RUN) from None
    if run.erased_at is not None:
        raise BackSoon
    return run


def may_do(actor: Actor, permission: Permission, run: Run) -> bool:
    """May the actor do this to a run that is held already? For pages that offer what they may."""
    return may(actor, permission, run.project, is_own=_is_own(actor, run))


def where_may_do(actor: Actor, permission: Permission, runs: Iterable[Run]) -> list[Run]:
    """Those of these runs to which the actor may do this, the gate asked once for all that are alike."""
    runs = list(runs)
    held = {_likeness(actor, run) for run in _alike(actor, runs) if may_do(actor, permission, run)}
    return [run for run in runs if _likeness(actor, run) in held]


def _alike(actor: Actor, runs: Iterable[Run]) -> list[Run]:
    """One of all those of which the gate says the same: of one project, and all the actor's own or all of others."""
    return list({_likeness(actor, run): run for run in runs}.values())


def _likeness(actor: Actor, run: Run) -> tuple[int, bool]:
    return run.project_id, _is_own(actor, run)


def last_seen_run(actor: Actor, *, entity: Entity | None = None) -> Run | None:
    """The newest run that the actor started, or that any of an entity's people did, if they may see it.

    Also one in a project of others, whose record then says who looked.
    """
    whose = Q(project__entity=entity) if entity is not None else Q(created_by_id=actor.user_id)
    newest = Run.objects.filter(whose).select_related("project__entity").order_by("-id")[:_NEWEST]
    return next((run for run in newest if readable(actor, [run.project])), None)


def _is_own(actor: Actor, run: Run) -> bool:
    return actor.user_id is not None and run.created_by_id == actor.user_id


def runs_in(project: Project, *, public_ids: Iterable[str]) -> list[Run]:
    """Those of these runs that are in a project that is held already, in the order asked."""
    wanted = [public_id for public_id in public_ids if is_public_id(public_id)]
    rows = Run.objects.select_related("project__entity").filter(project=project, public_id__in=wanted)
    found = {run.public_id: run for run in rows}
    return [found[public_id] for public_id in dict.fromkeys(wanted) if public_id in found]


def runs_among(projects: Iterable[Project], public_ids: Iterable[str]) -> list[Run]:
    """Those of these runs that lie in projects which are held already, in no order."""
    wanted = {each for each in public_ids if is_public_id(each)}
    rows = Run.objects.select_related("project__entity")
    return list(rows.filter(project__in=list(projects), public_id__in=wanted)) if wanted else []


def run_version(run: Run) -> int | None:
    """The present version of a run that is held already; None when it is gone."""
    return Run.objects.filter(pk=run.pk).values_list("version", flat=True).first()


def count_runs(projects: Iterable[Project]) -> dict[int, RunCount]:
    """How many runs each of these projects has and how many of them run now, by the project's key.

    Two questions, each of which an index answers alone; as one it would read every row of a run that ended long ago.
    """
    runs = Run.objects.filter(project__in=list(projects)).order_by().values("project_id")
    totals = runs.annotate(n=Count("pk")).values_list("project_id", "n")
    running = dict(runs.filter(state=RunState.RUNNING).annotate(n=Count("pk")).values_list("project_id", "n"))
    return {pk: RunCount(total=total, running=running.get(pk, 0)) for pk, total in totals}


def newest_with_history(projects: Iterable[Project]) -> dict[int, Run]:
    """Of each project's last runs the newest with a line to draw, by the project's key: one question."""
    last = Run.objects.filter(project=OuterRef(OuterRef("pk"))).order_by("-id").values("pk")
    drawable = Run.objects.filter(pk__in=last[:_LAST_RUNS], history_lines__gt=1).order_by("-id").values("pk")
    newest = (
        Project.objects.filter(pk__in=[project.pk for project in projects])
        .annotate(newest=Subquery(drawable[:1]))
        .values("newest")
    )
    rows = Run.objects.select_related("project__entity").filter(pk__in=newest)
    return {row.project_id: row for row in rows}


def newest_heads(project: Project, most: int) -> list[Head]:
    """What the project's last runs are called, the newest first, without opening anything else of them."""
    rows = list(
        Run.objects.filter(project=project)
        .order_by("-id")
        .values_list("uuid", "vault_node", "sealed_head")[:most]
    )
    keys = open_keys(NodeId(node) for _, node, _ in rows)
    found = []
    for uuid, node, sealed in rows:
        if (key := keys.get(NodeId(node))) is None:
            continue
        try:
            found.append(
                Head.from_json(jsontext.loads(unseal(key, bytes(sealed), label=HEAD_LABEL, row=uuid)))
            )
        except Tampered as error:
            leave_out(error)
    return found


def heads_of(runs: Iterable[Run]) -> dict[int, Head]:
    """By the run's row what each is called, with one question to the vault. Those whose key is erased are left out."""
    rows, found = list(runs), {}
    keys = open_keys(NodeId(row.vault_node) for row in rows)
    for row in rows:
        if (key := keys.get(NodeId(row.vault_node))) is None:
            continue
        try:
            text = unseal(key, bytes(row.sealed_head), label=HEAD_LABEL, row=row.uuid)
        except Tampered as error:
            leave_out(error)
            continue
        found[row.pk] = Head.from_json(jsontext.loads(text))
    return found


def open_run(run: Run) -> OpenRun:
    return open_with(run, run_key(run))


def open_runs(runs: Iterable[Run]) -> list[OpenRun]:
    """Unseal the words of these runs with one question to the vault. Those whose key is erased are left out."""
    return list(open_each(runs))


def open_each(runs: Iterable[Run]) -> Iterator[OpenRun]:
    """The same, each when it is taken."""
    rows = list(runs)
    keys = open_keys(NodeId(row.vault_node) for row in rows)
    for row in rows:
        if (key := keys.get(NodeId(row.vault_node))) is None:
            continue
        try:
            yield open_with(row, key)
        except Tampered as error:
            leave_out(error)


def open_with(run: Run, key: OpenKey) -> OpenRun:
    """Unseal a run's words with a key that is open already."""
    return OpenRun(
        run=run,
        head=Head.from_json(
            jsontext.loads(unseal(key, bytes(run.sealed_head), label=HEAD_LABEL, row=run.uuid))
        ),
        config_text=_text_or_empty(key, run.sealed_config, run, CONFIG_LABEL),
        summary_text=_text_or_empty(key, run.sealed_summary, run, SUMMARY_LABEL),
    )


def opened_configs(pks: Collection[int]) -> Iterator[tuple[int, str]]:
    """The config of each of these runs beside its row's number, as it is stored; some hundred with one question each way."""
    ordered = sorted(pks)
    for start in range(0, len(ordered), _CONFIGS_AT_ONCE):
        rows = Run.objects.filter(pk__in=ordered[start : start + _CONFIGS_AT_ONCE])
        held = list(rows.only("uuid", "vault_node", "sealed_config"))
        keys = open_keys(NodeId(row.vault_node) for row in held)
        for row in held:
            if (key := keys.get(NodeId(row.vault_node))) is None:
                continue
            try:
                yield row.pk, _text_or_empty(key, row.sealed_config, row, CONFIG_LABEL)
            except Tampered as error:
                leave_out(error)


def _text_or_empty(key: OpenKey, sealed: bytes | memoryview | None, run: Run, label: str) -> str:
    return unseal_text(key, bytes(sealed), label=label, row=run.uuid) if sealed is not None else "{}"
