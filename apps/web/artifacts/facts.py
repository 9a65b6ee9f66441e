"""What the margin of a version says: who made it and who read it, how long it is kept, how a script takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.artifacts.queries import made_by, used_by
from apps.artifacts.queries.lives import end_of
from apps.web.artifacts.ledger import run_links
from apps.web.previews import Preview, tree_in

if TYPE_CHECKING:
    from apps.accounts.actors import Actor
    from apps.artifacts.types import OpenVersion
    from apps.projects.types import OpenProject

_MOST_READERS = 50


def facts_of(actor: Actor, opened: OpenVersion, place: OpenProject) -> dict[str, Any]:
    row = opened.version
    maker, readers = made_by(actor, row), used_by(actor, row)
    shown = readers[:_MOST_READERS]
    links = run_links([*shown, *([maker] if maker is not None else [])])
    return {
        "maker": links.get(maker.pk) if maker is not None else None,
        "readers": [links[run.pk] for run in shown if run.pk in links],
        "more_readers": len(readers) - len(shown),
        "ends": end_of(row),
        "ends_by_rule": row.ttl_seconds is None,
        "metadata": _metadata(opened.words.metadata_text),
        "full_name": f"{place.entity}/{place.name}/{opened.name}",
    }


def _metadata(text: str | None) -> Preview | None:
    return tree_in(text) if text else None
