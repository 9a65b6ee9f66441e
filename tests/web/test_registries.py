"""Pages of an organisation's registries: what stands on them, for whom, and what they do not tell."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.test import Client

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.artifacts.services import create_registry, link_version, registries, update_registry
from apps.artifacts.services.linking import require_unprotected
from apps.audit.models import Event
from apps.core.errors import Forbidden
from apps.erasure.artifacts import erase_versions
from apps.projects.models import Project
from apps.projects.services import name_in_registry
from apps.projects.types import RegistryRole
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation
from apps.teams.services import choose, let_team_go
from apps.vault.models import Node
from tests.factories import artifacts, people, work
from tests.web import hostile

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
REGISTRY = "/institute/wandb-registry-models"
VERSION = f"{REGISTRY}/artifacts/model/prod/v0"


@pytest.fixture
def olga(lab: Entity, alice: User) -> User:
    """In the institute, and nothing in the lab."""
    user = people.person("olga")
    team = people.team("elsewhere", admin=user)
    institute = people.organisation("institute", admin=alice, teams=[lab])
    type(team).objects.filter(pk=team.pk).update(organisation=institute)
    return user


@pytest.fixture
def models(olga: User, vision: Project, alice: User, bob: User) -> Project:
    """A registry with two versions, of which the second was erased where it was made."""
    by = Actor.person(alice)
    made = create_registry(Organisation.objects.get(), name="models", by=by, description="what we ship")
    update_registry(made, by=by, protected=["production"])
    name_in_registry(made, bob, role=RegistryRole.MEMBER, by=by)
    name_in_registry(made, vision.entity, role=RegistryRole.VIEWER, by=by)
    for content in (b"one", b"two"):
        version = artifacts.version(vision, "net", {"w.bin": content}, by=by, type_name="model")
        link_version(version, made, name="prod", aliases=["production"], by=by)
    erase_versions([version], by=by)
    return made


def page(client: Client, who: User | None, address: str) -> tuple[int, str]:
    if who is not None:
        client.force_login(who, backend=BACKEND)
    answer = client.get(address)
    content = b"".join(answer) if answer.streaming else answer.content
    return answer.status_code, content.decode()


def test_a_registry_is_read_by_the_whole_organisation_and_says_nothing_of_the_project(
    models: Project, olga: User, client: Client
) -> None:
    listed = page(client, olga, "/institute")
    one = page(client, olga, REGISTRY)
    collection = page(client, olga, f"{REGISTRY}/artifacts/model/prod")
    version = page(client, olga, VERSION)

    assert [each[0] for each in (listed, one, collection, version)] == [200] * 4
    assert "models" in listed[1] and "what we ship" in listed[1]
    assert "was erased where it was made" in one[1] and "from v0 to v1" in one[1]
    assert "production" in one[1] and "bob" in one[1]
    assert 'href="/institute/wandb-registry-models/artifacts/model/prod/v0"' in collection[1]
    assert page(client, olga, f"{VERSION}/files/w.bin") == (200, "one")
    assert page(client, olga, f"{VERSION}/preview/w.bin")[0] == 200
    assert "vision" not in "".join(each[1] for each in (listed, one, collection, version))
    assert page(client, olga, "/lab/vision/artifacts/model/net/v0")[0] == 404
    assert page(client, olga, f"{REGISTRY}/artifacts/model/prod/v1")[0] == 404


@pytest.mark.parametrize("address", [REGISTRY, f"{REGISTRY}/artifacts/model/prod"])
def test_a_team_sees_who_of_elsewhere_has_seen_a_list_of_its_versions(
    models: Project, vision: Project, olga: User, bob: User, client: Client, address: str
) -> None:
    for who in (bob, olga, olga):
        assert page(client, who, address)[0] == 200

    told = Event.objects.filter(kind="project.read", project=vision.public_id)
    assert [(each.by, each.facts["via"]) for each in told] == [(olga.public_id, "registry")]


def test_a_collection_is_erased_from_its_page_and_what_was_linked_stays(
    models: Project, olga: User, alice: User, client: Client
) -> None:
    place, erase = f"{REGISTRY}/artifacts/model/prod", f"{REGISTRY}/artifact/prod/erase"
    assert f'href="{erase}"' not in page(client, olga, place)[1]
    assert page(client, olga, erase)[0] == 403
    assert f'href="{erase}"' in page(client, alice, place)[1]
    asked = page(client, alice, erase)
    assert asked[0] == 200 and "The versions stay where they were made." in asked[1]
    assert "The collection’s name" in asked[1] and "wandb-registry-models</bdi>" not in asked[1]
    assert client.post(erase, {"name": "wrong", "what": "all"}).status_code == 400
    assert client.post(erase, {"name": "prod", "what": "all"}).status_code == 302

    assert page(client, alice, place)[0] == 404
    assert page(client, alice, "/lab/vision/artifacts/model/net/v0")[0] == 200


@pytest.mark.parametrize(
    "address", ["/institute", REGISTRY, f"{REGISTRY}/artifacts/model/prod", VERSION, f"{VERSION}/zip"]
)
def test_strangers_are_told_that_there_is_nothing(
    models: Project, mallory: User, client: Client, address: str
) -> None:
    assert page(client, mallory, address)[0] == 404
    client.logout()
    assert client.get(address).status_code == client.get(address.replace("institute", "nowhere")).status_code


def test_a_restricted_registry_is_not_there_for_who_is_not_named(
    models: Project, olga: User, bob: User, client: Client
) -> None:
    Project.objects.filter(pk=models.pk).update(visibility=Visibility.RESTRICTED)

    assert page(client, olga, REGISTRY)[0] == 404
    assert page(client, olga, VERSION)[0] == 404
    assert page(client, bob, REGISTRY)[0] == 200


def test_a_registry_is_made_with_its_types_or_not_at_all(
    olga: User, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registries, "update_registry", killed)
    keys = Node.objects.count()
    with pytest.raises(KeyboardInterrupt):
        create_registry(Organisation.objects.get(), name="models", by=Actor.person(alice), types=["model"])

    assert not Project.objects.filter(entity__kind="org").exists()
    assert Node.objects.count() <= keys + 1  # that of the organisation's registries stays


def test_what_a_registry_takes_and_protects_is_on_the_record_when_it_changes(
    models: Project, alice: User, client: Client
) -> None:
    by, before = Actor.person(alice), Event.objects.count()
    for _twice in range(2):
        update_registry(models, by=by, protected=["production", "gold"])
        update_registry(models, by=by, takes_all_types=False, add_types=["model"])

    new = Event.objects.order_by("pk")[before:]
    assert [(each.kind, each.subject, each.facts) for each in new] == [
        ("project.changed", models.public_id, {"what": what}) for what in ("protected", "types")
    ]
    words = page(client, alice, "/organisations/institute/audit")[1]
    assert "its protected aliases" in words and "the types that it takes" in words


def test_what_is_protected_is_asked_for_once_however_many_aliases_there_are(
    models: Project, bob: User, django_assert_num_queries: Callable[[int], AbstractContextManager[Any]]
) -> None:
    by = Actor.person(bob)
    for aliases in (["a"], [f"a{number}" for number in range(50)]):
        with django_assert_num_queries(1):
            require_unprotected(models, aliases, by)
    with pytest.raises(Forbidden):
        require_unprotected(models, ["a", "production"], by)


def test_whoever_hides_is_named_to_those_who_are_in_a_team_with_them_and_to_who_names_people_there(
    models: Project, olga: User, alice: User, vera: User, bob: User, client: Client
) -> None:
    choose(Entity.objects.get(user=bob), SettingName.HIDDEN, True, by=Actor.person(bob))

    assert [">bob<" in page(client, who, REGISTRY)[1] for who in (olga, vera, alice)] == [False, True, True]


def test_what_somebody_made_is_linked_in_the_project_as_well(
    models: Project, vision: Project, alice: User, client: Client
) -> None:
    version = artifacts.version(vision, "net", {"w.bin": b"three"}, by=Actor.person(alice), type_name="model")
    link_version(version, vision, name="chosen", aliases=["best"], by=Actor.person(alice))

    ledger = page(client, alice, "/lab/vision/artifacts")[1]
    assert "/lab/vision/artifacts/model/chosen/v0" in ledger
    assert "best" in page(client, alice, "/lab/vision/artifacts/model/chosen")[1]
    assert page(client, alice, "/lab/vision/artifacts/model/chosen/v0/files/w.bin") == (200, "three")


def test_what_a_portfolio_of_a_public_project_holds_of_a_private_one_is_told_to_nobody_of_elsewhere(
    models: Project, vision: Project, alice: User, mallory: User, client: Client
) -> None:
    by = Actor.person(alice)
    place = work.project("lab", "shown", by=alice)
    Project.objects.filter(pk=place.pk).update(visibility=Visibility.PUBLIC)
    secret = artifacts.version(vision, "net", {"w.bin": b"7" * 1234}, by=by, type_name="model")
    link_version(secret, place, name="chosen", aliases=[], by=by)

    assert "artifacts/model/chosen" in page(client, alice, "/lab/shown/artifacts")[1]
    code, said = page(client, mallory, "/lab/shown/artifacts")
    assert (code, "artifacts/model/chosen" in said) == (200, False)

    let_team_go(Organisation.objects.get(), "lab", by=by)
    assert 'data-label="Linked">0</td>' in page(client, alice, "/institute")[1]


def test_hostile_words_are_shown_as_words(olga: User, vision: Project, alice: User, client: Client) -> None:
    by = Actor.person(alice)
    made = create_registry(
        Organisation.objects.get(), name="models", by=by, description=hostile.NAMES["markup"]
    )
    version = artifacts.version(
        vision, "net", {"w": b"1"}, by=by, type_name="model", description=hostile.NAMES["markup"]
    )
    link_version(version, made, name="prod", aliases=["<b>x"], by=by)

    for address in ("/institute", REGISTRY, VERSION):
        content = page(client, alice, address)[1]
        assert hostile.NAMES["markup"] not in content and "<b>x" not in content
