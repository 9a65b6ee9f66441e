from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.files.models import RunFile
from apps.files.queries import find_file
from apps.projects.models import Project
from apps.runs.models import Run
from apps.statistics import reading
from apps.statistics.parsing import MOST_BYTES
from apps.statistics.reading import contribution_of, read_by
from apps.vault.tree import erase_node
from apps.vault.types import NodeId
from tests.factories import work
from tests.statistics.conftest import MAY, Uses

pytestmark = pytest.mark.usefixtures("counted")


def libraries(user: User) -> list[str]:
    return contribution_of(Actor.person(user), MAY).libraries


def test_the_listed_libraries_of_ones_own_runs(uses: Uses, vision: Project, alice: User, bob: User) -> None:
    uses(vision, alice, "torch==2.9.1", "numpy==2.4", "own-package==1", "idna==3")
    uses(vision, alice, "jax==0.8", "numpy==2.3")
    uses(vision, bob, "polars")

    found = contribution_of(Actor.person(alice), MAY)

    assert (found.month, found.libraries, found.files) == (MAY, ["jax", "numpy", "torch"], 2)


def test_equal_files_are_read_once(uses: Uses, vision: Project, alice: User) -> None:
    for _ in range(3):
        uses(vision, alice, "torch==2.9.1")

    found = contribution_of(Actor.person(alice), MAY)

    blobs = set(RunFile.objects.values_list("blob", flat=True))
    assert (found.libraries, found.files) == (["torch"], len(blobs))


def test_of_very_many_the_newest_are_read(
    monkeypatch: pytest.MonkeyPatch, uses: Uses, vision: Project, alice: User
) -> None:
    for name in ("torch", "jax", "polars", "flax"):
        uses(vision, alice, name)
    monkeypatch.setattr(reading, "MOST_FILES", 3)
    assert libraries(alice) == ["flax", "jax", "polars"]
    monkeypatch.setattr(reading, "MOST_RUNS", 2)

    assert libraries(alice) == ["flax", "polars"]


def test_many_projects_are_asked_about_as_one_is(
    django_assert_num_queries: DjangoAssertNumQueries, vision: Project, alice: User
) -> None:
    places = [vision, *(work.project("lab", f"p{n}", by=alice) for n in range(3))]
    held = list(Project.objects.filter(pk__in=[each.pk for each in places]).select_related("entity"))
    with CaptureQueriesContext(connection) as asked:
        assert read_by(Actor.person(alice), held[:1]) == [held[0].pk]

    with django_assert_num_queries(len(asked)):
        assert sorted(read_by(Actor.person(alice), held)) == sorted(each.pk for each in held)


def test_a_run_without_such_a_file_adds_nothing(vision: Project, alice: User) -> None:
    run = work.run(vision, "bare", by=alice)
    Run.objects.filter(pk=run.pk).update(created_at="2026-05-04T00:00:00Z")

    assert libraries(alice) == []


def test_a_file_that_is_larger_than_such_files_are_is_not_opened(
    uses: Uses, vision: Project, alice: User
) -> None:
    uses(vision, alice, "torch", "#" + " " * MOST_BYTES)

    assert libraries(alice) == []


def test_a_damaged_file_hides_none_of_the_others(
    caplog: pytest.LogCaptureFixture, uses: Uses, vision: Project, alice: User
) -> None:
    broken = uses(vision, alice, "torch")
    uses(vision, alice, "jax")
    blob = find_file(broken, "requirements.txt").file.blob
    assert blob is not None
    type(blob).objects.filter(pk=blob.pk).update(object_name="f" * len(blob.object_name))

    assert libraries(alice) == ["jax"]
    assert "not counted" in caplog.text


def test_a_run_whose_key_is_gone_adds_nothing(uses: Uses, vision: Project, alice: User) -> None:
    gone = uses(vision, alice, "torch")
    uses(vision, alice, "jax")

    erase_node(NodeId(gone.vault_node))

    assert libraries(alice) == ["jax"]
