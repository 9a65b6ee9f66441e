"""Config, summary, environment and packages of a run: whole, searched, read on, and to the letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.core.errors import NotFound
from apps.erasure.parts import names_of
from apps.runs.history.paths import dotted
from apps.runs.parts import PartKind
from apps.runs.types import OpenRun
from apps.web.downloads import attachment
from apps.web.environment import machine_facts, packages
from apps.web.parts import erase_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.trees import Node, leads, tree
from apps.web.values import config_values, summary_values
from apps.web.views.runs import frame, opened_run

MOST_AT_ONCE = 200
_LONGEST_SEARCH = 200
_KINDS: dict[str, tuple[Callable[[], str], Callable[[OpenRun], dict[str, Any]]]] = {
    "config": (lambda: _("Config"), lambda opened: config_values(opened.config_text)),
    "summary": (lambda: _("Summary"), lambda opened: summary_values(opened.summary_text)),
    "environment": (lambda: _("Environment"), machine_facts),
    "packages": (lambda: _("Packages"), packages),
}
_FILES = {"environment": "wandb-metadata.json", "packages": "requirements.txt"}


@require_safe
def values(request: Request, entity: str, project: str, run: str, which: str) -> HttpResponse:
    """A tree of one kind of values as a page; for htmx the tree alone, or what follows where it was cut."""
    opened = opened_run(request, entity, project, run)
    if which not in _KINDS:
        raise NotFound("There is nothing under this name.")
    title, read = _KINDS[which]
    path, first = tuple(request.GET.getlist("at")), _whole(request.GET.get("from", ""))
    find = request.GET.get("find", "")[:_LONGEST_SEARCH]
    held = read(opened)
    is_part = bool(request.htmx)
    most = {"most": MOST_AT_ONCE} if is_part else {}
    node = tree(held, measured=which == "summary", find=find, path=path, first=first, **most)
    context = frame(request, opened)
    context |= {"which": which, "node": node, "find": find, "first": first} | leads(
        context["url"], which, find
    )
    if is_part:
        return render(request, "runs/_branch.html" if path or first else "runs/_tree.html", context)
    context |= {
        "heading": title(),
        "count": len(held),
        "is_json": which not in _FILES,
        "file": _FILES.get(which, ""),
        "above": _above(node),
        "erase_url": _erase_url(context, which, node),
    }
    return render(request, "runs/values.html", context)


@require_safe
def text(request: Request, entity: str, project: str, run: str, which: str) -> HttpResponse:
    """Config or summary as JSON, to the letter as it was sent."""
    opened = opened_run(request, entity, project, run)
    texts = {"config": opened.config_text, "summary": opened.summary_text}
    if which not in texts:
        raise NotFound("There is nothing under this name.")
    response = HttpResponse(
        texts[which].encode("utf-8", "surrogatepass"), content_type="application/json; charset=utf-8"
    )
    response["Content-Disposition"] = attachment(f"{opened.head.name.replace('/', '-')}-{which}.json")
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _erase_url(context: dict[str, Any], which: str, node: Node) -> str:
    """Where the value that is shown is erased; empty for all of them together, and for whoever may not."""
    kinds = {"config": PartKind.CONFIG, "summary": PartKind.SUMMARY}
    if which not in kinds or not node.path or not context["can"]["erase"]:
        return ""
    name = dotted(tuple(map(str, node.path)))
    # Of a list no single item is taken out.
    return (
        erase_url(context["url"], kinds[which], name)
        if name in names_of(context["opened"], kinds[which])
        else ""
    )


def _whole(asked: str) -> int:
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0


def _above(node: Node) -> list[Node]:
    """The way down to a part of the tree, the part itself last."""
    return [Node(key, node.path[: depth + 1], "") for depth, key in enumerate(node.path)]
