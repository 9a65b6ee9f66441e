from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.accounts.hand_over import make_reset_link, person_called
from apps.core.errors import NotFound


class Command(BaseCommand):
    help = "Print a link with which somebody sets a new password, once. For instances without a mail server."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the account's name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            path = make_reset_link(person_called(name), by=Actor.system())
        except NotFound as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{settings.OWNLOG_BASE_URL}{path}")
        if not settings.OWNLOG_BASE_URL:
            # Not beside it: what is piped on is the link alone.
            self.stderr.write(
                "It is opened after the address of the instance, which OWNLOG_BASE_URL does not say."
            )
