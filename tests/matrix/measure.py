"""Asks as somebody, and says what came of it in one word: yes, forbidden, nothing, or what else."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache, cached_property
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import connections
from django.test import Client

from apps.access.policy import TO_OWN_RUNS, Permission, Role, allows
from apps.api.throttling import counts
from apps.core import jsontext
from apps.projects.readings import READING
from apps.wandb_protocol.ids import to_client
from tests.factories.people import basic
from tests.matrix.asking import FORM, Ask, Door, Level, Way
from tests.matrix.world import GHOST, SUSPENDED, Asker, Place, Target, World, undone
from tests.turns import of_each_kind, turn

# Of what is told less by each answer (tests/README.md) every so-manieth is asked, each on its day; with OWNLOG_MATRIX=whole, all.
SHARE = 1 if os.environ.get("OWNLOG_MATRIX") == "whole" else 20
# Where an asker is answered the same in several places by the same way, each of these has its turn within so many days.
DAYS = 1 if SHARE == 1 else 3
YES, FORBIDDEN, NOTHING, WHO = "yes", "forbidden", "nothing", "who are you"
_CODES = {
    "not_found": NOTHING,
    "forbidden": FORBIDDEN,
    "suspended": FORBIDDEN,
    "unauthorized": WHO,
    "conflict": YES,
}  # publishing asks first
# What is new in each answer. Each begins with letters to look for: pages are long, and thousands of them are searched.
_TOKENS = [
    re.compile(word)
    for word in (rb'csrfmiddlewaretoken" value="\w+', rb"CSRF[^>]*", rb'name="once" value="[^"]*')
]
_WRITING = {"POST", "PUT", "PATCH", "DELETE"}
_SEND_NOTHING = {"stranger", "viewer"}  # one who sees nothing and one who may only look
_MARK = re.compile(rb"mark-[a-z]+")
_WRITES = re.compile(r'\s*(?:INSERT(?: OR IGNORE)? INTO|UPDATE|DELETE FROM) "?(\w+)')
# What is noted of whoever asks, whatever they are answered: that they looked, and from where their key is used.
_OF_THE_ASKER = {"django_session", "accounts_apikey", "accounts_keynetwork", "audit_event", "audit_repeat"}


@dataclass(frozen=True)
class Heard:
    status: int
    place: str  # where it leads on to
    kind: str
    body: bytes
    written: frozenset[str] = frozenset()  # tables, in whichever database

    @property
    def marks(self) -> set[str]:
        return {each.decode() for each in _MARK.findall(self.body)}

    @cached_property
    def lasting(self) -> bytes:
        """The body without what is new in each answer."""
        body = self.body
        for each in _TOKENS:
            body = each.sub(b"", body)
        return body

    def without(self, words: list[str]) -> tuple[int, str, str]:
        """What does not depend on the names that were asked for."""
        names = re.compile(r"\b(?:" + "|".join(map(re.escape, words)) + r")(?!\w)")
        place, body = unquote(self.place), unquote(self.lasting.decode(errors="replace"))
        return self.status, names.sub("…", place), names.sub("…", body)

    def differs(self, ghost: Heard, target: Target) -> str:
        """How it differs from the answer about nothing, but for the names that were asked for."""
        place, body = ghost.place.encode(), ghost.lasting
        for nothing, there in _names(target):
            place, body = place.replace(nothing, there), body.replace(nothing, there)
        if (self.status, self.place.encode(), self.lasting) == (ghost.status, place, body):
            return ""
        # Names may be written otherwise, as in an address inside of an address. This takes a hundred times as long.
        words = sorted({*target.words, *GHOST.words}, key=len, reverse=True)
        one, other = self.without(words), ghost.without(words)
        return "" if one == other else _difference(one, other)


@cache
def _names(target: Target) -> list[tuple[bytes, bytes]]:
    """The words of what is not there, longest first, each with what stands in its place in an answer about this."""
    ids = zip(GHOST.client_ids, target.client_ids, strict=True)
    pairs = [(to_client(*nothing), to_client(*there)) for nothing, there in ids]
    pairs += zip(vars(GHOST).values(), vars(target).values(), strict=True)
    found = [(nothing.encode(), there.encode()) for nothing, there in pairs if nothing != there]
    return sorted(found, key=lambda pair: -len(pair[0]))


@dataclass(frozen=True)
class Mismatch:
    who: str
    what: str
    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.who:32} {self.what:44} {self.where:40} expected {self.expected}, got {self.got}"


Cell = tuple[Asker, Way, Place]


class _Browser(Client):
    """Without copies of what each template of a page was given, which nobody looks at here."""

    def request(self, **request: Any) -> Any:
        return self.handler(self._base_environ(**request))  # type: ignore[attr-defined]


class Measure:
    """One browser for all of them: it is given somebody's cookies and key before each request."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = _Browser(raise_request_exception=False)
        self.headed: set[tuple[str, int]] = set()  # of each way the answers of which HEAD was compared
        self._ghosts: dict[tuple[str, str], Heard] = {}

    def hear(
        self, asker: Asker, door: Door, ask: Ask, *, with_key: bool = True, is_kept: bool = False
    ) -> Heard:
        self.client.cookies = SimpleCookie()
        headers = {}
        if door is Door.WEB or (door is Door.REST and not asker.key):
            if asker.cookies:
                self.client.cookies[settings.SESSION_COOKIE_NAME] = asker.cookies
        elif asker.key and with_key:
            headers["Authorization"] = basic(asker.key)
        counts.forget()
        with nullcontext() if is_kept else undone(), _noting_writes() as written:
            answer: Any = self.client.generic(
                ask.method, ask.path, ask.body, content_type=ask.kind, headers=headers
            )
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        facts = answer.headers
        return Heard(
            answer.status_code,
            facts.get("Location", ""),
            facts.get("Content-Type", ""),
            body,
            frozenset(written),
        )

    def asked(self, asker: Asker, way: Way, target: Target, **changes: Any) -> Heard:
        ask = replace(way.ask(self.world, target, asker), **changes)
        # Whoever has a signed address uses it; its maker is in it.
        return self.hear(asker, way.door, ask, with_key=not way.is_signed)

    def ghost(self, asker: Asker, way: Way, target: Target) -> Heard:
        """What the same is answered about what is not there."""
        key = asker.name, way.label
        if key not in self._ghosts:
            self._ghosts[key] = self.asked(asker, way, replace(GHOST, person=target.person))
        return self._ghosts[key]

    def head(self, asker: Asker, way: Way, target: Target, heard: Heard) -> str:
        """How the answer to HEAD differs from what was heard; asked once for each status that a way answers with.

        It runs the view of GET, so who asks makes no difference that GET did not make.
        """
        if way.method != "GET" or (way.label, heard.status) in self.headed:
            return ""
        self.headed.add((way.label, heard.status))
        head = self.asked(asker, way, target, method="HEAD")
        facts = [(each.status, each.place, each.kind) for each in (head, heard)]
        return "" if facts[0] == facts[1] else f"{facts[0]}, not {facts[1]}"

    def forget_ghosts(self) -> None:
        """For when the code has changed meanwhile: tests/mutations."""
        self._ghosts.clear()

    # ── a cell of the matrix ──

    def cells(self, ways: Iterable[Way], *, everywhere: bool = False) -> Iterator[Cell]:
        """Each way refuses each asker, and lets each write, in one place at least and within three days in all (or `everywhere`).

        Of what may be read, and of what else tells less, a share, in turn.
        """
        come, days = turn(SHARE), 1 if everywhere else DAYS
        asked = ((way, asker) for way in ways for asker in self.world.askers if measured(asker, way))
        for number, (way, asker) in enumerate(asked):
            telling = list[Place]()
            for place in visibilities(way, self.world):
                if not _says_less(asker, way, place):
                    telling.append(place)
                    continue
                come += 1
                if come % SHARE == 0:
                    yield asker, way, place

            def kind(place: Place, asker: Asker = asker, way: Way = way) -> tuple[str, str]:
                # Whoever added the run is somebody else there.
                own = place.name if way.is_run and place.added_by == asker.actor.user_id else ""
                return expected(asker, way, place), own

            for place in of_each_kind(telling, kind, days=days, begin=number):
                yield asker, way, place

    def cell(self, asker: Asker, way: Way, place: Place) -> Iterator[Mismatch]:
        heard = self.asked(asker, way, place.target)
        wanted, got = expected(asker, way, place), outcome(way, heard)

        def wrong(wanted: str, got: str) -> Mismatch:
            return Mismatch(asker.name, way.label, place.name, wanted, got)

        if got != wanted and not (wanted == YES and heard.status in way.fine):
            yield wrong(wanted, got)
        if differs := self.head(asker, way, place.target, heard):
            yield wrong("the same to HEAD", differs)
        if wanted in {NOTHING, FORBIDDEN, WHO} and (written := heard.written - _OF_THE_ASKER):
            yield wrong("nothing done", f"a write to {', '.join(sorted(written))}")
        unseen = heard.marks - seen_by(self.world, asker, way)
        if unseen:
            yield wrong("no words of what is not theirs", ", ".join(sorted(unseen)))
        is_nothing = wanted == NOTHING and got == NOTHING and not knows_otherwise(asker, way)
        if is_nothing and (differs := heard.differs(self.ghost(asker, way, place.target), place.target)):
            yield wrong("the answer about nothing", differs)
        if (
            wanted in {NOTHING, FORBIDDEN}
            and way.door is not Door.CLIENT
            and way.method in _WRITING
            and asker.name in _SEND_NOTHING
            and not way.is_said
        ):
            empty = b"" if way.ask(self.world, place.target, asker).kind == FORM else b"{}"
            if (again := outcome(way, self.asked(asker, way, place.target, body=empty))) != wanted:
                yield wrong(f"{wanted}, whatever is sent", again)


