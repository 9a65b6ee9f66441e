"""…/runs/{run}/config and …/summary: JSON to the letter."""

from __future__ import annotations

import pytest

from apps.runs.models import Run
from tests.api.conftest import LADDER, RUN, WRITERS, Ask

DOCUMENTS = ["config", "summary"]
TEXT = '{ "nan": NaN, "inf": -Infinity,"big":123456789012345678901234567890,\n "e": 1e5, "ß": "\\ud83d", "z": 1.0 }'


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_comes_back_to_the_letter(ask: Ask, told: Run, name: str) -> None:
    put = ask("PUT", f"{RUN}/{name}", TEXT.encode(), by="bob")
    got = ask("GET", f"{RUN}/{name}", by="vera")

    assert (put.status, put.text, got.text) == (200, TEXT, TEXT)
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["ETag"] == put.headers["ETag"]


@pytest.mark.parametrize(("who", "status"), LADDER)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_who_reads_it(ask: Ask, told: Run, name: str, who: str | None, status: int) -> None:
    assert ask("GET", f"{RUN}/{name}", by=who).status == status


@pytest.mark.parametrize(("who", "status"), WRITERS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_who_replaces_it(ask: Ask, told: Run, name: str, who: str | None, status: int) -> None:
    assert ask("PUT", f"{RUN}/{name}", {"a": 1}, by=who).status == status


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b'{"a": \xff}'])
def test_what_is_no_object_is_refused(ask: Ask, told: Run, body: bytes) -> None:
    assert ask("PUT", f"{RUN}/config", body, by="alice").status == 400


def test_only_what_was_read_is_replaced(ask: Ask, told: Run) -> None:
    tag = ask("GET", f"{RUN}/config", by="alice").headers["ETag"]
    ask("PATCH", RUN, {"notes": "x"}, by="alice")

    assert ask("PUT", f"{RUN}/config", {}, by="alice", If_Match=tag).status == 412
    assert ask("GET", f"{RUN}/config", by="alice", If_None_Match=tag).status == 200
