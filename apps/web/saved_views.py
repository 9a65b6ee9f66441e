"""Saved views on pages: what the address of a project's page says of its table, kept and led to again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from apps.projects.saved_views import named_views, pairs_of
from apps.projects.types import TABLE_WORDS
from apps.web.links import project_url

if TYPE_CHECKING:
    from django.http import QueryDict

    from apps.projects.types import OpenProject, OpenView, Table
    from apps.web.request import Request

# Which view was opened last, in the address of the page: what may be saved to it again.
OPENED = "view"


def table_in(query: QueryDict) -> Table:
    """What an address, or a form that was sent, says of the table."""
    return {word: query.getlist(word) for word in TABLE_WORDS if word in query}


def pairs_in(query: QueryDict) -> list[tuple[str, str]]:
    """The same for the hidden fields of a form."""
    return [(word, text) for word, texts in table_in(query).items() for text in texts if text]


def table_url(opened: OpenProject, view: OpenView) -> str:
    """The page as it was when the view was saved."""
    query = urlencode([*pairs_of(view.table), (OPENED, view.public_id)])
    return f"{project_url(opened.entity, opened.name)}?{query}"


def menu_of(request: Request, opened: OpenProject) -> dict[str, Any]:
    """What the menu above the table lists, which of it is open, and what would be saved now."""
    views = named_views(opened.project)
    asked = request.GET.get(OPENED, "")
    return {
        "views": views,
        "open_view": next((each for each in views if each.public_id == asked), None),
        "to_save": pairs_in(request.GET),
    }
