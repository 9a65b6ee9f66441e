from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import Invalid
from apps.files.media.reading import media_keys
from apps.projects.queries import get_project, open_project
from apps.runs.defined import Definitions
from apps.runs.queries import find_run, open_runs, runs_in
from apps.runs.table import select_runs
from apps.vault.damage import leaving_out_damaged
from apps.web.colours import run_colour, swatch_class, told_apart
from apps.web.comparing import compare as compared
from apps.web.comparing import last_histograms, lines_of, title_of
from apps.web.downloads import attachment, csv_lines
from apps.web.drawn import keys_that_open, names_logged
from apps.web.links import project_url, run_url
from apps.web.panels import MOST_PANELS, sections
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.table import rights

if TYPE_CHECKING:
    from apps.projects.models import Project
    from apps.runs.models import Run
    from apps.runs.types import OpenRun

MOST_RUNS = 24


@require_safe
def compare(request: Request, entity: str, project: str) -> HttpResponse:
    """Chosen runs as columns: the keys in which they differ, or all, with their charts under them."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    with leaving_out_damaged() as damaged:
        runs = open_runs(chosen_runs(request, held))
        definitions = Definitions.of_runs(each.config_text for each in runs)
        names = names_logged((each.run for each in runs), definitions)
        has_media = any(media_keys(keys) for keys in keys_that_open(each.run for each in runs))
    everything = request.GET.get("all") == "1"
    opened = open_project(held)
    ids = [each.run.public_id for each in runs]
    colours = list(told_apart(run_colour(each.run.number) for each in runs))
    base = request.GET.get("base", "")
    place = ids.index(base) if base in ids else None
    address = Address(
        f"{project_url(opened.entity, opened.name)}/compare",
        ids,
        base if place is not None else "",
        everything,
    )
    return render(
        request,
        "projects/compare.html",
        {
            "opened": opened,
            "can": rights(request, held),
            "url": project_url(opened.entity, opened.name),
            "total": select_runs(held, limit=0).total,
            "damaged": damaged,
            "columns": [
                _column(each, colour, entity, opened.name, address)
                for each, colour in zip(runs, colours, strict=True)
            ],
            "groups": compared(runs, everything=everything, base=place) if runs else [],
            "histograms": last_histograms(runs, colours),
            "has_media": has_media,
            "everything": everything,
            "address": address,
            "base": address.base,
            "sections": sections(names),
            "definitions": definitions,
            "axes": names[:MOST_PANELS],
            "runs_query": "".join(f"&run={each.run.public_id}" for each in runs),
        },
    )


@require_safe
def csv_of(request: Request, entity: str, project: str) -> StreamingHttpResponse:
    """The whole comparison to keep, whatever of it a page shows."""
    held = get_project(request.actor, Permission.PROJECT_READ, entity=entity, name=project)
    with leaving_out_damaged():
        runs = open_runs(chosen_runs(request, held))
    head, rows = lines_of(runs, [title_of(each) for each in runs])
    response = StreamingHttpResponse(csv_lines(head, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = attachment("comparison.csv")
    response["X-Content-Type-Options"] = "nosniff"
    return response


class Address:
    """The address of a comparison, and those of what it may become."""

    def __init__(self, url: str, ids: Sequence[str], base: str, everything: bool) -> None:
        self.url, self.ids, self.base, self.everything = url, list(ids), base, everything

    def _with(
        self, *, ids: Sequence[str] | None = None, base: str | None = None, everything: bool | None = None
    ) -> str:
        base = self.base if base is None else base
        everything = self.everything if everything is None else everything
        query = f"runs={','.join(self.ids if ids is None else ids)}"
        return f"{self.url}?{query}{f'&base={base}' if base else ''}{'&all=1' if everything else ''}"

    @property
    def differences(self) -> str:
        return self._with(everything=False)

    @property
    def all_keys(self) -> str:
        return self._with(everything=True)

    @property
    def without_base(self) -> str:
        return self._with(base="")

    @property
    def code(self) -> str:
        """Where the code of the same runs is compared."""
        return f"{self.url}/code?runs={','.join(self.ids)}"

    @property
    def csv(self) -> str:
        return f"{self.url}/csv?runs={','.join(self.ids)}"

    @property
    def media(self) -> str:
        return f"{self.url}/media?runs={','.join(self.ids)}"

    def against(self, one: str) -> str:
        return self._with(base=one)

    def without(self, one: str) -> str:
        return self._with(
            ids=[each for each in self.ids if each != one], base="" if one == self.base else None
        )

    def moved(self, one: str, by: int) -> str:
        """With this run one place further; nothing where there is no place."""
        place = self.ids.index(one)
        if not 0 <= place + by < len(self.ids):
            return ""
        ids = list(self.ids)
        ids[place], ids[place + by] = ids[place + by], ids[place]
        return self._with(ids=ids)


def chosen_runs(request: Request, project: Project) -> list[Run]:
    """The runs named in the address, by public id as the table names them, or by the client's id."""
    asked = [name for text in request.GET.getlist("runs") for name in text.split(",") if name.strip()]
    asked = list(dict.fromkeys(asked))[:MOST_RUNS]
    found = {run.public_id: run for run in runs_in(project, public_ids=asked)}
    return list({run.pk: run for name in asked if (run := found.get(name) or _named(project, name))}.values())


def _named(project: Project, name: str) -> Run | None:
    try:
        return find_run(project, name)
    except Invalid:
        return None


def _column(opened: OpenRun, colour: int, entity: str, project: str, address: Address) -> dict[str, Any]:
    one = opened.run.public_id
    return {
        "run": opened.run,
        "title": title_of(opened),
        "url": run_url(entity, project, opened.head.name),
        "colour": colour,
        "swatch": swatch_class(colour),
        "is_live": opened.run.state == "running",
        "is_base": one == address.base,
        "against": address.against(one),
        "without": address.without(one),
        "left": address.moved(one, -1),
        "right": address.moved(one, 1),
    }
