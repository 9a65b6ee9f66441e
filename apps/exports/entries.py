"""Which files lie where in an archive, as each of its pieces has it noted: content, and sealed under the export's key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple

import orjson

from apps.exports.models import Export, ExportPiece
from apps.exports.types import Entry, LeftOut
from apps.exports.zipping import moved
from apps.vault.errors import KeyGone
from apps.vault.seal import seal, unseal
from apps.vault.tree import open_key
from apps.vault.types import NodeId

ENTRIES_LABEL = "export_piece.entries"


def sealed_entries(
    export: Export, piece: ExportPiece, entries: Sequence[Entry], left_out: Sequence[LeftOut]
) -> bytes:
    said = [[astuple(each) for each in entries], [astuple(each) for each in left_out]]
    key = open_key(NodeId(export.vault_node))
    return seal(key, orjson.dumps(said), label=ENTRIES_LABEL, row=piece.uuid)


def entries_of(export: Export) -> Iterator[Entry]:
    """All files of the archive as they lie in it, a piece in memory at a time."""
    start = 0
    for piece, entries, _left_out in _opened(export):
        yield from (moved(entry, start) for entry in entries)
        start += piece.size


def left_out_of(export: Export) -> Iterator[LeftOut]:
    for _piece, _entries, left_out in _opened(export):
        yield from left_out


def _opened(export: Export) -> Iterator[tuple[ExportPiece, Sequence[Entry], Sequence[LeftOut]]]:
    key = open_key(NodeId(export.vault_node))
    rows = ExportPiece.objects.filter(export=export)
    # Each by itself: where connections are pooled, `iterator` has the database hand over all of them at once.
    for pk in list(rows.order_by("number").values_list("pk", flat=True)):
        piece = rows.filter(pk=pk).first()
        if piece is None:  # erased meanwhile
            raise KeyGone(export.vault_node)
        said = orjson.loads(unseal(key, bytes(piece.sealed_entries), label=ENTRIES_LABEL, row=piece.uuid))
        yield piece, [Entry(*each) for each in said[0]], [LeftOut(*each) for each in said[1]]
