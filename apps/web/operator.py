"""Who runs the instance, as its pages say it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email


@dataclass(frozen=True, slots=True)
class Operator:
    """Empty where the operator has not said: the pages then say that they have not."""

    name: str
    contact: str

    @property
    def href(self) -> str:
        """A link for a mail address; a postal address or a telephone number has none."""
        try:
            validate_email(self.contact)
        except ValidationError:
            return ""
        return f"mailto:{self.contact}"


def operator() -> Operator:
    return Operator(name=settings.OWNLOG_OPERATOR_NAME, contact=settings.OWNLOG_OPERATOR_CONTACT)
