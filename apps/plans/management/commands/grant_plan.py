from __future__ import annotations

from argparse import ArgumentParser
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Invalid
from apps.plans.models import Entitlement
from apps.plans.services import grant_plan, withdraw_plan
from apps.plans.types import Plan


class Command(BaseCommand):
    help = "Let a person make teams on a hosted instance, or end that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the account's name")
        parser.add_argument("plan", choices=[*(each.value for each in Plan), "none"])
        parser.add_argument("--until", type=_day, help="the last day, as 2027-03-31 (UTC)")

    def handle(self, *args: Any, name: str, plan: str, until: date | None, **options: Any) -> None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError("There is no account of this name.")
        if plan == "none":
            for held in Entitlement.objects.filter(user=user):
                withdraw_plan(held, by=Actor.system())
            self.stdout.write(f"{name} has no plan.")
            return
        # The day itself still counts.
        end = datetime.combine(until + timedelta(days=1), time(), tzinfo=UTC) if until else None
        try:
            grant_plan(user, Plan(plan), until=end, by=Actor.system())
        except Invalid as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{name} has the plan {plan}{f' until {until}' if until else ''}.")


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    if day == date.max:  # the last that there is has none after it
        raise ValueError(text)
    return day
