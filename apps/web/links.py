"""Addresses of pages. Names of projects and runs are content that people chose, so each segment is quoted whole."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from apps.access.rules import rules_of_url
from apps.accounts.names import RESERVED


def base_url(request: HttpRequest) -> str:
    """The address of this instance as the asker sees it, without a slash at the end."""
    if settings.OWNLOG_BASE_URL:
        return str(settings.OWNLOG_BASE_URL)
    try:
        return f"{request.scheme}://{request.get_host()}"
    except DisallowedHost:  # the page that says so is made with this as well
        return ""


def page_above(path: str) -> str:
    """The nearest address above this one that is a page: where the form stood that is sent to it. Empty for none.

    Found in the words of the address alone, so it tells nothing of what is there.
    """
    while (path := path.rstrip("/").rpartition("/")[0]) not in ("", "/"):
        try:
            match = resolve(path)
        except Resolver404:
            continue
        is_name = match.kwargs.get("entity", "") not in RESERVED
        if is_name and not match.namespace and "GET" in rules_of_url(match.view_name):
            return quote(path)
    return ""


def entity_url(entity: str) -> str:
    return f"/{quote(entity, safe='')}"


def project_url(entity: str, project: str) -> str:
    return f"{entity_url(entity)}/{quote(project, safe='')}"


def view_url(entity: str, project: str, view: str) -> str:
    """Of a saved view, by its opaque id."""
    return f"{project_url(entity, project)}/views/{view}"


def run_url(entity: str, project: str, run: str, *rest: str) -> str:
    return "/".join([project_url(entity, project), "runs", quote(run, safe=""), *rest])


def artifact_url(entity: str, project: str, type_name: str, name: str, *rest: str) -> str:
    """As the client writes it. The type is for reading alone; one that would lead a step up stands there as a dash."""
    kind = "-" if type_name.strip(".") == "" else quote(type_name.encode("utf-8", "replace"), safe="")
    return "/".join([project_url(entity, project), "artifacts", kind, quote(name, safe=""), *rest])


def with_query(url: str, query: dict[str, str]) -> str:
    """`url` with what is not empty of `query`."""
    asked = {key: value for key, value in query.items() if value}
    return f"{url}?{urlencode(asked)}" if asked else url
