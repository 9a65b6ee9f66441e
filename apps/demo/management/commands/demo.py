from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.core.errors import OwnlogError
from apps.demo.live import NAME, log_live
from apps.demo.people import PASSWORD
from apps.demo.world import make_world


class Command(BaseCommand):
    help = "Fill this instance with a believable world: three people, a team, three projects with runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=24, help="in the first project; fewer in the others")
        parser.add_argument(
            "--address", default=settings.OWNLOG_BASE_URL, help="of the instance, to sign in at"
        )
        parser.add_argument("--steps", type=int, default=1500, help="of each run")

        parser.add_argument("--live", action="store_true", help="then log one more run, until Ctrl-C")

    def handle(
        self, *args: Any, runs: int, steps: int, address: str, live: bool = False, **options: Any
    ) -> None:
        try:
            world = make_world(runs=runs, steps=steps)
        except OwnlogError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"people: {', '.join(world.people)}; each with the password: {PASSWORD}")
        self.stdout.write(f"alice’s API key (shown once): {world.api_key}")
        self.stdout.write(f"projects: {', '.join(world.projects)}")
        self.stdout.write(f"runs: {world.runs}")
        self.stdout.write(
            f"sign in as one of them at {address}/sign-in (make up starts the instance if it is not up)"
        )
        if live:
            self._go_on(address, by=world.by)

    def _go_on(self, address: str, *, by: Actor) -> None:
        self.stdout.write(
            f"\nalice’s run {NAME} is logging now: {address}/alice/vision/runs/{NAME}\n"
            "Ctrl-C, or Stop on its page, ends it; all else stays."
        )
        try:
            log_live(by)
        except OwnlogError as error:  # erased while it ran
            self.stdout.write(error.message)
