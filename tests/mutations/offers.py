"""No page offers what would be refused: every form and every link on it leads to what the asker may do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

from apps.access.policy import Permission, allows
from apps.access.rules import rules_of_url
from tests.matrix.asking import Level, Way
from tests.matrix.measure import Measure
from tests.matrix.ways import level_of
from tests.matrix.world import Asker, Place

# Who may less than all, and the projects in which they may something.
ASKERS = ("nobody", "holder of links", "stranger", "named outsider", "viewer", "member")
PLACES = ("private project", "restricted project", "open project, a stranger's run")
_ATTRIBUTE = re.compile(
    r'\b(formaction|formmethod|action|method|href|hx-get|hx-post|hx-put|hx-delete)="([^"]*)"'
)
_TAG = re.compile(r"<(?:a|button|form|input|select|textarea|div|span)\b[^>]*>")
_FORM = re.compile(r"(<form\b[^>]*>)(.*?)</form>", re.DOTALL)
_CONTROL = re.compile(r"<(?:button|input|select|textarea)\b[^>]*>")


def offered(page: str, own: str) -> Iterator[tuple[str, str]]:
    """Method and path of each form and link of a page."""
    for form, inside in _FORM.findall(page):
        found = {name: unescape(value) for name, value in _ATTRIBUTE.findall(form)}
        if _can_be_sent(inside):
            yield found.get("method", "get").upper(), found.get("action") or own
            yield from _buttons(inside, found.get("method", "get"))
    for tag in _TAG.findall(page):
        found = {name: unescape(value) for name, value in _ATTRIBUTE.findall(tag)}
        if re.search(r"\bdisabled\b", tag):
            continue
        for name, value in found.items():
            if name.startswith("hx-"):
                yield name.removeprefix("hx-").upper(), value
            elif name == "href":
                yield "GET", value


def _buttons(inside: str, method: str) -> Iterator[tuple[str, str]]:
    """Those that send what is in the form elsewhere."""
    for tag in _CONTROL.findall(inside):
        found = {name: unescape(value) for name, value in _ATTRIBUTE.findall(tag)}
        if "formaction" in found and not re.search(r"\bdisabled\b", tag):
            yield found.get("formmethod", method).upper(), found["formaction"]


def _can_be_sent(inside: str) -> bool:
    """Has the form anything that is not switched off? Such a form shows what holds to who may not change it."""
    shown = [each for each in _CONTROL.findall(inside) if 'type="hidden"' not in each]
    return not re.search(r"<fieldset\b[^>]*\bdisabled\b", inside) and any(
        not re.search(r"\bdisabled\b", each) for each in shown
    )


def refused(measure: Measure, way: Way, asker: Asker, place: Place) -> str:
    """What this page offers to somebody who may not do it."""
    ask = way.ask(measure.world, place.target, asker)
    heard = measure.hear(asker, way.door, ask)
    wrong = {
        f"{method} {path}"
        for method, path in offered(heard.body.decode(errors="replace"), ask.path)
        if not _may(measure, asker, place, method, urlsplit(path).path)
    }
    return ", ".join(sorted(wrong))


def _may(measure: Measure, asker: Asker, place: Place, method: str, path: str) -> bool:
    try:
        match = resolve(path, urlconf="config.urls")
    except Resolver404:
        return True
    name = match.view_name
    rule = rules_of_url(name).get(method)
    if not isinstance(rule, Permission) or name == "entity":  # whose page shows to each what is theirs
        return True
    level, given = level_of(name), match.kwargs
    if level is Level.PROJECT and given.get("project") == place.target.project:
        if name == "project-erase-runs":  # those of them that are the asker's
            place = replace(place, added_by=asker.actor.user_id or 0)
        return asker.may(rule, place, is_run="run" in given or name == "project-erase-runs")
    if level is Level.TEAM and given.get("entity") == measure.world.lab.name:
        return allows(rule, role=asker.entity, scope=asker.scope)
    if level is Level.ORGANISATION and given.get("organisation") == measure.world.institute.name:
        return allows(rule, role=asker.organisation, scope=asker.scope)
    return True
