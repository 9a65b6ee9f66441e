from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.core.amounts import counted
from apps.core.errors import OwnlogError
from apps.erasure.models import ErasureJob
from apps.erasure.named import Kind, Named, named
from apps.erasure.services import advance
from apps.erasure.types import Scope, Step
from apps.vault import epochs
from apps.vault.tree import keys_in_use

_BETWEEN_LOOKS_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 3600.0


class Command(BaseCommand):
    help = (
        "Erase an account, a team or an organisation (account NAME), a project (project ENTITY/PROJECT), runs (run ENTITY/PROJECT ID…), files (file ENTITY/PROJECT/RUN NAME…), versions "
        "of artifacts (version ENTITY/PROJECT NAME:v3…), an artifact or a registry's collection (artifact ENTITY/PROJECT "
        "NAME), or parts of a run that itself stays (metric, system, summary, config or media ENTITY/PROJECT/RUN NAME…). Says what would go, asks for its name, and waits until it is gone. The record says that it was asked on "
        "the instance's machine."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kind", choices=[kind.value for kind in Kind])
        parser.add_argument(
            "place",
            help="NAME, or ENTITY/PROJECT, and for files and parts of a run ENTITY/PROJECT/RUN",
        )
        parser.add_argument(
            "names", nargs="*", help="what is erased there; nothing for what is named already"
        )
        parser.add_argument(
            "--yes", metavar="NAME", help="its name, or of several their number: is not asked for"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and erase nothing")
        parser.add_argument(
            "--now",
            action="store_true",
            help="at once, also where its owner may take erasures back for some days",
        )
        parser.add_argument("--no-wait", action="store_true", help="leave the rest to the workers")

    def handle(
        self,
        *args: Any,
        kind: str,
        place: str,
        names: list[str],
        yes: str | None = None,
        dry_run: bool = False,
        no_wait: bool = False,
        now: bool = False,
        **options: Any,
    ) -> None:
        try:
            with keys_in_use():
                job = self._begun(named(Kind(kind), place, names), place, yes=yes, dry_run=dry_run, now=now)
        except OwnlogError as error:
            raise CommandError(error.message) from None
        if job is None:
            return
        closed = "closed, nobody finds it any more"
        if job.scope == Scope.PART:
            closed = "the run is closed, and comes back without it"
        self.stdout.write(f"erasure {job.public_id}: {closed}")
        if job.step == Step.WAIT:
            self.stdout.write(
                f"Its owner can take it back until {job.begins_at:%Y-%m-%d %H:%M} UTC; then the workers do the rest."
            )
        elif no_wait:
            self.stdout.write("The workers do the rest; its page says how far it is.")
        else:
            self._carry_on(job)

    def _begun(
        self, found: Named, place: str, *, yes: str | None, dry_run: bool, now: bool
    ) -> ErasureJob | None:
        for what, count in found.counted.items():
            self.stdout.write(f"{what}: {count}")
        if dry_run:
            self.stdout.write("Nothing was erased.")
            return None
        word = found.word or place
        if (self._asked(word) if yes is None else yes) != word:
            raise CommandError(f"Nothing was erased: to erase this, the word is {word!r}.")
        return found.begin(Actor.operator(), now)

    def _asked(self, word: str) -> str:
        self.stdout.write(f"To erase it, type: {word}")
        try:
            return input().strip()
        except EOFError:
            return ""

    def _carry_on(self, job: ErasureJob) -> None:
        """Also without a worker. Where one is at it already, it is waited for."""
        ends, step = time.monotonic() + _LONGEST_WAIT_SECONDS, job.step
        while job.done_at is None:
            if time.monotonic() > ends:
                raise CommandError(f"erasure {job.public_id} is not done yet; the workers go on with it.")
            try:
                with keys_in_use():
                    advance(job.pk)
                    job.refresh_from_db()
                    if job.step == Step.EPOCH:
                        epochs.run()  # unless a worker is at it, which is waited for
            except Exception as error:
                said = f"erasure {job.public_id} broke off ({type(error).__name__}); the workers try it again until it is done."
                raise CommandError(said) from error
            if job.step != step:
                step = job.step
            elif job.done_at is None:
                time.sleep(_BETWEEN_LOOKS_SECONDS)
        gone = {"run": job.runs, "version": job.versions, "value": job.values, "file": job.files}
        gone["byte"] = job.stored_bytes
        self.stdout.write(
            f"erasure {job.public_id}: done, "
            + ", ".join(counted(count, what) for what, count in gone.items() if count)
        )
