"""A server that speaks as W&B's does, asked what the public API of its client asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from apps.core.errors import Invalid, NotFound, NotThere, OwnlogError, TooMuch, Unavailable
from apps.imports.readers.asking import Denied, OneAlone, Site, SomethingElse, broke_off
from apps.imports.readers.elsewhere import download
from apps.imports.readers.paging import Pages, again_and_again
from apps.imports.readers.said import Said
from apps.imports.readers.wandb_server import questions
from apps.imports.types import Beat

_FEW = 3
_T = TypeVar("_T")


class Refused(Invalid):
    """It does not answer a question. Its words are not repeated: who knows what it puts into them."""


class Server:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._answered = False
        self.others: Callable[[], Iterable[str]] = tuple  # where some files lie that it should have
        self._there = ""  # the last file that came
        self._missing = 0  # that were asked for since

    @property
    def beat(self) -> Beat:
        return self._site.beat

    @property
    def address(self) -> str:
        return self._site.address

    def ask(self, question: str, **variables: Any) -> Said:
        ask = partial(self._site.json, "/graphql", body={"query": question, "variables": variables})
        try:
            try:
                answer = Said(ask())
            except NotThere:
                if not self._answered:
                    raise
                self._site.pause()
                answer = Said(ask())
        except NotFound:  # some answer so to a question that they do not know
            if self._answered:
                self._answers_still()
            raise _refused(question) from None
        if answer.raw.get("errors"):
            raise _refused(question)
        if self._answered and answer.raw.get("data") is None:
            raise _told_no_more()
        self._answered = True
        return answer.object("data")

    def _answers_still(self) -> None:
        """Nothing is given up for a proxy in front of it that has lost its way for a while, or has a page for people."""
        try:
            self._site.json("/graphql", body={"query": questions.VIEWER, "variables": {}})
        except NotFound:
            raise broke_off() from None

    def whole(self, read: Callable[[], _T]) -> _T:
        """Of something that it keeps, which is held to what it says of it. Read once more where it is something else."""
        try:
            return read()
        except (Invalid, TooMuch):
            return self._site.once_more(read, self._answers_still)

    def whole_bytes(self, read: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        return self._site.whole(read, self._answers_still)

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
            found = inside(found, *where[:-1]).object(where[-1])
            edges = found.objects("edges")
            yield from edges
            info = found.object("pageInfo")
            if not info.raw.get("hasNextPage"):
                return
            cursor = info.text("endCursor") or (edges[-1].text("cursor") if edges else "")
            after = pages.following(cursor, came=len(edges))
            if not after:
                raise again_and_again()

    def download(
        self, url: str, *, most: int | None = None, anew: Callable[[], str] = str
    ) -> Iterator[bytes]:
        """What lies at an address that it named; `anew` has it named once more, since some are good for an hour. NotThere where this
        file alone is lost; Unavailable where the others are not there either: they are behind a proxy that has lost its way, or in a
        store that is away."""
        ways: tuple[Callable[[], str], ...] = (lambda: url, anew)
        for way in ways:
            if address := way():
                with suppress(Denied, SomethingElse):
                    yield from self._bytes(address, most)
                    return
        raise Unavailable(_("The server names a file and does not let it be read: ask again later."))

    def _bytes(self, url: str, most: int | None) -> Iterator[bytes]:
        try:
            yield from download(self._site, url, most=most)
        except OneAlone:
            raise
        except NotThere:
            if self._is_any_there():
                raise
            raise Unavailable(
                _(
                    "The server has none of the files that it names. It may be away: ask again later. Where they are lost, ask with "
                    "--leave-missing-out: the rest comes without them."
                )
            ) from None
        self._there, self._missing = url, 0

    def _is_any_there(self) -> bool:
        """The last file that came is asked for once more. Where none came, or its address is good no longer, some others are: until
        one is there nobody can tell, and of a few it is taken that they are lost."""
        if self._there and (is_there := self._is_there(self._there)) is not None:
            return is_there
        self._missing += 1
        missing = self._missing
        for url in self.others():
            is_there = self._is_there(url)
            if is_there:
                self._there, self._missing = url, 0
                return True
            missing += is_there is False
        return missing < _FEW

    def _is_there(self, url: str) -> bool | None:
        """None where that is not said."""
        try:
            next(download(self._site, url), None)
        except (OneAlone, Denied, SomethingElse):
            return None
        except (NotThere, Unavailable):
            return False
        except OwnlogError:
            return None
        return True


def inside(said: Said, *names: str) -> Said:
    """What it says of a thing that it listed. Unavailable where there is none all at once, as to a key that lost its right: that it says
    nothing of it does not say that there was nothing."""
    for name in names:
        if said.raw.get(name) is None:
            raise _told_no_more()
        said = said.object(name)
    return said


def _told_no_more() -> Unavailable:
    return Unavailable(
        _("The server does not tell any more of what it listed: ask again later, with a key that may see it.")
    )


def _refused(question: str) -> Refused:
    name = question.removeprefix("query").partition("(")[0].partition("{")[0].strip()
    return Refused(_("The server does not answer what was asked of it: %(name)s.") % {"name": name})
