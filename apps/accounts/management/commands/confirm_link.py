from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.accounts.hand_over import make_confirm_link, person_called
from apps.core.errors import Conflict, NotFound


class Command(BaseCommand):
    help = "Print a link with which somebody confirms the address that waits for it. For instances without a mail server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the account's name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            address, path = make_confirm_link(person_called(name), by=Actor.system())
        except (Conflict, NotFound) as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"for {address}:\n{settings.OWNLOG_BASE_URL}{path}")
