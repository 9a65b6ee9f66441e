from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.accounts.hand_over import person_called
from apps.accounts.services import make_operator
from apps.core.errors import NotFound


class Command(BaseCommand):
    help = "Let somebody operate the instance too. Who is its only operator does this before their own account is erased."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the account's name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            person = person_called(name)
            make_operator(person, by=Actor.operator())
        except NotFound as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{person.username} operates this instance.")
