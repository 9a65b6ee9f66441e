"""Requests, a worker and people on one run at the same moment: each line is kept once, and nobody's word is lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Unavailable
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.queries import open_run
from apps.runs.services import change_tags, request_stop
from apps.runs.types import Lines, Stream, StreamRequest
from tests.runs.history.sending import rows_from

_LINES = 24


def _send(pk: int, seed: int, writer: str = "") -> None:
    """All lines in pieces that overlap, as a client that gets no answers sends them."""
    numbers, first = random.Random(seed), 0
    while first < _LINES:
        count = numbers.randint(1, 5)
        part = Lines(first, rows_from(first, min(count, _LINES - first)))
        streams = {Stream.HISTORY: part, Stream.OUTPUT: Lines(first, [f"line {first}"])}
        try:
            store.append(Run.objects.get(pk=pk), StreamRequest(streams=streams, writer=writer))
        except Unavailable:
            first = 0
            continue
        first += max(1, count - numbers.randint(0, 2))


@pytest.mark.django_db(transaction=True, databases=["default", "vault"])
def test_whatever_comes_at_once_each_line_is_kept_once(run: Run, alice: User) -> None:
    by = Actor.person(alice)

    def compact() -> None:
        for _ in range(4):
            store.compact(Run.objects.get(pk=run.pk))

    def people() -> None:
        for number in range(4):
            change_tags([Run.objects.get(pk=run.pk)], add=[f"t{number}"], remove=[], by=by)
        request_stop(Run.objects.get(pk=run.pk), by=by)

    acts: list[Callable[[], None]] = [
        lambda: _send(run.pk, 1),
        lambda: _send(run.pk, 2),
        lambda: _send(run.pk, 3, writer="other"),
        compact,
        people,
    ]

    def go(act: Callable[[], None]) -> None:
        try:
            act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        list(pool.map(go, acts))

    after = Run.objects.get(pk=run.pk)
    rows = [row["_step"] for row in store.scan(after, Stream.HISTORY)]
    assert sorted(rows) == sorted([*range(_LINES), *range(_LINES)])
    assert (after.history_lines, after.stop_requested_at is not None) == (2 * _LINES, True)
    assert open_run(after).head.tags == [f"t{number}" for number in range(4)]
    assert store.keys_of(after).keys["_step",].count == 2 * _LINES