@contextmanager
def _noting_writes() -> Iterator[set[str]]:
    """The tables that are written to in the block, also where it is taken back."""
    written = set[str]()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if found := _WRITES.match(sql):
            written.add(found[1])
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(note))
        yield written


def _says_less(asker: Asker, way: Way, place: Place) -> bool:
    """Is it one of those of which a share is asked: what may be read, a browser that is as nobody's, one more private project?"""
    may_read = way.rule in READING and expected(asker, way, place) == YES
    return may_read or place.is_kept or (asker.is_refused_key and way.door is Door.WEB)


def _difference(one: tuple[int, str, str], other: tuple[int, str, str]) -> str:
    if one[:2] != other[:2]:
        return f"{one[:2]}, not {other[:2]}"
    at = next((n for n, (a, b) in enumerate(zip(one[2], other[2], strict=False)) if a != b), 0)
    return f"…{one[2][max(0, at - 60) : at + 60]!r}, not …{other[2][max(0, at - 60) : at + 60]!r}"


def expected(asker: Asker, way: Way, place: Place) -> str:
    """What the table says, and by which word this door says it."""
    if asker.is_refused_key and way.door is not Door.WEB:
        return FORBIDDEN if way.is_signed else WHO
    at_projects = way.name.startswith(("api:projects", "api:exports"))
    wants_somebody = way.name == "wandb_protocol:file_stream" or at_projects
    if wants_somebody and not asker.key:
        return WHO
    if way.level is Level.PROJECT:
        return _in_project(asker, way, place)
    permission = way.rule
    assert isinstance(permission, Permission)
    is_shut = place.is_suspended and way.level is Level.TEAM
    role = asker.organisation if way.level is Level.ORGANISATION else asker.entity
    if way.level is Level.NAME_OF_ORGANISATION:
        role = min(asker.organisation, asker.entity, key=list(Role).index)
    if is_shut:
        # An insider is told that it is closed.
        return FORBIDDEN if is_inside(asker) else NOTHING
    if allows(permission, role=role, scope=asker.scope):
        also = all(allows(each, role=asker.entity, scope=asker.scope) for each in way.also)
        return YES if also else "400"
    sees = allows(Permission.ENTITY_READ, role=role, scope=asker.scope)
    return FORBIDDEN if sees else NOTHING


