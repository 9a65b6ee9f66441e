"""Whom mails of alerts and webhooks go to: people who may still read, or still change, what they tell of."""

from __future__ import annotations

from dataclasses import replace

from apps.access.policy import Permission, allows
from apps.runs.notices import _concerned
from apps.webhooks.models import Hook
from apps.webhooks.notices import _may_change
from tests.matrix.world import Asker, Place
from tests.mutations.direct import Scene

P = Permission


def _is_person(asker: Asker) -> bool:
    return bool(asker.cookies) and asker.actor.is_signed_in


def _is_mailed(s: Scene, place: Place, asker: Asker) -> bool:
    """Of an alert of a run that they once added."""
    if not _is_person(asker):
        return False
    user, run = s.user(asker.actor.username), s.run(place)
    run.created_by = user
    return user in {each for each, _ in _concerned(run)}


def _looks_after(hook_id: str, s: Scene, asker: Asker) -> bool:
    hook = Hook.objects.select_related("project__entity", "entity").get(public_id=hook_id)
    return _is_person(asker) and _may_change(s.user(asker.actor.username), hook)


# What they answer, and what they should: links that a browser holds are no reason for a mail.
CHECKS = {
    "notices._concerned": (
        _is_mailed,
        lambda s, p, a: _is_person(a) and replace(a, has_link=False).may(P.RUN_READ, p),
    ),
    "notices._may_change of a project": (
        lambda s, p, a: _looks_after(p.target.hook_id, s, a),
        lambda s, p, a: _is_person(a) and a.may(P.PROJECT_ADMIN, p),
    ),
    "notices._may_change of a team": (
        lambda s, p, a: _looks_after(s.world.ids["team webhook"], s, a),
        lambda s, p, a: _is_person(a) and allows(P.ENTITY_ADMIN, role=a.entity, scope=a.scope),
    ),
}
