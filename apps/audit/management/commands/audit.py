from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit import accepting, guards, sealing, verifying


class Command(BaseCommand):
    help = (
        "The audit record: verify it from the first event to the last; link what waits; make the database refuse changes; "
        "or accept, on the record, that its end was lost with an older backup."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("act", choices=["verify", "seal", "guard", "accept-loss"])

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        acts = {
            "verify": self.verify,
            "seal": self.seal,
            "guard": self.guard,
            "accept-loss": self.accept_loss,
        }
        acts[act]()

    def verify(self) -> None:
        found = verifying.verify()
        facts = f"{found.linked} events linked, {found.waiting} waiting, head {found.head}"
        if found.doubts:
            others = f" (and {len(found.doubts) - 1} more)" if len(found.doubts) > 1 else ""
            raise CommandError(f"audit: IN DOUBT: {found.doubts[0]}{others}; {facts}")
        self.stdout.write(f"audit: whole: {facts}")

    def seal(self) -> None:
        self.stdout.write(f"audit: {sealing.seal(everywhere=True)} events linked")

    def guard(self) -> None:
        guards.put_on()
        self.stdout.write("audit: the database refuses changes of the record")

    def accept_loss(self) -> None:
        lost = accepting.accept_loss()
        self.stdout.write(f"audit: {lost} events are gone from the end, which is now on the record")
