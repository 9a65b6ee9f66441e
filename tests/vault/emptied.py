"""A vault with nothing in it, in a folder of its own, and an epoch that dies at a step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.conf import settings as settings_of_django
from pytest_django.fixtures import Settings

from apps.vault import readiness, roots
from apps.vault.models import Epoch, Grant, Head, Node, Receipt, Tombstone


def empty_vault_in(folder: Path, settings: Settings) -> None:
    settings.OWNLOG_KEY_DIR = folder / "keys"
    settings.OWNLOG_VAULT_COPY = folder / "copy" / "vault.sqlite3"
    empty_vault()


def empty_vault() -> None:
    for model in (Node, Grant, Tombstone, Head, Epoch, Receipt):
        model._base_manager.all().delete()
    for generation in roots.provider().generations():
        roots.provider().destroy(generation)
    Path(settings_of_django.OWNLOG_KEY_DIR, "vault").unlink(missing_ok=True)
    readiness.make_ready()


class Died(Exception):
    """Stands for a kill -9 where a real one would cost a process; real ones die in test_epochs_in_any_order."""


def dying_at(number: int) -> Callable[[str], None]:
    left = [number]

    def step(_: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Died

    return step
