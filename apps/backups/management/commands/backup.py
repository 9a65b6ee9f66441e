from __future__ import annotations

import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.backups.taking import back_up
from apps.core.amounts import counted
from apps.core.errors import OwnlogError


class Command(BaseCommand):
    help = (
        "Back up both databases, the files and, in another place, the root key, while the instance goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a new folder for this backup")
        parser.add_argument(
            "--keys",
            type=Path,
            required=True,
            help="where the root key goes: apart from the backups and the data",
        )

    def handle(self, *args: Any, folder: Path, keys: Path, **options: Any) -> None:
        try:
            made = back_up(folder, keys)
        except OwnlogError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(
                f"The backup cannot be written ({error.strerror}): {error.filename}"
            ) from error
        except sqlite3.Error as error:  # a full disk, among others
            raise CommandError(f"The backup cannot be written ({error}): {folder}") from error
        self.stdout.write(f"databases: {folder}, as of one moment, every key in the vault opened")
        if made.bucket:
            self.stdout.write(
                f"files: they are the bucket's own ({made.bucket}): let it keep versions, or copy it too"
            )
        else:
            self.stdout.write(f"files: {made.blobs}")
        self.stdout.write(f"root key: generation {made.generation}, {keys}; older ones there are destroyed")
        if made.missing:
            raise CommandError(
                f"{counted(made.missing, 'file that the database names is', 'files that the database names are')} not in the store of this instance. The rest is backed up."
            )
