"""Who may make teams and organisations. On a hosted instance that takes an entitlement, which an app above this one knows of."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from apps.accounts.actors import Actor

_entitlers: list[Callable[[Actor], bool]] = []


def entitle_by(question: Callable[[Actor], bool]) -> None:
    """Have `question` asked on a hosted instance; one yes is enough, and without any question nobody may."""
    _entitlers.append(question)


def may_create_team(actor: Actor) -> bool:
    """May they make teams and organisations?"""
    return actor.is_signed_in and (
        not settings.OWNLOG_HOSTED or any(is_entitled(actor) for is_entitled in _entitlers)
    )
