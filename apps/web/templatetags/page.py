from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.forms import BoundField
from django.template import Context
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import pgettext

from apps.accounts.providers import Offered, offered
from apps.core import clock
from apps.core.marks import without_turning
from apps.runs.defined import Definitions
from apps.web import figures, key_forms, places
from apps.web.custody import Audience, Scope, lock_sentence, way_here
from apps.web.machine import Measure, measure
from apps.web.markdown import marked_up
from apps.web.panels import MOST_DRAWN
from apps.web.plan_words import ACTS, PLANS, STATES
from apps.web.states import StateMark
from apps.web.trees import Node

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.projects.types import OpenProject
    from apps.web.runs_table import Cell, RunRow

register = template.Library()
_LONGEST_TITLE = 160


@register.simple_tag
@lru_cache(maxsize=256)  # a hundred rows show the same three
def icon(name: str) -> SafeString:
    return format_html('<svg class="i" aria-hidden="true"><use href="#{}"/></svg>', name)


@register.simple_tag
def comma() -> str:
    """Between the things of a list that a template writes one by one."""
    return pgettext("between the things of a list", ", ")


@register.simple_tag
def colon() -> str:
    return pgettext("between a name and what is said of it", ": ")


@register.filter
def markdown(text: str) -> SafeString:
    return marked_up(text)


@register.filter
def axis_of(definitions: Definitions | str, key: str) -> str:
    """Over which metric a script wants this one drawn; empty for the step."""
    return definitions.axis_of(key) if isinstance(definitions, Definitions) else ""


@register.simple_tag
def most_drawn() -> int:
    """How many runs a panel may hold, for the scripts."""
    return MOST_DRAWN


@register.inclusion_tag("components/field.html")
def field(bound: BoundField, label: str, hint: str = "", **attributes: str) -> dict[str, Any]:
    """A form field with its label, hint and errors, tied together for screen readers."""
    described = [f"{bound.auto_id}-error"] if bound.errors else []
    described += [f"{bound.auto_id}-hint"] if hint and not bound.errors else []
    attrs: dict[str, str | bool] = {
        "class": "input",
        "placeholder": "",
        **{key: value for key, value in attributes.items() if value},
    }
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return {"field": bound, "label": label, "hint": hint, "widget": bound.as_widget(attrs=attrs)}


@register.inclusion_tag("components/badge.html", takes_context=True)
def badge(context: Context, opened: OpenProject) -> dict[str, Any]:
    """Who can see the project; for a team's, how many people that is."""
    audience: Audience = context["audience"]
    return {"visibility": opened.visibility, "people": audience.people(opened)}


@register.inclusion_tag("components/owner.html", takes_context=True)
def owner(context: Context, project: Project) -> dict[str, Any]:
    """Whose the project is, with the way there unless there is none for the asker: of somebody who hides they find no page.

    For whoever came by a link, that they did: nothing else is shown to them.
    """
    audience: Audience = context["audience"]
    return {
        "name": project.entity.name,
        "is_guest": audience.is_guest(project),
        "is_hidden": audience.hides_owner(project),
    }


@register.inclusion_tag("components/lock.html", takes_context=True)
def lock(context: Context, scope: Scope) -> dict[str, Any]:
    """How what the page shows of a project or of a run is encrypted, in one sentence that is true of this request."""
    way = way_here(context["request"])
    return {"sentence": lock_sentence(scope, way), "is_open": way == "open"}


@register.filter(is_safe=True)
def in_title(text: str) -> str:
    """Words for the window's title, where no element can isolate them: without signs that turn what follows, and short."""
    plain = " ".join(without_turning(text).split())
    if len(plain) <= _LONGEST_TITLE:
        return plain
    # It is escaped by now: half of an escaped letter goes whole.
    return re.sub(r"&[^;]{0,8}\Z", "", plain[:_LONGEST_TITLE]) + "…"


@register.filter
def role_words(value: str) -> str:
    """A role in a team or an organisation as pages call it."""
    return places.role_words(value)


@register.filter
def plan_words(value: str) -> str:
    return str(PLANS[value])


@register.filter
def request_words(value: str) -> str:
    """The state of a request for a free team."""
    return str(STATES[value])


@register.filter
def act_words(value: str) -> str:
    """What was done with a request for a free team."""
    return str(ACTS[value])


