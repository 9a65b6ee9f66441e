"""Saved views of a project that was fetched with PROJECT_READ: which there are, and what each shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.translation import gettext as _

from apps.core import jsontext
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.projects.models import Project, SavedView
from apps.projects.types import OpenView
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import unseal, unseal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId

VIEW_NAME_LABEL = "saved_view.name"
VIEW_TABLE_LABEL = "saved_view.table"


def views_of(project: Project) -> list[OpenView]:
    """All of them, by name."""
    rows = SavedView.objects.filter(project=project).order_by("pk")
    return sorted(_opened(project, rows), key=lambda each: (each.name.casefold(), each.name))


def count_views(project: Project) -> int:
    return SavedView.objects.filter(project=project).count()


def damaged_views(project: Project, damaged: Iterable[Tampered]) -> list[SavedView]:
    """Those that `views_of` left out: nobody knows any more what they showed, and they can be deleted."""
    labels = {VIEW_NAME_LABEL, VIEW_TABLE_LABEL}
    rows = [each.row for each in damaged if each.label in labels]
    return list(SavedView.objects.filter(project=project, uuid__in=rows).order_by("pk")) if rows else []


def get_view(project: Project, public_id: str) -> SavedView:
    """One of this project's, whether it opens or not."""
    rows = SavedView.objects.select_related("project__entity").filter(project=project)
    view = rows.filter(public_id=public_id).first() if is_public_id(public_id) else None
    if view is None:
        raise NotFound(_("There is no such view."))
    return view


def open_view(view: SavedView) -> OpenView:
    return _open(view, open_key(NodeId(view.project.vault_node)))


def _opened(project: Project, rows: Iterable[SavedView]) -> Iterator[OpenView]:
    found = list(rows)
    key = open_key(NodeId(project.vault_node)) if found else None
    for row in found:
        assert key is not None
        try:
            yield _open(row, key)
        except Tampered as error:
            leave_out(error)


def _open(row: SavedView, key: OpenKey) -> OpenView:
    name = unseal_text(key, bytes(row.sealed_name), label=VIEW_NAME_LABEL, row=row.uuid)
    table = jsontext.loads(unseal(key, bytes(row.sealed_table), label=VIEW_TABLE_LABEL, row=row.uuid))
    return OpenView(row, name, table)


def names_of_views(projects: Iterable[Project], public_ids: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    """Of those of these views that are there, in projects that were fetched: id, project and name."""
    wanted = {each for each in public_ids if is_public_id(each)}
    held = {project.pk: project for project in projects}
    if not wanted or not held:
        return
    rows = SavedView.objects.filter(project__in=held, public_id__in=wanted)
    for row in rows:
        try:
            yield (
                row.public_id,
                row.project_id,
                _open(row, open_key(NodeId(held[row.project_id].vault_node))).name,
            )
        except Tampered as error:
            leave_out(error)
