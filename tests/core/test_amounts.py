"""How much there is of something, measured in the database."""

from __future__ import annotations

from apps.accounts.models import User
from apps.core.amounts import Amount, amount_of
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Invitation, Setting
from apps.teams.services import choose, invite
from apps.teams.types import MemberRole
from tests.factories import people


def test_nothing_is_nothing(db: None) -> None:
    assert amount_of(Setting.objects.all()) == Amount()


def test_an_encrypted_field_counts_as_it_is_stored(lab: Entity, alice: User) -> None:
    made, _secret = invite(lab, role=MemberRole.MEMBER, by=people.actor(alice), email="new@example.com")
    rows, sealed = Invitation.objects.all(), len(made.sealed_email or b"")
    before = amount_of(rows)

    rows.update(sealed_email=b"\xff" * 1000)
    longer = amount_of(rows)
    rows.update(sealed_email=None)

    assert before.count == 1
    assert longer.stored_bytes == before.stored_bytes - sealed + 1000
    assert amount_of(rows).stored_bytes == before.stored_bytes - sealed > 0


def test_what_stands_in_the_clear_counts_by_its_letters(lab: Entity, alice: User) -> None:
    choose(lab, SettingName.CODE_SAVING, True, by=people.actor(alice))
    rows = Setting.objects.all()
    before = amount_of(rows)

    rows.update(value="x" * (len(rows.get().value) + 7))

    assert amount_of(rows) == Amount(before.count, before.stored_bytes + 7)


def test_several_rows_are_as_much_as_each_of_them(lab: Entity, alice: User) -> None:
    for email in ("new@example.com", "another@example.com", ""):
        invite(lab, role=MemberRole.MEMBER, by=people.actor(alice), email=email)
    rows = Invitation.objects.all()

    each = [amount_of(rows.filter(pk=pk)) for pk in rows.values_list("pk", flat=True)]

    assert amount_of(rows) == sum(each, Amount())
    assert [one.count for one in each] == [1, 1, 1]
