"""What tells of a person is in the export of their account, or a reason stands in the manifest why it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from django.apps import apps
from django.db import models
from django.db.models import Model

from apps.accounts.models import User
from apps.core.privacy import Declaration, Owed, declared, owed
from apps.exports.telling import opener_of

pytestmark = pytest.mark.promise("P-13")


def ends_with_an_account(model: type[Model], declarations: Mapping[type[Model], Declaration]) -> bool:
    """Do its rows end with those of a person, at however many removes?"""
    while model is not User:
        link = declarations[model].goes_with
        if link is None:
            return False
        above = model._meta.get_field(link).related_model
        assert isinstance(above, type) and issubclass(above, Model)
        model = above
    return True


def of_a_person(declarations: Mapping[type[Model], Declaration]) -> set[str]:
    """What is personal anywhere, and every field of what ends with an account."""
    return {
        f"{model._meta.label}.{field}"
        for model, each in declarations.items()
        for field in (each.fields if ends_with_an_account(model, declarations) else each.personal)
    }


def spoken_of(all_owed: Iterable[Owed]) -> set[str]:
    return {f"{each.model._meta.label}.{field}" for each in all_owed for field in each.fields if field}


def test_every_field_that_tells_of_a_person_is_told_or_withheld_for_a_reason() -> None:
    missing = of_a_person(declared()) - spoken_of(owed())

    assert missing == set(), "say in the app's privacy.py what the export of an account holds of it: owe(...)"


def test_what_nobody_thought_of_is_seen() -> None:
    class Diary(models.Model):
        writer = models.ForeignKey(User, on_delete=models.CASCADE)
        page = models.TextField()

        class Meta:
            app_label = "planted"

    names = frozenset({"writer", "page", "id"})
    planted = dict(declared()) | {Diary: Declaration(Diary, frozenset(), frozenset(), names, "writer")}
    elsewhere = dict(declared()) | {Diary: Declaration(Diary, frozenset(), names, frozenset(), None)}

    for each in (planted, elsewhere):
        seen = of_a_person(each) - of_a_person(declared())
        assert seen - spoken_of(owed()) == {f"planted.Diary.{name}" for name in names}


def test_what_is_owed_are_fields_that_are_there_each_with_one_answer() -> None:
    for each in owed():
        names = {field.name for field in each.model._meta.get_fields()}
        assert set(each.told) <= names and each.withheld.keys() <= names, each
        assert not set(each.told) & each.withheld.keys(), each
        assert all(each.withheld.values()), each
        assert bool(each.told) is bool(each.file), each
        assert each.person.partition("__")[0] in names | {""}, each
    files = [each.file for each in owed() if each.file]
    assert len(files) == len(set(files))
    assert {each.model for each in owed()} <= set(apps.get_models())


def test_what_is_sealed_and_told_has_a_way_to_be_opened() -> None:
    sealed = {each.model for each in owed() if set(each.told) & declared()[each.model].sealed}

    assert {model for model in sealed if opener_of(model) is None} == set()
    assert {model._meta.object_name for model in sealed} >= {
        "ApiKey",
        "BrowserSession",
        "PlanRequest",
        "Hook",
    }
