from __future__ import annotations

from typing import Any

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.models import Project
from apps.projects.services import get_or_create_project
from apps.runs.models import Run
from apps.runs.services import start_run
from apps.runs.types import RunPatch


def project(entity: str, name: str, *, by: User) -> Project:
    return get_or_create_project(Actor.person(by), entity=entity, name=name)


def run(place: Project, name: str, *, by: User, **patch: Any) -> Run:
    opened, _ = start_run(place, name=name, by=Actor.person(by), patch=RunPatch(**patch))
    return opened.run
