"""Saved views: how somebody looked at the runs of a project, kept for others. The project was fetched with PROJECT_WRITE."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Sequence
from urllib.parse import urlencode

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.actors import Actor
from apps.audit.events import EventKind
from apps.core import clock, jsontext
from apps.core.errors import Conflict, Invalid, NotFound, TooMuch
from apps.projects.models import Project, SavedView
from apps.projects.queries import locked_project
from apps.projects.saved_views import VIEW_NAME_LABEL, VIEW_TABLE_LABEL, count_views, named_views, pairs_of
from apps.projects.services.projects import note
from apps.projects.types import (
    LONGEST_VIEW_NAME,
    MOST_BROUGHT_VIEW_BYTES,
    MOST_VIEW_BYTES,
    MOST_VIEWS,
    TABLE_WORDS,
    PastView,
    Table,
)
from apps.vault.damage import leaving_out_damaged
from apps.vault.keys import OpenKey
from apps.vault.seal import seal_text
from apps.vault.tree import open_key
from apps.vault.types import NodeId


@transaction.atomic
def save_view(project: Project, *, name: str, table: Table, by: Actor) -> SavedView:
    """What the table of a project shows, under a name. Conflict for a name in use, TooMuch where there are many already."""
    name, words = _clean_name(name), _clean_table(table)
    project = locked_project(project)  # so that two at once are not one too many
    if project.is_registry:
        raise Invalid(_("A registry has no table of runs."))
    if count_views(project) >= MOST_VIEWS:
        raise TooMuch(_("A project has at most %(n)d saved views. Delete one first.") % {"n": MOST_VIEWS})
    _require_free(project, name)
    view = SavedView(uuid=uuid.uuid4(), project=project)
    _seal(view, open_key(NodeId(project.vault_node)), name=name, words=words)
    view.save(force_insert=True)
    note(EventKind.VIEW_SAVED, project, by=by, view=view.public_id)
    return view


@transaction.atomic
def change_view(view: SavedView, *, by: Actor, name: str | None = None, table: Table | None = None) -> None:
    """Call a view that is held otherwise, or have it show something else. None leaves what it is."""
    name = None if name is None else _clean_name(name)
    words = None if table is None else _clean_table(table)
    if name is None and words is None:
        return
    project = locked_project(view.project)
    # Of one that was deleted meanwhile nothing comes back.
    if not SavedView.objects.filter(pk=view.pk).exists():
        raise NotFound(_("There is no such view."))
    if name is not None:
        _require_free(project, name, but=view)
    _seal(view, open_key(NodeId(project.vault_node)), name=name, words=words)
    view.changed_at = clock.now()
    changed = [field for field, new in (("sealed_name", name), ("sealed_table", words)) if new is not None]
    view.save(update_fields=[*changed, "changed_at"])
    note(EventKind.VIEW_CHANGED, project, by=by, view=view.public_id)


@transaction.atomic
def delete_view(view: SavedView, *, by: Actor) -> None:
    """Twice changes nothing."""
    locked_project(view.project)  # whoever changes it is waited for
    gone, _by_model = SavedView.objects.filter(pk=view.pk).delete()
    if gone:
        note(EventKind.VIEW_DELETED, view.project, by=by, view=view.public_id)


def bring_views(project: Project, views: Sequence[PastView]) -> None:
    """Those that a project had elsewhere, in the transaction that brings it. What no view here may be is Invalid or TooMuch."""
    if len(views) > MOST_VIEWS:
        raise TooMuch(_("A project has at most %(n)d saved views.") % {"n": MOST_VIEWS})
    key, names = open_key(NodeId(project.vault_node)), set[str]()
    for was in views:
        name, words = _clean_name(was.name), _clean_table(was.table, is_brought=True)
        if name in names:
            raise Invalid(_("There is a view of this name already."))
        names.add(name)
        view = SavedView(
            uuid=uuid.uuid4(),
            project=project,
            created_at=was.created_at,
            changed_at=was.changed_at,
        )
        _seal(view, key, name=name, words=words)
        view.save(force_insert=True)


def _seal(view: SavedView, key: OpenKey, *, name: str | None, words: str | None) -> None:
    if name is not None:
        view.sealed_name = seal_text(key, name, label=VIEW_NAME_LABEL, row=view.uuid)
    if words is not None:
        view.sealed_table = seal_text(key, words, label=VIEW_TABLE_LABEL, row=view.uuid)


def _require_free(project: Project, name: str, *, but: SavedView | None = None) -> None:
    with leaving_out_damaged():
        others = [each for each in named_views(project) if but is None or each.view.pk != but.pk]
    if name in {each.name for each in others}:
        raise Conflict(_("There is a view of this name already."))


def _clean_name(name: str) -> str:
    name = unicodedata.normalize("NFC", name).strip()
    if not name:
        raise Invalid(_("The view needs a name."))
    if len(name) > LONGEST_VIEW_NAME:
        raise Invalid(_("The name of a view has at most %(n)d characters.") % {"n": LONGEST_VIEW_NAME})
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name):
        raise Invalid(_("The name of a view has no control characters."))
    return name


def _clean_table(table: Table, *, is_brought: bool = False) -> str:
    """As it is kept: each word once and in one order, so that the same is the same; what is empty says nothing."""
    unknown = sorted(set(table) - set(TABLE_WORDS))
    if unknown:
        raise Invalid(
            _("A view says nothing of “%(word)s”. It knows %(words)s.")
            % {"word": unknown[0][:40], "words": ", ".join(TABLE_WORDS)}
        )
    said = {word: [text for text in table.get(word, ()) if text.strip()] for word in TABLE_WORDS}
    if not all(_is_text(text) for texts in said.values() for text in texts):
        raise Invalid(_("What a view shows is not valid Unicode."))
    words = jsontext.dumps({word: texts for word, texts in said.items() if texts})
    if len(words.encode()) > MOST_BROUGHT_VIEW_BYTES:
        raise TooMuch(
            _("A view says at most %(n)d KiB: fewer conditions, columns or chosen runs, please.")
            % {"n": MOST_BROUGHT_VIEW_BYTES // 1024}
        )
    # What was kept elsewhere already comes whole, however its letters are spelled in an address.
    if not is_brought and len(urlencode(pairs_of(said))) > MOST_VIEW_BYTES:
        raise TooMuch(
            _(
                "A view takes at most %(n)d KiB in an address, where a letter of most scripts takes six to twelve bytes: fewer or "
                "shorter conditions, columns or chosen runs, please."
            )
            % {"n": MOST_VIEW_BYTES // 1024}
        )
    return words


def _is_text(text: str) -> bool:
    """Half a surrogate pair stands in no address."""
    return "\0" not in text and not any(unicodedata.category(letter) == "Cs" for letter in text)
