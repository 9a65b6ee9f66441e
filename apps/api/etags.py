"""Entity tags of things that can be changed: from their version, so that telling one costs nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from apps.api.request import ApiRequest
from apps.projects.gate import visibilities_of

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.runs.models import Run

T = TypeVar("T")
_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def run_tag(run: Run) -> str:
    return f'"{run.version}"'


def project_tag(project: Project) -> str:
    """Of the sealed fields as they lie there: sealing the same words again gives others."""
    facts = (
        bytes(project.sealed_name),
        bytes(project.sealed_description or b""),
        project.visibility.encode(),
        visibilities_of([project])[
            project.pk
        ].encode(),  # an organisation changes it without touching the row
        project.last_activity_at.isoformat().encode(),
    )
    return f'"{hashlib.sha256(b"|".join(facts)).hexdigest()[:20]}"'


def is_known(request: ApiRequest, tag: str) -> bool:
    """Has the sender this version already (If-None-Match)?"""
    header = request.headers.get("If-None-Match", "")
    return header.strip() == "*" or tag in {each.removeprefix("W/") for each in _tags(header)}


def only_if(request: ApiRequest, tag_of: Callable[[T], str]) -> Callable[[T], bool] | None:
    """The condition that If-Match puts on a change; None when it puts none."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    tags = _tags(header)
    return lambda thing: tag_of(thing) in tags


def _tags(header: str) -> set[str]:
    return {found.group() for found in _TAG.finditer(header)}
