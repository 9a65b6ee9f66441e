"""Who does not want to be found, and whom they are hidden from: everybody outside their teams and organisations."""

from __future__ import annotations

from collections.abc import Iterable

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.ids import is_public_id
from apps.teams.choices import ON, SettingName
from apps.teams.models import Membership, OrganisationMembership, Setting


def hidden_from(actor: Actor, user_ids: Iterable[int | None]) -> set[int]:
    """Those of these people whose names the actor is not told: one question, or three where somebody hides.

    By a key for one entity one is told the names of its people alone.
    """
    asked = {each for each in user_ids if each is not None and each != actor.user_id}
    if not asked:
        return set()
    hiding = Setting.objects.filter(name=SettingName.HIDDEN, value=ON, entity__user_id__in=asked)
    hidden = set(hiding.values_list("entity__user_id", flat=True))
    return hidden - _together_with(actor, hidden) if hidden else set()


def hidden_among(actor: Actor, audit_ids: Iterable[str]) -> set[str]:
    """Those of whom the audit record knows by these ids whose names the actor is not told."""
    wanted = {each for each in audit_ids if is_public_id(each)}
    people = dict(User.objects.filter(public_id__in=wanted).values_list("pk", "public_id")) if wanted else {}
    return {people[each] for each in hidden_from(actor, people)}


def _together_with(actor: Actor, people: set[int]) -> set[int]:
    if actor.user_id is None:
        return set()
    mine = Membership.objects.filter(user_id=actor.user_id, entity__erased_at=None)
    if actor.only_entity is not None:
        mine = mine.filter(entity=actor.only_entity)
    found = set(
        Membership.objects.filter(entity__in=mine.values("entity"), user__in=people).values_list(
            "user_id", flat=True
        )
    )
    if actor.only_entity is not None:
        return found
    ours = OrganisationMembership.objects.filter(user_id=actor.user_id).values("organisation")
    others = OrganisationMembership.objects.filter(organisation__in=ours, user__in=people)
    return found | set(others.values_list("user_id", flat=True))
