"""Every field that is more than a key of its source, gathered from the files of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.wandb_protocol.graphql import (
    api_keys,
    entities,
    files,
    history,
    log_lines,
    projects,
    resume,
    run_acts,
    run_lists,
    runs,
    server_info,
    upsert_bucket,
    viewer,
)

Resolver = Callable[..., Any]

RESOLVERS: dict[str, Resolver] = {
    **api_keys.FIELDS,
    **entities.FIELDS,
    **files.FIELDS,
    **history.FIELDS,
    **log_lines.FIELDS,
    **projects.FIELDS,
    **resume.FIELDS,
    **run_acts.FIELDS,
    **run_lists.FIELDS,
    **runs.FIELDS,
    **server_info.FIELDS,
    **upsert_bucket.FIELDS,
    **viewer.FIELDS,
}
