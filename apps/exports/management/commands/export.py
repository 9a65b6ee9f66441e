from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.core import clock
from apps.core.amounts import counted
from apps.core.errors import OwnlogError
from apps.core.pauses import AWAY, reconnect
from apps.exports.models import Export
from apps.exports.named import ask, ask_for_account
from apps.exports.queries import progress_of, read_archive
from apps.exports.services import advance, note_fetched
from apps.exports.types import ExportState, Tables
from apps.vault.tree import keys_in_use

_BETWEEN_LOOKS_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Export a person's or a team's own (ENTITY), a project (ENTITY/PROJECT) or runs of it (ENTITY/PROJECT ID…) into one ZIP, "
        "which is written in the clear where --to says. The record says that it was asked on the instance's machine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("place", help="ENTITY, or ENTITY/PROJECT")
        parser.add_argument(
            "runs", nargs="*", help="ids of runs, as in their addresses; without any the whole project"
        )
        parser.add_argument(
            "--to", required=True, metavar="FILE", help="where the ZIP goes; - for the standard output"
        )
        parser.add_argument(
            "--account",
            action="store_true",
            help="ENTITY is a person, who asked for everything that is held of them: their account as well",
        )
        parser.add_argument("--tables", choices=[each.value for each in Tables], default=Tables.PARQUET.value)

    def handle(
        self,
        *args: Any,
        place: str,
        runs: list[str],
        to: str,
        tables: str = Tables.PARQUET.value,
        account: bool = False,
        **options: Any,
    ) -> None:
        by = Actor.operator()
        if to != "-" and Path(to).exists():
            raise CommandError(f"{to} is there already. Nothing was exported.")
        if account and runs:
            raise CommandError("An account is exported whole: name no runs.")
        try:
            with keys_in_use():
                if account:
                    export = ask_for_account(place, by=by, tables=Tables(tables))
                else:
                    export = ask(place, runs, by=by, tables=Tables(tables))
            self._make(export)
            with keys_in_use(), _opened(to) as file:
                note_fetched(export, by=by)
                for piece in read_archive(export):
                    file.write(piece)
        except OwnlogError as error:
            raise CommandError(error.message) from None
        # The sealed copy has done its work: the next look for what is old erases it.
        Export.objects.filter(pk=export.pk).update(expires_at=clock.now())
        self.stderr.write(
            f"export {export.public_id}: {counted(export.runs, 'run')}, {counted(export.files, 'file')}, {counted(export.size, 'byte')}"
        )

    def _make(self, export: Export) -> None:
        """Also without a worker. Where one is at it already, it is waited for; and so is what cannot be had now, until Ctrl-C."""
        shown, waits = -1, ""
        while export.state != ExportState.READY:
            try:
                advance(export.pk)
                export.refresh_from_db()
            except AWAY as error:
                # Of a database or a disk only what kind it is: their words name places.
                why = error.message if isinstance(error, OwnlogError) else type(error).__name__
                if why != waits:
                    self.stderr.write(f"export {export.public_id} waits: {why}")
                waits = why
                reconnect()
                time.sleep(_BETWEEN_LOOKS_SECONDS)
                continue
            if export.state == ExportState.FAILED:
                raise CommandError(f"export {export.public_id} failed ({export.trouble}).")
            if (percent := progress_of(export).percent) != shown:
                shown = percent
                self.stderr.write(f"export {export.public_id}: {percent} %")
            else:
                time.sleep(_BETWEEN_LOOKS_SECONDS)


@contextmanager
def _opened(to: str) -> Iterator[BinaryIO]:
    """A new file for nobody but its owner, or the standard output."""
    if to == "-":
        yield sys.stdout.buffer
        return
    path = Path(to)
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        yield file