@register.filter
def as_json(value: object) -> str:
    """For a data- attribute that a script reads."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.simple_tag
def providers() -> list[Offered]:
    """Who else may say who somebody is, as the operator has configured it."""
    return offered()


@register.filter
def scope_words(value: str) -> str:
    """The scope of an API key as pages call it."""
    return key_forms.scope_words(value)


@register.filter
def in_query(text: str) -> str:
    """A name as a part of an address. Half a surrogate pair would fit none, so it is marked."""
    return quote(text.encode("utf-8", "replace"), safe="")


@register.filter
def count(value: int) -> str:
    return figures.grouped(value)


@register.filter
def axis_words(axis: str) -> str:
    return figures.axis_in_words(axis)


@register.filter
def size(value: int) -> str:
    return figures.size(value)


@register.filter
def exact(moment: datetime | None) -> SafeString | str:
    """The moment itself."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(timespec="seconds"), figures.exact(moment)
    )


@register.filter
def to_the_second(moment: datetime) -> SafeString:
    """The moment itself, for steps that follow each other within a minute."""
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(timespec="seconds"), figures.to_the_second(moment)
    )


@register.filter
def day(which: date) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', which.isoformat(), figures.day(which))


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long since; the moment itself on hover and in `datetime`."""
    if moment is None:
        return "–"
    iso, words = moment.isoformat(timespec="seconds"), figures.ago(moment, now=clock.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, figures.exact(moment), words)


def cells(shown: Iterable[Cell]) -> SafeString:
    return SafeString("".join(map(_cell, shown)))


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    place = f"pin pin-{cell.pin + 3}" if cell.pin else ""
    kind = f"{place} num" if place and cell.is_number else "num" if cell.is_number else place
    best = " best" if cell.is_best else ""
    return f'<td class="{kind}"><bdi class="clip{best}" title="{text}">{text}</bdi></td>'


@register.simple_tag
def run_row(row: RunRow, can_write: bool) -> SafeString:
    """A run's row of the table. Written here and not in the template, for it is the page: fifty rows were half its time."""
    title, url, run = escape(row.title), escape(row.url), row.opened.run.public_id
    group = row.group
    attributes = f' aria-rowindex="{row.place + 1}" data-run="{run}" data-name="{title}" data-url="{url}"'
    attributes += f' data-colour="{row.colour}"'
    if group:
        attributes += f' data-group="{escape(group.id)}" data-group-name="{escape(group.title)}"'
        attributes += f' data-group-colour="{group.colour}"'
    attributes += ("" if row.is_drawn else ' class="off"') + (" data-live" if row.state.is_running else "")
    pen = ""
    if can_write:
        pen = f'<a class="pen" href="{url}/edit" data-pen aria-label="{escape(row.edit)}">{icon("pen")}</a>'
    return SafeString(
        f"<tr{attributes}>\n"
        f'<td class="pin choose"><input type="checkbox" name="runs" value="{run}" form="chosen" '
        f'aria-label="{escape(row.choose)}"></td>\n'
        f'<td class="pin pin-2 eyes"><span class="swatch {row.swatch}"></span><button class="eye" type="button" data-eye '
        f'aria-pressed="{"true" if row.is_drawn else "false"}" aria-label="{escape(row.show)}">{icon("eye")}'
        f"{icon('eye-off')}</button></td>\n"
        f'<td class="pin pin-3 name{" in-group" if group else ""}"><a href="{url}" title="{title}"><bdi>{title}</bdi></a>'
        f"{pen}</td>\n"
        f"{cells(row.pinned)}<td>{state_mark(row.state)}</td>\n{cells(row.others)}\n"
        f'<td>{ago(row.created_at)}</td><td class="num">{escape(row.duration)}</td></tr>'
    )


@lru_cache(maxsize=64)  # a page of rows has two or three of them
def state_mark(state: StateMark) -> SafeString:
    """The state of a run, as components/state.html has it."""
    return SafeString(render_to_string("components/state.html", {"state": state}).strip())


@register.filter
def at_query(node: Node) -> str:
    """The part of an address that names a place in a tree, ready for more after it."""
    return "".join(f"at={in_query(key)}&" for key in node.path)


@register.filter
def as_measure(key: str) -> Measure:
    """A system metric with its title and unit."""
    return measure(key)
