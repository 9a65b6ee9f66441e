"""Names of accounts and teams: they share one namespace and stand first in every URL."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

# What stands where the name of something erased stood: no name begins so, and nobody can take it or ask for it.
NO_NAME = "~"
NAME_PATTERN = r"[a-z0-9][a-z0-9_-]{1,38}"

# First segments of the instance's own URLs, and words that would mislead in that place.
RESERVED = frozenset(
    [
        "about",
        "account",
        "accounts",
        "admin",
        "api",
        "artifacts",
        "artifactsv2",
        "authorize",
        "components",
        "demo",
        "docs",
        "erasures",
        "exports",
        "favicon",
        "files",
        "find",
        "go",
        "graphql",
        "health",
        "home",
        "invitations",
        "legal",
        "login",
        "logout",
        "me",
        "metrics",
        "nobody",
        "oidc",
        "operator",
        "organisations",
        "organizations",
        "ownlog",
        "pricing",
        "privacy",
        "projects",
        "public",
        "receipts",
        "registry",
        "root",
        "sdk",
        "security",
        "service",
        "settings",
        "share",
        "sign-in",
        "sign-out",
        "sign-up",
        "signin",
        "signout",
        "signup",
        "static",
        "statistics",
        "storage",
        "support",
        "system",
        "teams",
        "terms",
        "uploads",
        "users",
        "wandb",
        "www",
    ]
)


class NotReserved:
    def __call__(self, value: str) -> None:
        if value.lower() in RESERVED:
            raise ValidationError(
                _("This name is kept for the instance itself. Choose another."), code="reserved"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotReserved)

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, object]]:
        return "apps.accounts.names.NotReserved", (), {}


USERNAME_VALIDATORS: list[Callable[[str], None]] = [
    RegexValidator(
        rf"^{NAME_PATTERN}\Z",
        _("Use 2 to 39 small letters, digits, - and _, the first a letter or a digit."),
    ),
    NotReserved(),
]


def is_name(text: str) -> bool:
    """Could an account or a team be called so? Ask before a query: no database takes every text."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def as_stored(text: str) -> str:
    """A name as somebody wrote it: capitals are the same name. Those of ASCII alone: the Kelvin sign would become a k as well."""
    return text.lower() if text.isascii() else text
