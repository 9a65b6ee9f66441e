from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.amounts import counted
from apps.statistics.names import LIST, listed, words_in, written
from apps.statistics.parsing import NAME, normalised


class Command(BaseCommand):
    help = (
        "Renew the list of public library names that statistics may count, from a file that you have: a table with the columns "
        "name and rank (tab separated, with a first line that names them), or JSON with rows of project names, the most "
        "downloaded first. Nothing is fetched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, help="where the file comes from, in words")
        parser.add_argument("--licence", required=True, help="under which licence")
        parser.add_argument("--date", required=True, type=date.fromisoformat, help="of which day it is")
        parser.add_argument("--rank", default="rank", help="the column of the rank in a table")
        parser.add_argument("--most", type=int, default=8000, help="how many names (default: 8000)")
        parser.add_argument(
            "--to", type=Path, default=LIST, help="where to write it (default: the list itself)"
        )

    def handle(self, *args: Any, file: Path, to: Path, most: int, **options: Any) -> None:
        try:
            text = file.read_text("utf-8")
            ranked = from_json(text) if text.lstrip().startswith("{") else from_table(text, options["rank"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CommandError(f"{file} is not such a file ({type(error).__name__}).") from None
        names = [name for name in map(normalised, ranked) if NAME.fullmatch(name)][:most]
        if len(names) < 100:
            raise CommandError(f"{file} names {counted(len(names), 'package')}: that is no list to count by.")
        before = set(words_in(to)) if to.exists() else set()
        to.write_text(
            written(names, source=options["source"], on=options["date"], licence=options["licence"]), "utf-8"
        )
        listed.cache_clear()
        after = set(names)
        self.stdout.write(
            f"{to}: {counted(len(after), 'name')}, {len(after - before)} new, {len(before - after)} gone; commit it with the code"
        )


def from_table(text: str, column: str) -> list[str]:
    """The names of a table in the order of their ranks; those without one are left out."""
    lines = text.splitlines()
    heads = lines[0].split("\t")
    name, rank = heads.index("name"), heads.index(column)
    rows = (line.split("\t") for line in lines[1:])
    found = [
        (int(row[rank]), row[name]) for row in rows if len(row) > max(name, rank) and row[rank].isdigit()
    ]
    return [each for place, each in sorted(found) if place > 0]


def from_json(text: str) -> list[str]:
    """The names of `{"rows": [{"project": …}, …]}`, in their order."""
    return [str(row["project"]) for row in json.loads(text)["rows"]]
