from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.access.policy import Visibility
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.audit.models import Event
from apps.core.errors import Forbidden, Invalid, NotFound
from apps.teams.choices import SPECS, SettingName, Value, read, write
from apps.teams.models import Entity, Organisation, OrganisationMembership, Setting
from apps.teams.queries import default_entity, effective, effective_of, own_of
from apps.teams.services import choose
from apps.teams.types import OrganisationRole, Source
from tests.factories import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def institute(lab: Entity, alice: User) -> Organisation:
    """alice's organisation, which holds the lab."""
    return people.organisation("institute", admin=alice, teams=[lab])


@pytest.fixture
def by(alice: User) -> Actor:
    return Actor.person(alice)


@pytest.mark.parametrize("name", SettingName)
def test_what_nobody_chose_is_the_default(lab: Entity, name: SettingName) -> None:
    held = effective(lab, name)

    assert (held.value, held.source, held.is_enforced) == (SPECS[name].default, Source.DEFAULT, False)
    assert (held.set_by_name, held.set_at, held.organisation) == ("", None, "")


def test_defaults_keep_the_least() -> None:
    held = {name.value: write(name, spec.default) for name, spec in SPECS.items()}

    assert held == {
        "artifact_ttl_days": "never",
        "code_saving": "off",
        "default_entity": "own",
        "default_visibility": "private",
        "grace_days": "0",
        "hidden": "off",
        "mail_exports": "on",
        "mail_imports": "on",
        "mail_alerts": "on",
        "mail_alerts_of_teams": "off",
        "mail_alert_words": "off",
        "mail_keys": "on",
        "mail_teams": "on",
        "private_only": "off",
        "project_grace_days": "7",
        "run_retention_days": "never",
        "mask_secrets": "off",
        "statistics": "off",
        "system_metadata": "minimal",
    }


def test_a_choice_holds_for_its_entity_alone_and_says_who_and_when(
    lab: Entity, alice: User, by: Actor
) -> None:
    choose(lab, SettingName.CODE_SAVING, True, by=by)

    held = effective(lab, SettingName.CODE_SAVING)
    assert (held.is_on, held.source, held.word, held.set_by_name) == (True, Source.OWN, "on", "alice")
    assert held.set_at is not None
    assert not effective(default_entity(by), SettingName.CODE_SAVING).is_on
    event = Event.objects.filter(kind="setting.changed").get()
    assert (event.subject, event.by) == (lab.public_id, alice.public_id)
    assert event.facts == {
        "setting": "code_saving",
        "before": "unset",
        "after": "on",
        "is_enforced": False,
    }


def test_the_last_choice_is_the_one_that_holds(lab: Entity, by: Actor) -> None:
    for days in (30, None, 7):
        choose(lab, SettingName.RUN_RETENTION_DAYS, days, by=by)

    assert effective(lab, SettingName.RUN_RETENTION_DAYS).days == 7
    assert Setting.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        (SettingName.CODE_SAVING, ["", "true", "On", "1", "\x00"]),
        (SettingName.DEFAULT_VISIBILITY, ["", "secret", "PUBLIC", "\ud800"]),
        (SettingName.RUN_RETENTION_DAYS, ["", "0", "-1", "+1", " 1", "1.5", "٣", "1e3", "36501", "9" * 5000]),
        (SettingName.GRACE_DAYS, ["", "never", "-1", "+1", " 1", "1.5", "٣", "31", "9" * 5000]),
        (SettingName.SYSTEM_METADATA, ["", "most", "x" * 10_000]),
    ],
)
def test_other_words_mean_nothing(name: SettingName, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(Invalid):
            read(name, text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (SettingName.CODE_SAVING, "on"),
        (SettingName.CODE_SAVING, 1),
        (SettingName.RUN_RETENTION_DAYS, True),
        (SettingName.RUN_RETENTION_DAYS, 0),
        (SettingName.SYSTEM_METADATA, None),
        (SettingName.HIDDEN, True),  # a person's
        (SettingName.PRIVATE_ONLY, True),  # an organisation's
    ],
)
def test_what_a_team_cannot_choose_changes_nothing(
    lab: Entity, by: Actor, name: SettingName, value: Value
) -> None:
    with pytest.raises(Invalid):
        choose(lab, name, value, by=by)

    assert not Setting.objects.exists()


def test_a_team_enforces_nothing(lab: Entity, by: Actor) -> None:
    with pytest.raises(Invalid):
        choose(lab, SettingName.CODE_SAVING, False, by=by, enforce=True)


def test_only_admins_choose(lab: Entity, bob: User, vera: User, mallory: User) -> None:
    for insider in (bob, vera):
        with pytest.raises(Forbidden):
            choose(lab, SettingName.CODE_SAVING, True, by=Actor.person(insider))
    for outsider in (Actor.person(mallory), Actor.nobody(), Actor.system()):
        with pytest.raises(NotFound):
            choose(lab, SettingName.CODE_SAVING, True, by=outsider)

    assert not Setting.objects.exists()