def _in_project(asker: Asker, way: Way, place: Place) -> str:
    permission = way.rule
    assert isinstance(permission, Permission)
    if place.is_suspended:
        return FORBIDDEN if is_inside(asker) and not way.is_begun else NOTHING
    entity_too = all(allows(each, role=asker.entity, scope=asker.scope) for each in way.also)
    if way.door is Door.CLIENT:  # it takes no cookies
        asker = replace(asker, has_link=False)
    if asker.may(permission, place, is_run=way.is_run) and entity_too:
        return YES
    sees = asker.may(Permission.PROJECT_READ, place) and not way.is_begun
    return FORBIDDEN if sees and entity_too else NOTHING


def is_inside(asker: Asker) -> bool:
    return (
        allows(Permission.ENTITY_READ, role=asker.entity) and not asker.is_service
    )  # that is of the lab alone


def knows_otherwise(asker: Asker, way: Way) -> bool:
    """Whoever may make projects in the team would make the one that is not there, and sees the team itself."""
    return (way.is_new or bool(way.also)) and allows(
        Permission.PROJECT_CREATE, role=asker.entity, scope=asker.scope
    )


def seen_by(world: World, asker: Asker, way: Way) -> set[str]:
    """The words of others that this asker may be shown, wherever they are."""
    askers_key_is_void = asker.is_refused_key and way.door is not Door.WEB
    seen = set() if askers_key_is_void else {
        place.mark for place in world.places if asker.may(Permission.PROJECT_READ, place)
    }  # fmt: skip
    if allows(Permission.ENTITY_READ, role=asker.entity, scope=asker.scope):
        seen.add("mark-robot")
    if allows(Permission.ENTITY_ADMIN, role=asker.entity, scope=asker.scope):
        seen |= {"mark-invited", "mark-team"}
    return seen


