from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.backups.restoring import restore
from apps.core.amounts import counted
from apps.core.errors import OwnlogError


class Command(BaseCommand):
    help = "Put a backup into an empty instance. What its vault knows to be erased stays erased."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a backup")
        parser.add_argument("--keys", type=Path, required=True, help="where its root key is")
        parser.add_argument(
            "--vault", type=Path, help="a newer backup, or a copy of the vault: only it opens after erasures"
        )

    def handle(self, *args: Any, folder: Path, keys: Path, vault: Path | None = None, **options: Any) -> None:
        try:
            done = restore(folder, keys, vault)
        except OwnlogError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"databases: as of {done.made.made_at}, {counted(done.keys, 'row')} of the vault")
        self.stdout.write(f"files: {done.blobs}" if not done.made.bucket else f"files: in {done.made.bucket}")
        self.stdout.write(f"erased again: {done.erased}")
