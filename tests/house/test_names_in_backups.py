"""Whatever tells of a person in words is taken out of a backup's rows, by its declaration alone, and goes with a key."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import models

from apps.backups.names import named
from apps.core import privacy
from apps.core.privacy import declare

pytestmark = pytest.mark.promise("P-09")


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "_registry", dict(privacy._registry))


def test_all_that_tells_of_a_person_in_words_is_known_and_leads_to_a_key() -> None:
    """Red here? A personal field has to hold text, with room for a placeholder, and its model to go with somebody who has a key."""
    assert {
        f"{each.model._meta.label}.{field.name}" for each in named().values() for field in each.fields
    } == {
        "account.EmailAddress.email",
        "accounts.User.email",
        "accounts.User.password",
        "accounts.User.time_zone",
        "accounts.User.username",
        "mfa.Authenticator.data",
        "runs.Alert.reached",
        "socialaccount.SocialAccount.extra_data",
        "socialaccount.SocialAccount.uid",
        "teams.Entity.name",
        "teams.Organisation.name",
    }
    for each in named().values():
        assert each.query()


def test_a_new_field_is_taken_out_by_its_declaration() -> None:
    class Nickname(models.Model):
        key = models.ForeignKey("accounts.ApiKey", on_delete=models.DO_NOTHING, related_name="+")
        word = models.CharField(max_length=40)

        class Meta:
            app_label = "planted_names"

    declare(Nickname, personal={"word"}, plain={"id", "key"}, goes_with="key")

    found = named()["planted_names_nickname"]
    assert [field.name for field in found.fields] == ["word"]
    assert found.keys == ("key__user__entity__vault_node", "key__user__service_account__entity__vault_node")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (models.CharField(max_length=12), "nothing is known to stand in its place"),
        (models.BinaryField(), "nothing is known to stand in its place"),
        (models.CharField(max_length=40), "no key goes when they are erased"),
    ],
)
def test_one_for_which_nothing_can_stand_or_that_goes_with_no_key_is_seen(
    word: models.Field[Any, Any], said: str
) -> None:
    class Unplaced(models.Model):
        class Meta:
            app_label = f"planted_{abs(hash(said))}_{word.get_internal_type()}"

    word.contribute_to_class(Unplaced, "word")
    declare(Unplaced, personal={"word"}, plain={"id"})

    with pytest.raises(LookupError, match=said):
        named()


def test_a_session_is_shut_by_the_cookie_of_its_browser() -> None:
    assert Session._meta.db_table not in named()