def outcome(way: Way, heard: Heard) -> str:
    if heard.status == 302 and heard.place.startswith(("/sign-in", "/sign-up")):
        return WHO
    if heard.status == 200 and way.answer:
        return _of_graphql(way, jsontext.loads(heard.body))
    words = {401: WHO, 403: FORBIDDEN, 404: NOTHING}
    return YES if heard.status < 400 else words.get(heard.status, str(heard.status))


def _of_graphql(way: Way, answer: Any) -> str:
    for error in answer.get("errors") or ():
        code = error["extensions"]["code"]
        return _CODES.get(code, f"{code}: {error['message']}")
    found = answer["data"]
    for step in way.answer:
        if not found:
            return NOTHING
        found = found[int(step)] if step.isdecimal() else found[step]
    if found is None:
        return NOTHING
    missing = [name for name in way.beside if found[name] is None]
    return f"without {', '.join(missing)}" if missing else YES


def visibilities(way: Way, world: World) -> list[Place]:
    """The columns that make a difference to this way in."""
    if way.level is Level.PROJECT:
        whose = way.is_run and way.rule in TO_OWN_RUNS  # else it makes no difference who added the run
        # What is kept to its own people is shared by nobody: tests/projects/test_sharing.py says in which words.
        is_sharing = way.rule == Permission.PROJECT_SHARE
        places = [each for each in world.places if not (each.is_kept and is_sharing)]
        return [each for each in places if whose or "run" not in each.name]
    first, suspended = world.places[0], world.place(SUSPENDED)
    return [first, suspended] if way.level is Level.TEAM else [first]


def measured(asker: Asker, way: Way) -> bool:
    """A key is no way into a page."""
    return not (way.door is Door.WEB and asker.by_key_alone)


__all__ = ["SHARE", "Measure", "Mismatch", "expected", "measured", "outcome", "visibilities"]
