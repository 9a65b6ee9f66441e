from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from contextlib import closing
from getpass import getpass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.amounts import counted
from apps.core.errors import OwnlogError
from apps.imports.readers.asking import Site
from apps.imports.readers.opening import open_reader, open_site
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, Origin, Reader
from apps.teams.queries import entity_by_name
from apps.vault.tree import keys_in_use


class Command(BaseCommand):
    help = (
        "Bring what was logged elsewhere: an export of Ownlog (a ZIP); or with --from what another program left in a folder, or what a "
        "server of it answers. Its projects become private projects of --into, and are seen once all of it is there. Broken off, it goes "
        "on where it was when it is asked for again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "source", help="the file or folder to import, or the address of a server (mlflow, wandb)"
        )
        parser.add_argument("--into", required=True, metavar="ENTITY", help="a person or a team")
        parser.add_argument(
            "--for", dest="person", metavar="NAME", help="whose the runs are here; else nobody's"
        )
        parser.add_argument(
            "--from", dest="origin", choices=[each.value for each in Origin], default=Origin.OWNLOG.value
        )
        parser.add_argument(
            "--on-clash",
            dest="clash",
            choices=[each.value for each in Clash],
            default=Clash.SKIP.value,
            help="of a project whose name is in use: leave it out, or give it the first free number",
        )
        parser.add_argument(
            "--project",
            dest="only",
            action="append",
            default=[],
            metavar="NAME",
            help="of a server only this one, for wandb as team/name or team/*; may be given again",
        )
        parser.add_argument(
            "--filters",
            default="",
            metavar="JSON",
            help="of a W&B server only the runs that pass, as its client's API filters",
        )
        parser.add_argument(
            "--key",
            action="store_true",
            help="the server asks for a key, or a password: it comes by standard input",
        )
        parser.add_argument("--user", default="", metavar="NAME", help="whose password it is, there")
        parser.add_argument(
            "--leave-missing-out",
            dest="missing_is_lost",
            action="store_true",
            help="of a server whose files are lost, and not only away: each that it answers 404 for is left out at once, though none comes",
        )

    def handle(
        self,
        *args: Any,
        source: str,
        into: str,
        person: str | None = None,
        origin: str = Origin.OWNLOG.value,
        clash: str = Clash.SKIP.value,
        **options: Any,
    ) -> None:
        by, clashed = Actor.operator(), list[str]()
        try:
            with closing(_opened(source, Origin(origin), options)) as reader:
                with keys_in_use():
                    whose = _person(person) if person else by
                    job = ask_for_import(
                        entity_by_name(into), reader, clash=Clash(clash), by=by, whose_runs=whose
                    )
                done = bring(job, reader, by=by, lost=self._say_lost, clashed=clashed.append)
        except OwnlogError as error:
            raise CommandError(error.message) from None
        self.stderr.write(
            f"import {done.public_id}: {counted(done.projects, 'project')}, {counted(done.runs, 'run')}, "
            f"{counted(done.versions, 'version of an artifact', 'versions of artifacts')}; "
            f"{counted(done.left_out, 'thing was', 'things were')} left out"
        )
        if clashed:
            self.stderr.write(
                f"{counted(len(clashed), 'project was', 'projects were')} left out since the name is in use: "
                "with --on-clash rename such a project gets the first free number"
            )

    def _say_lost(self, what: str) -> None:
        """Said at once: nothing here keeps it, so that it is gone with what it is of. A name may hold what a terminal obeys."""
        self.stderr.write(
            f"not there any more: {''.join(each if each.isprintable() else '?' for each in what)}"
        )


def _opened(source: str, origin: Origin, options: Mapping[str, Any]) -> Reader:
    if not source.startswith(("http://", "https://")):
        return open_reader(Path(source), origin)
    key = _key() if options["key"] else ""
    site = Site(source, key, options["user"], missing_is_lost=options["missing_is_lost"])
    return open_site(site, origin, only=options["only"], filters=options["filters"])


def _key() -> str:
    """Not by an argument: those stand in the list of processes, for everybody on the machine to read."""
    return getpass("Key: ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def _person(name: str) -> Actor:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no account {name}.")
    return Actor.person(user)
