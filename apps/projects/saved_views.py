"""Saved views of a project that was fetched with PROJECT_READ: which there are, and what each shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from django.utils.translation import gettext as _

from apps.code_saving.credentials import find
from apps.core import jsontext
from apps.core.errors import NotFound
from apps.core.ids import is_public_id
from apps.projects.models import Project, SavedView
from apps.projects.types import TABLE_WORDS, NamedView, OpenView, Table
from apps.vault.damage import leave_out
from apps.vault.errors import Tampered
from apps.vault.keys import OpenKey
from apps.vault.seal import unseal, unseal_text
from apps.vault.tree import open_key, open_keys
from apps.vault.types import NodeId

VIEW_NAME_LABEL = "saved_view.name"
VIEW_TABLE_LABEL = "saved_view.table"
_View = TypeVar("_View", bound=NamedView)


def views_of(project: Project) -> list[OpenView]:
    """All of them, by name, with what they show."""
    return _by_name(project, _open)


def named_views(project: Project) -> list[NamedView]:
    """All of them, by name: for a list that says no more of them."""
    return _by_name(project, _named)


def count_views(project: Project) -> int:
    return SavedView.objects.filter(project=project).count()


def secrets_in_views(project: Project) -> int:
    """How many values that look like secrets are quoted by them."""
    said = ([each.name, *(text for _word, text in pairs_of(each.table))] for each in views_of(project))
    return sum(1 for texts in said for text in texts for _found in find(text.encode()))


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


def pairs_of(table: Table) -> list[tuple[str, str]]:
    """As they stand in an address. Of words that this version does not know it makes nothing."""
    return [(word, text) for word in TABLE_WORDS for text in table.get(word, ())]


def _by_name(project: Project, opened: Callable[[SavedView, OpenKey], _View]) -> list[_View]:
    rows = list(SavedView.objects.filter(project=project).order_by("pk"))
    if not rows:
        return []
    key = open_key(NodeId(project.vault_node))
    found: list[_View] = []
    for row in rows:
        try:
            found.append(opened(row, key))
        except Tampered as error:
            leave_out(error)
    return sorted(found, key=lambda each: (each.name.casefold(), each.name))


def _named(row: SavedView, key: OpenKey) -> NamedView:
    return NamedView(row, _name(row, key))


def _name(row: SavedView, key: OpenKey) -> str:
    return unseal_text(key, bytes(row.sealed_name), label=VIEW_NAME_LABEL, row=row.uuid)


def _open(row: SavedView, key: OpenKey) -> OpenView:
    name = _name(row, key)
    table = jsontext.loads(unseal(key, bytes(row.sealed_table), label=VIEW_TABLE_LABEL, row=row.uuid))
    return OpenView(row, name, table)


def names_of_views(projects: Iterable[Project], public_ids: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    """Of those of these views that are there, in projects that were fetched: id, project and name. One whose project has just gone has none."""
    wanted = {each for each in public_ids if is_public_id(each)}
    held = {project.pk: project for project in projects}
    if not wanted or not held:
        return
    rows = list(SavedView.objects.filter(project__in=held, public_id__in=wanted))
    keys = open_keys({NodeId(held[row.project_id].vault_node) for row in rows})
    for row in rows:
        key = keys.get(NodeId(held[row.project_id].vault_node))
        if key is None:
            continue
        try:
            name = _name(row, key)
        except Tampered as error:
            leave_out(error)
            continue
        yield row.public_id, row.project_id, name
