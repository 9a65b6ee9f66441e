"""A version beside another one of its project: files, metadata, what is said of each, and one file line by line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.artifacts.queries import diff_versions, find_collection, find_version, open_version, versions_of
from apps.core.errors import NotFound
from apps.web.artifacts import comparing, ledger
from apps.web.code.comparing import in_one_column
from apps.web.rendering import render
from apps.web.request import Request
from apps.web.views.artifacts import held_version, of_version, paged
from apps.web.views.files import page_asked

if TYPE_CHECKING:
    from apps.artifacts.types import Change, OpenVersion

PAGE = 200
_MOST_OFFERED = 100
_LONGEST_NAME = 300


@dataclass(frozen=True, slots=True)
class FileLine:
    """A file that is not the same in both."""

    change: Change
    before: str
    after: str
    href: str
    is_here: bool


class _Address:
    """The address of a comparison, and those of what it may become."""

    def __init__(self, base: str, asked: dict[str, str]) -> None:
        self.base, self.asked = base, asked

    def but(self, **changes: str) -> str:
        query = {key: value for key, value in (self.asked | changes).items() if value}
        return f"{self.base}?{urlencode(query, errors='replace')}" if query else self.base


@require_safe
def compare(
    request: Request, entity: str, project: str, kind: str, collection: str, version: str
) -> HttpResponse:
    """The version of the address is the later one; the other is asked for by name, else it is the one before."""
    after = held_version(request, entity, project, collection, version)
    context = of_version(request, after)
    others = versions_of(after.version.collection, count=_MOST_OFFERED)
    asked = {name: request.GET.get(name, "") for name in ("with", "file", "view", "all")}
    wanted = asked["with"].strip()[:_LONGEST_NAME]
    before, error = _other(after, wanted, others)
    context |= {
        "after": after,
        "before": before,
        "error": error,
        "wanted": wanted or (before.name if before is not None else ""),
        "others": [each for each in others if each.version.pk != after.version.pk],
    }
    if before is not None:
        context |= _compared(request, before, after, _Address(f"{context['address']}/compare", asked))
        context["before_url"] = ledger.version_url(context["opened"], before)
    status = 404 if error else 200
    return render(request, "artifacts/compare.html", context, status=status)


def _other(after: OpenVersion, wanted: str, others: list[OpenVersion]) -> tuple[OpenVersion | None, str]:
    if not wanted:
        number = after.version.number or 0
        return next((each for each in others if (each.version.number or 0) < number), None), ""
    # A number or an alias alone is one of the same artifact.
    name, colon, alias = wanted.partition(":")
    collection = after.version.collection
    there = find_collection(collection.project, name) if colon else collection
    found = find_version(there, alias or wanted) if there is not None else None
    if found is None:
        return None, _("There is no such version in this project.")
    return open_version(found), ""


def _compared(request: Request, before: OpenVersion, after: OpenVersion, address: _Address) -> dict[str, Any]:
    page, asked = page_asked(request), address.asked
    found = diff_versions(before.version, after.version, start=page * PAGE, count=PAGE)
    total = found.added + found.changed + found.removed
    maker_before, maker_after = comparing.makers_of_two(request.actor, before, after)
    query = {name: value for name, value in asked.items() if value and name not in {"file", "view", "all"}}
    return {
        "maker_before": maker_before,
        "maker_after": maker_after,
        "facts": comparing.facts_of_two(before, after),
        "metadata": comparing.metadata_of_two(before, after),
        "found": found,
        "files": [
            FileLine(
                each,
                *comparing.sizes_of(each),
                address.but(file=each.path, page=str(page or "")) + "#file",
                each.path == asked["file"],
            )
            for each in found.changes
        ],
        **paged(request, total, PAGE, query),
        **(_one_file(before, after, address, page) if asked["file"] else {}),
    }


def _one_file(before: OpenVersion, after: OpenVersion, address: _Address, page: int) -> dict[str, Any]:
    asked, everything = address.asked, address.asked["all"] == "1"
    shown = comparing.lines_of_two(before, after, asked["file"], everything=everything)
    if shown is None:
        raise NotFound(_("There is no such file, or it is not shared with you."))
    inline, kept = asked["view"] == "inline", str(page or "")
    return {
        "name": asked["file"],
        "shown": shown,
        "rows": list(in_one_column(shown.rows)) if inline else shown.rows,
        "inline": inline,
        "everything": everything,
        "other_view": address.but(view="" if inline else "inline", page=kept) + "#file",
        "other_extent": address.but(all="" if everything else "1", page=kept) + "#file",
    }