def test_only_an_organisations_admins_choose_for_it(
    institute: Organisation, bob: User, mallory: User
) -> None:
    OrganisationMembership.objects.create(
        organisation=institute, user=bob, role=OrganisationRole.MEMBER.value
    )

    with pytest.raises(Forbidden):
        choose(institute, SettingName.CODE_SAVING, True, by=Actor.person(bob))
    for outsider in (Actor.person(mallory), Actor.nobody()):
        with pytest.raises(NotFound):
            choose(institute, SettingName.CODE_SAVING, True, by=outsider)

    assert not Setting.objects.exists()


def test_an_organisations_word_holds_until_a_team_says_otherwise(
    lab: Entity, institute: Organisation, by: Actor
) -> None:
    choose(institute, SettingName.CODE_SAVING, True, by=by)

    held = effective(lab, SettingName.CODE_SAVING)
    assert (held.is_on, held.source, held.is_enforced) == (True, Source.ORGANISATION, False)
    assert held.organisation == "institute"

    choose(lab, SettingName.CODE_SAVING, False, by=by)

    assert not effective(lab, SettingName.CODE_SAVING).is_on


@pytest.mark.parametrize("enforced", [True, False])
def test_a_lock_holds_whatever_the_team_chose_before_and_refuses_what_it_chooses_now(
    lab: Entity, institute: Organisation, by: Actor, enforced: bool
) -> None:
    choose(lab, SettingName.CODE_SAVING, not enforced, by=by)
    choose(institute, SettingName.CODE_SAVING, enforced, by=by, enforce=True)

    held = effective(lab, SettingName.CODE_SAVING)
    assert (held.is_on, held.is_enforced, held.organisation) == (enforced, True, "institute")
    with pytest.raises(Forbidden, match="institute"):
        choose(lab, SettingName.CODE_SAVING, not enforced, by=by)

    choose(institute, SettingName.CODE_SAVING, enforced, by=by, enforce=False)

    assert effective(lab, SettingName.CODE_SAVING).is_on is not enforced


@pytest.mark.parametrize(
    ("name", "bound", "looser", "stricter"),
    [
        (SettingName.SYSTEM_METADATA, "minimal", "all", "none"),
        (SettingName.RUN_RETENTION_DAYS, 90, None, 30),
        (SettingName.ARTIFACT_TTL_DAYS, 90, 91, 90),
        (SettingName.DEFAULT_VISIBILITY, "private", "public", "restricted"),
    ],
)
def test_where_there_is_more_and_less_a_team_may_choose_what_is_stricter(
    lab: Entity,
    institute: Organisation,
    by: Actor,
    name: SettingName,
    bound: Value,
    looser: Value,
    stricter: Value,
) -> None:
    choose(lab, name, looser, by=by)
    choose(institute, name, bound, by=by, enforce=True)

    assert (effective(lab, name).value, effective(lab, name).source) == (bound, Source.ORGANISATION)
    with pytest.raises(Forbidden):
        choose(lab, name, looser, by=by)

    choose(lab, name, stricter, by=by)

    held = effective(lab, name)
    assert (held.value, held.source, held.is_enforced) == (stricter, Source.OWN, True)
    assert not held.allows(looser)


def test_where_nothing_may_be_shared_new_projects_are_private(
    lab: Entity, institute: Organisation, by: Actor
) -> None:
    choose(lab, SettingName.DEFAULT_VISIBILITY, Visibility.OPEN.value, by=by)
    choose(institute, SettingName.PRIVATE_ONLY, True, by=by)

    held = effective(lab, SettingName.DEFAULT_VISIBILITY)
    assert (held.value, held.is_enforced, held.organisation) == ("private", True, "institute")
    assert effective(lab, SettingName.PRIVATE_ONLY).is_enforced
    for visibility in (Visibility.PUBLIC, Visibility.OPEN):
        with pytest.raises(Forbidden):
            choose(lab, SettingName.DEFAULT_VISIBILITY, visibility.value, by=by)

    choose(lab, SettingName.DEFAULT_VISIBILITY, Visibility.RESTRICTED.value, by=by)

    assert effective(lab, SettingName.DEFAULT_VISIBILITY).value == "restricted"


def test_an_organisation_reaches_no_persons_own_entity(institute: Organisation, by: Actor) -> None:
    choose(institute, SettingName.CODE_SAVING, True, by=by, enforce=True)

    assert not effective(default_entity(by), SettingName.CODE_SAVING).is_on


def test_what_an_organisation_says_is_listed_with_who_and_when(institute: Organisation, by: Actor) -> None:
    choose(institute, SettingName.SYSTEM_METADATA, "none", by=by, enforce=True)

    said = own_of(institute)

    assert set(said) == {SettingName.SYSTEM_METADATA}
    assert (said[SettingName.SYSTEM_METADATA].word, said[SettingName.SYSTEM_METADATA].is_enforced) == (
        "none",
        True,
    )
    assert said[SettingName.SYSTEM_METADATA].set_by_name == "alice"


@pytest.mark.parametrize("count", [1, 3])
def test_all_settings_of_many_entities_by_one_question(
    alice: User,
    by: Actor,
    institute: Organisation,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    entities = list(Entity.objects.all())[:count]
    choose(institute, SettingName.CODE_SAVING, True, by=by, enforce=True)

    with django_assert_num_queries(1):
        found = effective_of(entities)

    assert {pk: set(held) for pk, held in found.items()} == {each.pk: set(SettingName) for each in entities}
