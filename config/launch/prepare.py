"""Bring the data folder up to date in one process: both databases, then the vault.

Run as `python -m config.launch.prepare`. It exits non-zero, with what to do on standard error, when the instance must not start.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import django
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from apps.core.errors import OwnlogError
from config.env import BadSetting


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    try:
        django.setup()
        with _one_at_a_time():
            _require_whole()
            # The vault first: a key is always there before what it seals.
            for alias in ("vault", "default"):
                _migrate(alias)
            _learn_to_shrink()
            call_command("vault", "ready")
            _check_store()
            _erase_again()
    except CommandError as error:
        print(f"ownlog: {error}", file=sys.stderr)
        return error.returncode or 1
    except (BadSetting, DatabaseError, OSError, OwnlogError) as error:
        print(f"ownlog: cannot start: {error}", file=sys.stderr)
        return 1
    connections.close_all()
    return 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """`make demo` prepares as `make up` does, perhaps while that has only begun: of two, one would find half a table."""
    with (settings.OWNLOG_DATA / "prepare.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("ownlog: this instance is being prepared by another process; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_whole() -> None:
    from apps.backups.mark import begun_of, mark

    if mark().exists():
        raise BadSetting(
            f"a restore into this instance was broken off. Run it again: manage.py restore {begun_of()} --keys ..."
        )


def _erase_again() -> None:
    """What was erased since a backup of the main database was made that stands here now stays erased."""
    from apps.vault.erased import last_erased_at

    if last_erased_at() is None:
        return
    # Imported only where something was erased: it takes longer than all else here.
    from apps.erasure.replay import erase_again_if_older

    if gone := erase_again_if_older():
        print(
            f"ownlog: the main database is older than the vault: {gone} things that were erased are erased again"
        )


def _check_store() -> None:
    # Imported here: apps can be imported only after django.setup().
    from apps.blobs.store import default_store

    try:
        default_store().check()
    except (OwnlogError, ValueError) as error:
        raise BadSetting(f"OWNLOG_STORAGE_URL cannot be used: {error}") from error


def _migrate(alias: str) -> None:
    """Migrate when there is something to do; asking costs a tenth of the command."""
    executor = MigrationExecutor(connections[alias])
    leaves = executor.loader.graph.leaf_nodes()
    if not executor.migration_plan([leaf for leaf in leaves if alias != "vault" or leaf[0] == "vault"]):
        return
    print(f"ownlog: bringing the {alias} database up to date")
    call_command("migrate", database=alias, interactive=False, verbosity=0)


def _learn_to_shrink() -> None:
    from apps.core.space import can_give_back, is_file, learn_to_give_back

    if not is_file() or can_give_back():
        return
    print("ownlog: writing the database anew, so that it can shrink; this happens once")
    try:
        learn_to_give_back()
    except DatabaseError as error:  # no room for a second copy: it goes on as it was
        print(f"ownlog: not done, tried again at the next start: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
