from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.accounts.services import issue_api_key
from apps.core.errors import Invalid


class Command(BaseCommand):
    help = "Make one more API key for an account and print it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the account's name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError("There is no account of this name.")
        try:
            _, secret = issue_api_key(user, by=Actor.system())
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"API key (shown once): {secret}")
