"""Where a run was found before: a hint, which must agree with what the database says now.

A run is found by three names, each hidden under the key above it: six questions, one after the other. Whoever posts lines
asks for the same run each second, so a process remembers which row it was. With that, rows and keys come by two questions,
and the names are compared with theirs. Nothing that was decided is remembered: who may do what is asked each time.
"""

from __future__ import annotations

import hashlib
import os

from apps.accounts.names import as_stored
from apps.core.rows import find_row
from apps.projects.queries import NAME_LABEL as PROJECT_NAME_LABEL
from apps.runs.models import Run
from apps.vault.seal import blind_index
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

NAME_LABEL = "run.name"
_MOST_REMEMBERED = 20_000
# Names are content: what is remembered of them nobody can read, nor guess who does not know this process's secret.
_secret = os.urandom(32)
_remembered: dict[bytes, int] = {}


def remember(run: Run, *, entity: str, project: str, name: str) -> None:
    """Note under which names this run was just found."""
    if len(_remembered) >= _MOST_REMEMBERED:
        _remembered.clear()
    _remembered[_digest(entity, project, name)] = run.pk


def find_again(*, entity: str, project: str, name: str) -> Run | None:
    """The run of these names with its project and entity, if it still is the one that was remembered. Unchecked."""
    pk = _remembered.get(_digest(entity, project, name))
    if pk is None:
        return None
    run = find_row(Run, along=("project", "project__entity"), without=("sealed_config", "sealed_head"), pk=pk)
    is_there = run is not None and run.erased_at is None and run.project.erased_at is None
    return run if run is not None and is_there and _is_called(run, entity, project, name) else None


def _is_called(run: Run, entity: str, project: str, name: str) -> bool:
    place, owner = run.project, run.project.entity
    nodes = NodeId(owner.vault_node), NodeId(place.vault_node), NodeId(run.vault_node)
    keys = open_keys(nodes)
    return (
        len(keys) == len(nodes)
        and owner.name == as_stored(entity)
        and bytes(place.name_index) == blind_index(keys[nodes[0]], PROJECT_NAME_LABEL, project.strip())
        and bytes(run.name_index) == blind_index(keys[nodes[1]], NAME_LABEL, name.strip())
    )


def _digest(*names: str) -> bytes:
    words = "\n".join(f"{len(name)} {name}" for name in names)
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), key=_secret, digest_size=16).digest()
