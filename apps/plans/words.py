"""What people write to the operators: what is taken, and how it is sealed."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _

from apps.core.errors import Invalid

LONGEST_ADDRESS = 500
LONGEST_TEXT = 4_000
ADDRESS, USE, EVIDENCE = "plans.request.address", "plans.request.use", "plans.request.evidence"
REASON, STEP = "plans.request.reason", "plans.step.text"

_is_url = URLValidator(schemes=["http", "https"])
# Controls and marks that turn text around: in an address they only ever mislead.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


def validate_address(text: str) -> None:
    """An address of the web, as it stands in a browser. It is looked at as text: nothing is fetched."""
    if len(text) > LONGEST_ADDRESS:
        raise ValidationError(_("An address has at most %(n)d letters.") % {"n": LONGEST_ADDRESS})
    try:
        _is_url(text)
        parts = urlsplit(text)
    except (ValidationError, ValueError):
        raise ValidationError(
            _("This is no address of a page. It begins with https:// or http://.")
        ) from None
    if "@" in parts.netloc or any(unicodedata.category(letter) in _UNSEEN for letter in text):
        raise ValidationError(
            _("An address has no name or password in it, and no letters that cannot be seen.")
        )


def validate_text(text: str) -> None:
    if not text.strip():
        raise ValidationError(_("There are no words in it."))
    if len(text) > LONGEST_TEXT:
        raise ValidationError(_("At most %(n)d letters.") % {"n": LONGEST_TEXT})
    if any(unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\n\r\t" for letter in text):
        raise ValidationError(_("There is a character in it that no page can show."))


def checked(text: str, check: Callable[[str], None]) -> str:
    """The text as it is kept; Invalid, with the reason, when it is not."""
    text = text.strip()
    try:
        check(text)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from None
    return text
