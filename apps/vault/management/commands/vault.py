from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from apps.core.errors import OwnlogError
from apps.vault import readiness, roots


class Command(BaseCommand):
    help = "The vault: make it ready (first start), show its state, or open every key in it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["ready", "status", "verify"])

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        acts = {"ready": self.ready, "status": self.status, "verify": self.verify}
        try:
            acts[act]()
        except OwnlogError as error:
            raise CommandError(error.message) from error
        except OperationalError as error:
            raise CommandError(
                f"The vault {readiness.vault_place()} cannot be used. If it has no tables yet, run: manage.py migrate "
                f"--database vault"
            ) from error

    def ready(self) -> None:
        generation = readiness.make_ready()
        self.stdout.write(f"vault: ready, root generation {generation}")
        self._warn()

    def status(self) -> None:
        generation = readiness.require_fit()
        self.stdout.write(f"vault: {readiness.vault_place()}")
        self.stdout.write(f"root key: generation {generation}, {roots.provider().where(generation)}")
        for kind, count in sorted(readiness.count_nodes().items()):
            self.stdout.write(f"{kind}: {count}")
        self._warn()

    def verify(self) -> None:
        readiness.require_fit()
        verdict = readiness.verify()
        self.stdout.write(f"opened: {verdict.opened}")
        self.stdout.write(f"below an erased key: {verdict.unreachable}")
        for row in verdict.damaged:
            self.stderr.write(f"damaged: {row}")
        if verdict.damaged:
            raise CommandError(
                f"{len(verdict.damaged)} keys do not open. Put back the newest copy of the vault."
            )

    def _warn(self) -> None:
        for warning in roots.provider().warnings():
            self.stderr.write(f"warning: {warning}")
