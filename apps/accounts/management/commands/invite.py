from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from apps.accounts.addresses import address_as_stored
from apps.accounts.invitations import make_invitation
from apps.accounts.queries import is_taken


class Command(BaseCommand):
    help = "Print a link with which one address can sign up (OWNLOG_SIGN_UP=invited). It works for a week."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            email = address_as_stored(email)
        except ValidationError:
            raise CommandError("This is not an e-mail address.") from None
        if is_taken(email=email):
            raise CommandError("This address has an account already.")
        query = urlencode({"invitation": make_invitation(email)})
        self.stdout.write(f"{settings.OWNLOG_BASE_URL}{reverse('account_signup')}?{query}")
