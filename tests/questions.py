"""How many questions something asks the two databases: of many things it should be as many as of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections
from django.test.utils import CaptureQueriesContext

from apps.vault.keys import keys_in_use

T = TypeVar("T")


def questions(ask: Callable[[], T]) -> tuple[int, T]:
    """How many it asks, and what comes of it. Keys are opened once, as in a request."""
    with (
        keys_in_use(),
        CaptureQueriesContext(connections["default"]) as here,
        CaptureQueriesContext(connections["vault"]) as keys,
    ):
        found = ask()
    return len(here) + len(keys), found
