from __future__ import annotations

from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import OwnlogError
from apps.imports.readers.opening import open_reader
from apps.imports.services import ask_for_import, bring
from apps.imports.types import Clash, Origin
from apps.teams.queries import entity_by_name
from apps.vault.tree import keys_in_use


class Command(BaseCommand):
    help = (
        "Bring what was logged elsewhere: an export of Ownlog (a ZIP), or by --from wandb_offline a folder that the wandb client left "
        "where it had no server. Its projects become private projects of --into, and are seen once all of it is there. Broken off, it goes on where it was when it is asked for again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the file or folder to import")
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

    def handle(
        self,
        *args: Any,
        path: Path,
        into: str,
        person: str | None = None,
        origin: str = Origin.OWNLOG.value,
        clash: str = Clash.SKIP.value,
        **options: Any,
    ) -> None:
        by = Actor.operator()
        try:
            with closing(open_reader(path, Origin(origin))) as reader:
                with keys_in_use():
                    whose = _person(person) if person else by
                    job = ask_for_import(
                        entity_by_name(into), reader, clash=Clash(clash), by=by, whose_runs=whose
                    )
                done = bring(job, reader, by=by)
        except OwnlogError as error:
            raise CommandError(error.message) from None
        self.stderr.write(
            f"import {done.public_id}: {done.projects} projects, {done.runs} runs, {done.versions} versions of artifacts; "
            f"{done.left_out} things were left out"
        )


def _person(name: str) -> Actor:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no account {name}.")
    return Actor.person(user)
