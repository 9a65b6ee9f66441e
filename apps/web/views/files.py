from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from apps.access.policy import Permission
from apps.files.queries import find_file, list_files, read_file
from apps.runs.queries import get_run, open_run
from apps.web.downloads import attachment
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.runs import frame


@require_safe
def files(request: Request, entity: str, project: str, run: str) -> HttpResponse:
    """The files that the run uploaded."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    return render(request, "runs/files.html", frame(request, open_run(held)) | {"files": list_files(held)})


@require_safe
def download(request: Request, entity: str, project: str, run: str, name: str) -> HttpResponseBase:
    """The file's bytes, to be kept and never shown: whatever it holds, it runs nowhere on this origin."""
    held = get_run(request.actor, Permission.FILE_READ, entity=entity, project=project, name=run)
    found = find_file(held, name)
    response = StreamingHttpResponse(read_file(found.file), content_type="application/octet-stream")
    response["Content-Length"] = str(found.file.size)
    response["Content-Disposition"] = attachment(found.name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
