"""Where things lie in an archive."""

from __future__ import annotations

from apps.artifacts.types import OpenCollection
from apps.exports.names import folder
from apps.projects.models import Project
from apps.projects.queries import open_project
from apps.runs.models import Run


def project_folder(project: Project) -> str:
    return f"projects/{folder(open_project(project).name, project.public_id)}"


def run_folder(above: str, run: Run, name: str) -> str:
    return f"{above}/runs/{folder(name, run.public_id)}"


def collection_folder(above: str, opened: OpenCollection) -> str:
    row = opened.collection
    # A type has no id; what it is found by tells types apart, and their names not.
    of_type = folder(opened.type_name, bytes(row.type_index).hex())
    return f"{above}/artifacts/{of_type}/{folder(opened.name, row.public_id)}"
