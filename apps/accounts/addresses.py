"""E-mail addresses: each mailbox is written in one way, so that what a database or a mail server takes for the same is the same here.

Small letters, and a domain in letters of others as mail servers ask for it (`xn--…`). Before the @ stands ASCII alone: the small
letter of the Kelvin sign is a k, and what somebody confirmed as theirs elsewhere would be another's address here.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode
from django.utils.translation import gettext_lazy

from apps.accounts.names import as_stored, is_name

# The longest that mail can be sent to (RFC 5321), and the room that there is for one.
LONGEST_ADDRESS = 254
_TOO_LONG = gettext_lazy("An address has no more than %(limit_value)d characters.")
# The rules of 2003, by which Python spells a domain, make others of these, or nothing; by those of 2008 they are letters of their own,
# and the domains of different people.
_OF_ANOTHER_DOMAIN = frozenset("\u00df\u1e9e\u03c2\u200c\u200d")


def address_as_stored(text: str) -> str:
    """The address that somebody means who writes this; ValidationError when it is none."""
    text = text.strip()
    _check_length(text)
    local, _at, domain = text.rpartition("@")
    is_one = local.isascii() and _OF_ANOTHER_DOMAIN.isdisjoint(domain)
    try:
        address = f"{local}@{punycode(domain)}" if is_one else ""
    except UnicodeError:  # no domain could be called so
        address = ""
    _check_length(address)  # in these letters it is longer
    validate_email(address)
    return address.lower()


def check_address(text: str) -> None:
    """A validator of forms: it sees what was typed, before small letters are made of it."""
    address_as_stored(text)


def login_as_stored(text: str) -> str:
    """The address or the user name that somebody means who types this to sign in; empty when nobody could have it."""
    if "@" not in text:
        name = as_stored(text.strip())
        return name if is_name(name) else ""
    try:
        return address_as_stored(text)
    except ValidationError:
        return ""


def _check_length(text: str) -> None:
    if len(text) > LONGEST_ADDRESS:
        raise ValidationError(_TOO_LONG, code="max_length", params={"limit_value": LONGEST_ADDRESS})
