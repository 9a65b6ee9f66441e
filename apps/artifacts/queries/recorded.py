from __future__ import annotations

from collections.abc import Iterable

from apps.artifacts.queries.versions import committed, open_versions
from apps.artifacts.types import OpenVersion
from apps.core.ids import is_public_id
from apps.projects.models import Project


def versions_among(projects: Iterable[Project], public_ids: Iterable[str]) -> list[OpenVersion]:
    """Those of these versions that lie in projects which are held already."""
    wanted = {each for each in public_ids if is_public_id(each)}
    if not wanted:
        return []
    rows = committed().filter(public_id__in=wanted, collection__project__in=list(projects))
    return open_versions(rows.select_related("collection__project__entity"))
