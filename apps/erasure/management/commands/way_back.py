from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.core.errors import NotFound
from apps.erasure.ways_back import path_of, way_back_for


class Command(BaseCommand):
    help = (
        "Print another link that takes an account back while it waits to be erased, to hand over to its person. The one before "
        "leads nowhere then. For instances without a mail server, and for mails that were lost."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the account was called")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            secret = way_back_for(name, by=Actor.operator())
        except NotFound as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{settings.OWNLOG_BASE_URL}{path_of(secret)}")
