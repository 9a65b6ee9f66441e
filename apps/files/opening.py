"""Names of many files at once: they are sealed, so whoever counts by name opens them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from apps.files.models import RunFile
from apps.files.queries import NAME_LABEL
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.seal import unseal_text
from apps.vault.tree import open_keys
from apps.vault.types import NodeId

MOST_LOOKED_AT = 20_000  # the newest; each takes some microseconds
_AT_ONCE = 1_000


def opened_names(stored: QuerySet[RunFile], column: str) -> Iterator[tuple[str, Any]]:
    """The name of each of the newest files, with a column of its row; what is damaged is left out and said to be."""
    newest = stored.order_by("-id").values_list("run__vault_node", "uuid", "sealed_name", column)
    for start in range(0, MOST_LOOKED_AT, _AT_ONCE):
        rows = list(newest[start : min(start + _AT_ONCE, MOST_LOOKED_AT)])
        keys = open_keys(NodeId(node) for node, *_ in rows)
        for node, uuid, sealed, value in rows:
            if (key := keys.get(NodeId(node))) is None:
                continue
            try:
                yield unseal_text(key, bytes(sealed), label=NAME_LABEL, row=uuid), value
            except Tampered as error:
                leave_out(error)
        if len(rows) < _AT_ONCE:
            return
