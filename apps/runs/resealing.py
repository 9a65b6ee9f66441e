"""A run gets another key: everything that lies under its old one is sealed again, in one transaction of whoever gives it.

Apps above say which of their rows lie under a run (`lies_under_a_run`), as they say in privacy.py what is sealed. What
cannot be opened stays as it is: it could not be read before, either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from apps.runs.history.pieces import CHUNK_LABEL, FACTS_LABEL, open_chunk, seal_chunk
from apps.runs.models import Chunk, Run, Segment
from apps.runs.queries import CONFIG_LABEL, HEAD_LABEL, KEYS_LABEL, SUMMARY_LABEL
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import blind_index, seal, unseal

# From the opened fields of a row, by their names, to what its blind index is of.
Named = Callable[[Mapping[str, bytes]], str]
# What becomes of the opened bytes of one field, or of a chunk's lines.
Change = Callable[[bytes], bytes]
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Index:
    """A blind index under the run's key."""

    field: str
    label: str
    named: Named


@dataclass(frozen=True, slots=True)
class UnderRun:
    """Which fields of a model with a foreign key `run` are sealed under the run's key, each with its label."""

    model: type[Model]
    labels: Mapping[str, str]
    indexes: Sequence[Index] = ()

    @property
    def fields(self) -> set[str]:
        return {*self.labels, *(each.field for each in self.indexes)}


_registered: dict[type[Model], UnderRun] = {}
# Of the run's own row; a chunk's payload has its place beside its label.
OF_RUN = {
    "sealed_head": HEAD_LABEL,
    "sealed_config": CONFIG_LABEL,
    "sealed_summary": SUMMARY_LABEL,
    "sealed_keys": KEYS_LABEL,
}
OWN = {Chunk: {"payload": CHUNK_LABEL}, Segment: {"sealed_facts": FACTS_LABEL}, Run: OF_RUN}


def lies_under_a_run(model: type[Model], labels: Mapping[str, str], *indexes: Index) -> None:
    """Said once by the app that owns the model, when it is ready."""
    _registered[model] = UnderRun(model, labels, indexes)


def under_a_run() -> list[UnderRun]:
    return list(_registered.values())


def reseal(
    run: Run,
    old: OpenKey,
    new: OpenKey,
    *,
    lines: Callable[[Chunk, bytes], bytes],
    words: Mapping[str, Change],
) -> None:
    """Seal under `new` what lies under `old`: chunks with what `lines` makes of their payload, the run's own fields with
    what `words` makes of them. For a transaction in which the run's row is held and nobody else may write to it; the run's own row is not
    saved here.

    Rows that are being erased are left out (no default manager finds them), and go with the old key.
    """
    for name, label in OF_RUN.items():
        sealed = getattr(run, name)
        if sealed is not None and (opened := _opened(old, sealed, label, run)) is not None:
            change = words.get(name)
            setattr(run, name, seal(new, change(opened) if change else opened, label=label, row=run.uuid))
    _reseal_chunks(run, old, new, lines)
    facts = UnderRun(Segment, OWN[Segment])
    for each in (facts, *_registered.values()):
        _reseal_rows(each, run, old, new)


def _reseal_chunks(run: Run, old: OpenKey, new: OpenKey, lines: Callable[[Chunk, bytes], bytes]) -> None:
    for batch in _batches(Chunk, run):
        for chunk in batch:
            try:
                payload = open_chunk(chunk, old)
            except Tampered as error:
                leave_out(error)
                continue
            seal_chunk(chunk, new, lines(chunk, payload))
        Chunk.objects.bulk_update(batch, ["payload", "stored_bytes"])


def _reseal_rows(under: UnderRun, run: Run, old: OpenKey, new: OpenKey) -> None:
    for batch in _batches(under.model, run):
        for row in batch:
            _reseal_row(under, row, old, new)
        under.model._default_manager.bulk_update(batch, sorted(under.fields))


def _reseal_row(under: UnderRun, row: Any, old: OpenKey, new: OpenKey) -> None:
    held = {name: sealed for name in under.labels if (sealed := getattr(row, name)) is not None}
    opened = {name: _opened(old, sealed, under.labels[name], row) for name, sealed in held.items()}
    known = {name: value for name, value in opened.items() if value is not None}
    for name, value in known.items():
        setattr(row, name, seal(new, value, label=under.labels[name], row=row.uuid))
    for index in under.indexes if len(known) == len(held) else ():
        setattr(row, index.field, blind_index(new, index.label, index.named(known)))


def _opened(key: OpenKey, sealed: Any, label: str, row: Any) -> bytes | None:
    try:
        return unseal(key, sealed, label=label, row=row.uuid)
    except Tampered as error:
        leave_out(error)
        return None


def _batches(model: type[Model], run: Run) -> Iterator[Sequence[Any]]:
    last = 0
    while batch := list(model._default_manager.filter(run=run, pk__gt=last).order_by("pk")[:_AT_ONCE]):
        yield batch
        last = batch[-1].pk


def text_of(name: str) -> Named:
    """The index is of the text of this field."""
    return lambda opened: opened[name].decode("utf-8", "surrogatepass")
