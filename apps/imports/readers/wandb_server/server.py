"""A server that speaks as W&B's does, asked what the public API of its client asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import Invalid, NotFound, TooMuch
from apps.imports.readers.asking import Site
from apps.imports.readers.elsewhere import download
from apps.imports.readers.paging import Pages, again_and_again
from apps.imports.readers.said import Said
from apps.imports.types import Beat


class Refused(Invalid):
    """It does not answer a question. Its words are not repeated: who knows what it puts into them."""


class Server:
    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def beat(self) -> Beat:
        return self._site.beat

    @property
    def address(self) -> str:
        return self._site.address

    def ask(self, question: str, **variables: Any) -> Said:
        try:
            answer = Said(self._site.json("/graphql", body={"query": question, "variables": variables}))
        except NotFound:  # some answer so to a question that they do not know
            raise _refused(question) from None
        if answer.raw.get("errors"):
            raise _refused(question)
        return answer.object("data")

    def pages(self, question: str, *where: str, size: int, **variables: Any) -> Iterator[Said]:
        """Node by node of a list, beside the edge that it hangs on. Where a page is too much for the server, smaller ones are asked for."""
        after: str | None = None
        pages = Pages()
        while True:
            try:
                found = self.ask(question, first=size, after=after, **variables)
            except (Refused, TooMuch):
                if size == 1:
                    raise
                size = max(1, size // 4)
                continue
            for name in where:
                found = found.object(name)
            edges = found.objects("edges")
            yield from edges
            info = found.object("pageInfo")
            if not info.raw.get("hasNextPage"):
                return
            cursor = info.text("endCursor") or (edges[-1].text("cursor") if edges else "")
            after = pages.following(cursor, came=len(edges))
            if not after:
                raise again_and_again()

    def download(self, url: str, *, most: int | None = None) -> Iterator[bytes]:
        return download(self._site, url, most=most)


def _refused(question: str) -> Refused:
    name = question.removeprefix("query").partition("(")[0].partition("{")[0].strip()
    return Refused(_("The server does not answer what was asked of it: %(name)s.") % {"name": name})
