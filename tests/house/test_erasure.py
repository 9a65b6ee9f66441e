"""Nothing that lies below a run or a project is forgotten by the eraser: a new model is erased, or fails here."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models

from apps.blobs.services import users_of_blobs
from apps.core.privacy import declared
from apps.erasure.plan import HEADS, all_parts_of, parts_of
from apps.erasure.types import Scope
from apps.runs.models import Chunk, Run

# Points at what a job of this scope erases without going with it, and what becomes of the pointer.
_BROUGHT = {"imports.ImportItem": "what an import made so far, which nobody finds; goes by cascade with that"}
LOOSE: dict[Scope, dict[str, str]] = {
    Scope.RUNS: _BROUGHT,
    Scope.PROJECT: _BROUGHT,
    Scope.VERSIONS: {
        **_BROUGHT,
        "artifacts.Link": "cut in the transaction that closes the version, or when it cannot be taken back any more",
        "artifacts.RunVersion": "that a run read or made it; goes by cascade with the version's row",
    },
    Scope.ARTIFACT: {**_BROUGHT, "artifacts.RunVersion": "as of a version"},
    Scope.TEAM: {
        "erasure.ErasureJob": "tells of the erasure, and leads to the stone",
        "erasure.Remainder": "until the job is done",
        "teams.Organisation": "points at an entity of its own, never at a team",
        "teams.OrganisationMembership": "as the organisation",
        "erasure.WayBack": "as the job, and leads to the receipt afterwards",
    },
    Scope.ACCOUNT: {
        "erasure.ErasureJob": "tells of the erasure, and leads to the stone",
        "erasure.Remainder": "until the job is done",
        "erasure.WayBack": "leads to the receipt afterwards",
        "teams.Organisation": "points at an entity of its own, never at a person's",
    },
    Scope.ORGANISATION: {
        "erasure.ErasureJob": "tells of the erasure, and leads to the stone",
        "erasure.Remainder": "until the job is done",
        "erasure.WayBack": "there is none of an organisation",
        "teams.Organisation": "goes with the stone, by the step that deletes rows",
    },
}


def pointing_at(heads: set[type[models.Model]], among: list[type[models.Model]]) -> set[type[models.Model]]:
    """Every model from which foreign keys lead to one of these, however long the way."""
    found = set(heads)
    while more := {
        model
        for model in among
        for field in (*model._meta.fields, *model._meta.many_to_many)
        if field.related_model in found and model not in found
    }:
        found |= more
    return found - heads


def forgotten(scope: Scope, head: type[models.Model], among: list[type[models.Model]]) -> set[str]:
    """Models below the head that the eraser of this scope has no step for."""
    planned = {part.model for part in all_parts_of(scope)}
    return {model._meta.label for model in pointing_at({head}, among) - planned} - set(LOOSE.get(scope, {}))


@pytest.mark.parametrize(("scope", "head"), HEADS.items())
def test_every_model_below_is_erased(scope: Scope, head: type[models.Model]) -> None:
    assert forgotten(scope, head, apps.get_models()) == set()


def test_a_model_that_no_step_erases_is_seen() -> None:
    class Note(models.Model):
        chunk = models.ForeignKey(Chunk, on_delete=models.CASCADE)

        class Meta:
            app_label = "planted"

    assert forgotten(Scope.RUNS, Run, [*apps.get_models(), Note]) == {"planted.Note"}


@pytest.mark.parametrize("scope", Scope)
def test_what_lies_deepest_goes_first(scope: Scope) -> None:
    order = [part.model for part in parts_of(scope)]

    for place, model in enumerate(order):
        above = {
            field.related_model for field in model._meta.fields if field.name == declared()[model].goes_with
        }
        assert not above & set(order[:place]), model._meta.label


def test_every_model_with_stored_bytes_is_below_a_project_or_a_team() -> None:
    """Whoever points at a blob is found by the step that deletes bytes."""
    users = {model for model, _field in users_of_blobs()}

    found = {part.model for scope in (Scope.PROJECT, Scope.TEAM) for part in all_parts_of(scope)}
    assert users <= found
