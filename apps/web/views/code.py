from __future__ import annotations

from itertools import chain
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.core.errors import NotFound
from apps.runs.queries import get_run, open_run
from apps.vault.damage import leaving_out_damaged
from apps.web.code.kept import CodeFile, kept_code, note_of_left_out
from apps.web.code.shown import has_own_form, shown_of
from apps.web.code.switching import way_to_code
from apps.web.code.tree import tree_of
from apps.web.code.zipped import zipped
from apps.web.downloads import attachment
from apps.web.environment import commit_of, main_file_of, remote_of
from apps.web.links import with_query
from apps.web.parts import erase_file_url
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.files import page_asked
from apps.web.views.runs import frame


@require_safe
def code(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """The code that is kept with the run: where it came from, its tree, and one file of it, of which nothing runs."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    opened = open_run(held)
    with leaving_out_damaged() as damaged:
        files, beyond = kept_code(opened)
    main = main_file_of(opened)
    found = _chosen(files, request.GET.get("file", ""), main)
    leaves, left_out = tree_of(
        [(each.name, each.size) for each in files], here=found.name if found is not None else ""
    )
    context = {
        "commit": commit_of(opened),
        "remote": remote_of(opened),
        "main": main if main in {each.name for each in files} else "",
        "leaves": leaves,
        "left_out": left_out + beyond,
        "is_zip_cut": beyond > 0,
        "total_size": sum(each.size for each in files),
        "file": found,
        "damaged": damaged,
        "way_to_code": way_to_code(request.actor, held.project.entity),
    }
    around = frame(request, opened)
    if found is not None:
        context |= _file(request, found)
        # One of a folder that the run sent goes with its version of an artifact, on the page of that.
        is_of_run = found.at == around["url"]
        context["erase_url"] = (
            erase_file_url(found.at, found.path) if is_of_run and around["can"]["erase"] else ""
        )
    around["counts"]["code"] = len(files)  # the tab's number: what came both ways is counted once
    return render(request, "runs/code.html", around | context)


@require_safe
def whole(request: Request, entity: str, project: str, run: str) -> StreamingHttpResponse:
    """The code of the run's tab as one archive, which is empty where none is kept and says so where it is not all."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    opened = open_run(held)
    files, beyond = kept_code(opened)
    # First, so that it is seen before the files are.
    note = [note_of_left_out(beyond, opened.run.created_at)] if beyond else []
    response = StreamingHttpResponse(
        zipped(chain(note, (each.handed for each in files))), content_type="application/zip"
    )
    response["Content-Disposition"] = attachment(f"{opened.head.name}-code.zip")
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _chosen(files: list[CodeFile], name: str, main: str) -> CodeFile | None:
    """The file that is asked for; else the script that ran, else the first one."""
    by_name = {each.name: each for each in files}
    if name and name not in by_name:
        raise NotFound("There is no such file, or it is not shared with you.")
    return by_name.get(name) or by_name.get(main) or next(iter(files), None)


def _file(request: Request, found: CodeFile) -> dict[str, Any]:
    page, as_text = page_asked(request), request.GET.get("as") == "text"
    shown = shown_of(found, page, as_text=as_text)
    asked = {"file": found.name, "as": "text" if as_text else ""}
    return {
        "shown": shown,
        "as_text": as_text,
        "other_form": _query({"file": found.name, "as": "" if as_text else "text"})
        if has_own_form(found.name)
        else "",
        "page": page + 1,
        "earlier": _query(asked | {"page": str(page - 1) if page > 1 else ""}) if page else "",
        "later": _query(asked | {"page": str(page + 1)}) if shown.has_more else "",
    }


def _query(asked: dict[str, str]) -> str:
    return with_query("", asked)
