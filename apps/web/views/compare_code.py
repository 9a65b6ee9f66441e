from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import NotFound
from apps.files.compare import TreeRow, compare_trees
from apps.projects.queries import get_project, open_project
from apps.runs.queries import open_runs
from apps.runs.table import select_runs
from apps.runs.types import OpenRun
from apps.vault.damage import leaving_out_damaged
from apps.web.code.comparing import Kept, compared, in_one_column
from apps.web.code.kept import CodeFile, kept_code
from apps.web.colours import run_colour, swatch_class, told_apart
from apps.web.comparing import compare as compare_values
from apps.web.comparing import title_of
from apps.web.environment import commit_of
from apps.web.links import project_url, run_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.compare import chosen_runs
from apps.web.views.table import rights

MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class Side:
    """One run with its code, as far as any is kept."""

    opened: OpenRun
    title: str
    url: str
    swatch: str
    commit: str
    files: dict[str, CodeFile]
    left_out: int

    @property
    def id(self) -> str:
        return self.opened.run.public_id

    def kept(self, name: str) -> Kept | None:
        found = self.files.get(name)
        return None if found is None else Kept(found.size, found.read)

    @property
    def digests(self) -> dict[str, str]:
        return {name: each.digest for name, each in self.files.items()}


class Address:
    """The address of a comparison of code, and those of what it may become."""

    def __init__(self, url: str, sides: Sequence[Side], asked: dict[str, str]) -> None:
        self.url, self.ids, self.asked = url, ",".join(side.id for side in sides), asked

    def but(self, **changes: str) -> str:
        query = {"runs": self.ids} | {key: value for key, value in (self.asked | changes).items() if value}
        return f"{self.url}?{urlencode(query, safe=',')}"


@require_safe
def compare_code(request: Request, entity: str, project: str) -> HttpResponse:
    """The code of chosen runs: which files differ, and one file of two of them, beside the difference of their config."""
    held = get_project(request.actor, Permission.FILE_READ, entity=entity, name=project)
    place = open_project(held)
    with leaving_out_damaged() as damaged:
        sides = _sides(open_runs(chosen_runs(request, held)), place.entity, place.name)
    url = project_url(place.entity, place.name)
    context: dict[str, Any] = {
        "opened": place,
        "can": rights(request, held),
        "url": url,
        "total": select_runs(held, limit=0).total,
        "damaged": damaged,
        "sides": sides,
    }
    if len(sides) > 1:
        context |= _compared(request, f"{url}/compare/code", sides)
    return render(request, "projects/compare_code.html", context)


def _sides(runs: Sequence[OpenRun], entity: str, project: str) -> list[Side]:
    colours = told_apart(run_colour(each.run.number) for each in runs)
    kept = [kept_code(each) for each in runs]
    return [
        Side(
            each,
            title_of(each),
            run_url(entity, project, each.head.name),
            swatch_class(colour),
            commit_of(each),
            {file.name: file for file in files},
            left_out,
        )
        for each, colour, (files, left_out) in zip(runs, colours, kept, strict=True)
    ]


def _compared(request: Request, url: str, sides: Sequence[Side]) -> dict[str, Any]:
    asked = {name: request.GET.get(name, "") for name in ("pair", "file", "view", "all")}
    address = Address(url, sides, asked)
    left, right = sides[0], _second(sides, asked["pair"])
    rows = compare_trees([left.digests, right.digests])
    name = asked["file"] or _first(rows)
    if name and name not in {row.name for row in rows}:
        raise NotFound("There is no such file, or it is not shared with you.")
    inline = asked["view"] == "inline"
    shown = compared(name, left.kept(name), right.kept(name), everything=asked["all"] == "1")
    return {
        "left": left,
        "right": right,
        "pairs": [(side, address.but(pair=side.id, file="")) for side in sides[1:]],
        "table": _table(sides) if len(sides) > 2 else [],
        "files": [(row, row.name == name, address.but(file=row.name)) for row in rows[:MOST_FILES]],
        "left_out": max(0, len(rows) - MOST_FILES) + max(left.left_out, right.left_out),
        "name": name,
        "shown": shown,
        "rows": list(in_one_column(shown.rows)) if inline else shown.rows,
        "inline": inline,
        "everything": asked["all"] == "1",
        "other_view": address.but(view="" if inline else "inline"),
        "other_extent": address.but(all="" if asked["all"] == "1" else "1"),
        "config": compare_values([left.opened, right.opened], everything=False)[0],
    }


def _first(rows: Sequence[TreeRow]) -> str:
    """What is shown when no file is asked for: one that differs, and a notebook last, for often only what it printed does."""
    return next(
        (row.name for row in rows if row.differs and not row.name.endswith(".ipynb")),
        rows[0].name if rows else "",
    )


def _second(sides: Sequence[Side], asked: str) -> Side:
    return next((side for side in sides[1:] if side.id == asked), sides[1])


def _table(sides: Sequence[Side]) -> list[TreeRow]:
    return compare_trees([side.digests for side in sides])[:MOST_FILES]
