"""Google and GitHub, asked who somebody is and nothing else. What is asked for is a constant here, not a setting."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

SCOPES = {"google": "openid email", "github": "user:email"}
AGAIN = "again"  # the process of proving once more who one is
NAMES = {"google": "Google", "github": "GitHub"}


@dataclass(frozen=True, slots=True)
class Offered:
    """A provider that the operator has configured, as pages show it."""

    id: str
    name: str
    scope: str


def offered() -> list[Offered]:
    return [Offered(each, NAMES[each], scope) for each, scope in SCOPES.items() if credentials(each)[0]]


def credentials(provider: str) -> tuple[str, str]:
    """Client id and secret from the environment; empty when the operator has set none."""
    return {
        "google": (settings.OWNLOG_GOOGLE_CLIENT_ID, settings.OWNLOG_GOOGLE_CLIENT_SECRET),
        "github": (settings.OWNLOG_GITHUB_CLIENT_ID, settings.OWNLOG_GITHUB_CLIENT_SECRET),
    }[provider]
