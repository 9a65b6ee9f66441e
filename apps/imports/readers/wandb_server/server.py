"""A server that speaks as W&B's does, asked what the public API of its client asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import Invalid, NotFound, NotThere, OwnlogError, TooMuch, Unavailable
from apps.imports.readers.asking import OneAlone, Site
from apps.imports.readers.elsewhere import download
from apps.imports.readers.paging import Pages, again_and_again
from apps.imports.readers.said import Said
from apps.imports.types import Beat

_FEW = 3


class Refused(Invalid):
    """It does not answer a question. Its words are not repeated: who knows what it puts into them."""


class Server:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._there = ""  # the last file that came
        self._lost = 0  # before the first came

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
        """What lies at an address that it named. NotThere where this one alone is lost; Unavailable where the others are not there either:
        they are behind a proxy that has lost its way, or in a store that is away."""
        try:
            yield from download(self._site, url, most=most)
        except OneAlone:
            raise
        except NotThere:
            if self._is_any_there():
                raise
            raise Unavailable(_("The server has none of the files that it names: ask again later.")) from None
        self._there = url

    def _is_any_there(self) -> bool:
        """Where none came nobody can tell, and of a few it is taken that they are lost."""
        if not self._there:
            self._lost += 1
            return self._lost < _FEW
        try:
            next(download(self._site, self._there), None)
        except (NotThere, Unavailable):
            return False
        except OwnlogError:
            pass  # its address is no longer good, which says nothing
        return True


def _refused(question: str) -> Refused:
    name = question.removeprefix("query").partition("(")[0].partition("{")[0].strip()
    return Refused(_("The server does not answer what was asked of it: %(name)s.") % {"name": name})
