"""Each look of an operator is a line for the owner concerned."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from apps.accounts.models import ApiKey, User
from apps.audit.models import Event, Link
from apps.audit.watching import owner_of
from apps.core.privacy import declared
from apps.projects.models import Project
from apps.runs.models import Run
from apps.teams.models import Entity
from tests.factories import people, work

pytestmark = [pytest.mark.django_db, pytest.mark.promise("P-33")]


@pytest.fixture
def operator(client: Client, alice: User) -> Client:
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    return client


def seen() -> list[tuple[str, str, str]]:
    events = Event.objects.filter(kind="admin.seen").order_by("pk")
    return [(event.entity, event.subject, event.facts["via"]) for event in events]


@pytest.mark.parametrize("page", ["change", "history"])
def test_a_look_at_one_row_is_told_to_its_owner(
    operator: Client, alice: User, mallory: User, page: str
) -> None:
    project = work.project("mallory", "private", by=mallory)
    run = work.run(project, "run", by=mallory)

    operator.get(reverse(f"admin:accounts_user_{page}", args=[mallory.pk]))
    operator.get(reverse(f"admin:runs_run_{page}", args=[run.pk]))
    operator.get(reverse(f"admin:runs_run_{page}", args=[run.pk]))

    assert seen() == [
        (mallory.public_id, mallory.public_id, "accounts.user"),
        (project.entity.public_id, run.public_id, "runs.run"),
    ]
    assert set(Event.objects.filter(kind="admin.seen").values_list("by", flat=True)) == {alice.public_id}


def test_a_list_tells_each_owner_once(operator: Client, alice: User, bob: User, run: Run) -> None:
    work.run(run.project, "another", by=alice)

    operator.get(reverse("admin:runs_run_changelist"))
    operator.get(reverse("admin:accounts_user_changelist"))

    lab = run.project.entity.public_id
    vera = User.objects.get(username="vera")
    assert seen()[0] == (lab, lab, "runs.run.list")
    assert {entity for entity, _, via in seen() if via == "accounts.user.list"} == {
        alice.public_id,
        bob.public_id,
        vera.public_id,
    }


def test_a_look_at_what_stands_on_somebodys_record_is_told_to_them(operator: Client, mallory: User) -> None:
    work.project("mallory", "private", by=mallory)
    event = Event.objects.get(kind="project.created", by=mallory.public_id)

    operator.get(reverse("admin:audit_event_change", args=[event.pk]))
    operator.get(reverse("admin:audit_event_changelist"))

    assert (event.entity, str(event.pk), "audit.event") in seen()
    assert (event.entity, event.entity, "audit.event.list") in seen()


def test_what_is_somebodys_has_an_owner(alice: User, vision: Project, run: Run, lab: Entity) -> None:
    people.api_key(alice)

    assert owner_of(run) == owner_of(vision) == owner_of(lab) == lab.public_id
    assert owner_of(ApiKey.objects.get()) == owner_of(alice) == alice.public_id
    assert owner_of(Link(number=1)) == ""


def test_every_model_of_the_admin_leads_to_an_owner_or_is_nobodys() -> None:
    nobodys = {
        "blobs.Blob",
        "statistics.Figure",  # released, of nobody by its arithmetic
        "statistics.Release",
        "vault.Node",
        "vault.Tombstone",
    }

    for model in admin.site._registry:
        above = model
        while goes_with := declared()[above].goes_with:
            above = above._meta.get_field(goes_with).related_model  # type: ignore[assignment]
        # An event says itself whose it is.
        has_owner = above._meta.label in {
            "accounts.User",
            "audit.Event",
            "teams.Entity",
            "teams.Organisation",
        }
        assert has_owner or model._meta.label in nobodys, model._meta.label


def test_the_owner_reads_it(operator: Client, mallory: User) -> None:
    operator.get(reverse("admin:accounts_user_change", args=[mallory.pk]))

    owner = Client()
    owner.force_login(mallory, backend="django.contrib.auth.backends.ModelBackend")
    page = owner.get("/settings/audit").content.decode()
    assert "looked at sizes, dates and states, as an operator" in page
    assert "<bdi>alice</bdi>" in page
