from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.core.errors import OwnlogError
from apps.teams.services import create_account_with_key


class Command(BaseCommand):
    help = "Make an account with an API key and print the key. The first account owns the instance."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="2 to 39 small letters, digits, - and _")
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--api-key-stdin",
            action="store_true",
            help="take the key to use from standard input; it is not printed",
        )

    def handle(self, *args: Any, name: str, email: str, api_key_stdin: bool, **options: Any) -> None:
        secret = sys.stdin.readline().strip() if api_key_stdin else None
        try:
            user, shown = create_account_with_key(name, email=email, by=Actor.system(), secret=secret)
        except OwnlogError as error:
            raise CommandError(error.message) from None
        self.stdout.write(
            f"account {user.username}: it has no password yet. This prints a link that sets one, once:"
        )
        self.stdout.write(f"  .venv/bin/python manage.py reset_link {user.username}")
        if secret is None:
            self.stdout.write(f"API key (shown once): {shown}")
