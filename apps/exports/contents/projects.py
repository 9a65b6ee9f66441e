from __future__ import annotations

from typing import Any

from apps.access.policy import Permission
from apps.accounts.actors import Actor
from apps.exports.contents.places import project_folder
from apps.exports.contents.texts import json_file, moment
from apps.exports.types import Content, LeftOut
from apps.projects.gate import may
from apps.projects.models import Project
from apps.projects.queries import named_people, open_project
from apps.projects.saved_views import damaged_views, views_of
from apps.projects.types import OpenView
from apps.vault.damage import leaving_out_damaged


def project_files(pk: int, asker: Actor) -> Content:
    """What is said of a project and of who may see it."""
    project = Project.objects.select_related("entity").filter(pk=pk).first()
    if project is None:
        yield LeftOut("projects", "erased")
        return
    opened = open_project(project)
    said: dict[str, Any] = {
        "id": project.public_id,
        "name": opened.name,
        "entity": opened.entity,
        "description": opened.description,
        "visibility": opened.visibility.value,
        "visibility_chosen": project.visibility,
        "run_retention": project.run_retention or None,
        "runs_made": project.runs_made,
        "created_at": moment(project.created_at),
        "last_activity_at": moment(project.last_activity_at),
    }
    if asker.is_at_the_machine or may(asker, Permission.PROJECT_SHARE, project):
        said["people"] = [
            {"name": each.username, "role": each.role.value, "since": moment(each.since)}
            for each in named_people(project)
        ]
    yield json_file(f"{project_folder(project)}/project.json", project.last_activity_at, lambda: said)
    yield from _views(project)


def _views(project: Project) -> Content:
    """How its table was looked at. One that does not open keeps nobody from the others."""
    path = f"{project_folder(project)}/views.json"
    with leaving_out_damaged() as damaged:
        views = views_of(project)
    if views:
        at = max(each.view.changed_at for each in views)
        yield json_file(path, at, lambda: [_view(each) for each in views])
    for row in damaged_views(project, damaged):
        yield LeftOut(f"{path}: view {row.public_id}", "damaged")


def _view(opened: OpenView) -> dict[str, Any]:
    return {
        "id": opened.public_id,
        "name": opened.name,
        "table": opened.table,
        "created_at": moment(opened.view.created_at),
        "changed_at": moment(opened.view.changed_at),
    }
