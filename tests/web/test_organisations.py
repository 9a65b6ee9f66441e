"""Organisations in the browser: who is in one, which teams it holds, and what it enforces on them."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.projects.models import Project
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Invitation, Organisation, OrganisationMembership, Setting
from apps.teams.services import accept_invitation, choose, invite
from apps.teams.types import MemberRole
from tests.factories import people
from tests.web.conftest import Visit, text_of
from tests.web.test_teams import ACTS, link_in


@pytest.mark.parametrize(("who", "status"), [("alice", 200), ("bob", 200), ("vera", 404), (None, 404)])
def test_the_page_of_an_organisation_by_role(
    visit: Visit, institute: Organisation, bob: User, who: str | None, status: int
) -> None:
    OrganisationMembership.objects.create(organisation=institute, user=bob, role="member")

    assert visit("/organisations/institute", by=who).status_code == status


@pytest.mark.parametrize(
    ("act", "form"),
    [
        ("settings", {"name": "code_saving", "value": "on"}),
        ("teams", {"team": "lab"}),
        ("teams/lab/let-go", {}),
        *ACTS.items(),
    ],
)
@pytest.mark.parametrize(("who", "status"), [("bob", 403), ("vera", 404), (None, 404)])
def test_what_an_organisations_admins_do_is_refused_to_others(
    send: Visit,
    institute: Organisation,
    bob: User,
    who: str | None,
    status: int,
    act: str,
    form: dict[str, str],
) -> None:
    OrganisationMembership.objects.create(organisation=institute, user=bob, role="member")

    assert send(f"/organisations/institute/{act}", by=who, **form).status_code == status
    assert (Setting.objects.count(), Invitation.objects.count()) == (0, 0)
    assert Entity.objects.get(name="lab").organisation == institute


def test_an_organisation_is_made_and_takes_a_team(send: Visit, visit: Visit, lab: Entity) -> None:
    assert (
        send("/settings/organisations/new", by="alice", name="institute")["Location"]
        == "/organisations/institute"
    )
    assert send("/organisations/institute/teams", by="alice", team="lab").status_code == 302
    assert "In the organisation institute" in text_of(visit("/teams/lab", by="bob"))

    for wrong in ("alice", "nothing", "", "\x00"):
        answer = send("/organisations/institute/teams", by="alice", team=wrong)
        assert answer.status_code == 400

    assert send("/organisations/institute/teams/lab/let-go", by="alice").status_code == 302
    assert Entity.objects.get(name="lab").organisation is None


def test_what_an_organisation_says_is_set_enforced_and_taken_back(
    send: Visit, visit: Visit, institute: Organisation
) -> None:
    url = "/organisations/institute/settings"
    send(url, by="alice", name="code_saving", value="on", enforce="1")
    send(url, by="alice", name="run_retention_days", value=" 30 ", confirm="institute")
    send(url, by="alice", name="private_only", value="on")

    held = {row.name: (row.value, row.is_enforced) for row in Setting.objects.all()}
    assert held == {
        "code_saving": ("on", True),
        "run_retention_days": ("30", False),
        "private_only": ("on", True),
    }
    assert "Set by alice" in text_of(visit("/organisations/institute", by="alice"))

    send(url, by="alice", name="code_saving", value="")
    assert not Setting.objects.filter(name="code_saving").exists()


def test_what_is_left_to_the_teams_says_what_that_means(visit: Visit, institute: Organisation) -> None:
    page = visit("/organisations/institute", by="alice")

    assert "What is left to each team is chosen by the admins of the team." in text_of(page)
    assert page.content.decode().count('<option value="" selected>Left to each team</option>') == 4
    # No team can choose this one for itself.
    assert '<option value="" selected>Off</option><option value="on">On</option>' in page.content.decode()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("run_retention_days", "soon", "whole number of days"),
        ("run_retention_days", "-1", "whole number of days"),
        ("run_retention_days", "9" * 10_000, "whole number of days"),
        ("run_retention_days", "<script>", "whole number of days"),
        ("code_saving", "perhaps", "either on or off"),
    ],
)
def test_a_value_that_is_none_is_refused_beside_its_row(
    send: Visit, institute: Organisation, name: str, value: str, reason: str
) -> None:
    answer = send("/organisations/institute/settings", by="alice", name=name, value=value)

    row = re.search(
        rf'<input type="hidden" name="name" value="{name}">.*?</form>', answer.content.decode(), re.DOTALL
    )
    assert row is not None
    assert reason in row[0]
    assert "<script>" not in row[0]
    assert (answer.status_code, Setting.objects.count()) == (400, 0)


def test_people_come_into_an_organisation_by_link(
    send: Visit, visit: Visit, institute: Organisation, mallory: User
) -> None:
    answer = send("/organisations/institute/invitations", by="alice", role="member")

    assert send(link_in(answer.content.decode()), by="mallory")["Location"] == "/organisations/institute"
    assert visit("/teams/lab", by="mallory").status_code == 404
    assert mail.outbox == []


# ── What was done in it ──

RECORD = "/organisations/uni/audit"


@pytest.fixture
def busy(lab: Entity, alice: User, bob: User) -> Organisation:
    """An organisation in which things were done, with bob as a member."""
    by = Actor.person(alice)
    made = people.organisation("uni", admin=alice, teams=[lab])
    _, secret = invite(made, role=MemberRole.MEMBER, by=by)
    accept_invitation(secret, by=Actor.person(bob))
    choose(made, SettingName.CODE_SAVING, False, by=by, enforce=True)
    return made


def test_the_record_says_who_changed_people_teams_and_settings(visit: Visit, busy: Organisation) -> None:
    told = text_of(visit(RECORD, by="alice"))

    for line in (
        "alice made the organisation",
        "alice put a team under the organisation lab",
        "alice invited somebody",
        "bob came by an invitation",
        "alice changed a setting",
    ):
        assert line in told
    assert "Who changed what in it" in text_of(visit("/organisations/uni", by="alice"))
    assert "Who changed what in it" not in text_of(visit("/organisations/uni", by="bob"))


@pytest.mark.parametrize(
    ("who", "status"), [("alice", 200), ("bob", 403), ("vera", 404), ("mallory", 404), (None, 404)]
)
@pytest.mark.parametrize("url", [RECORD, f"{RECORD}/export?form=csv"])
def test_the_record_is_for_its_admins(
    visit: Visit, busy: Organisation, mallory: User, url: str, who: str | None, status: int
) -> None:
    assert visit(url, by=who).status_code == status


def test_the_record_holds_nothing_of_its_teams(visit: Visit, busy: Organisation, vision: Project) -> None:
    told = text_of(visit(RECORD, by="alice"))

    assert "alice made a project" not in told
    assert "vision" not in told


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_record_is_taken_away_and_that_is_a_line_too(visit: Visit, busy: Organisation, form: str) -> None:
    answer = visit(f"{RECORD}/export?form={form}", by="alice")
    taken = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    assert answer["Content-Disposition"].endswith(f'"uni-audit.{form}"')
    for kind in ("organisation.created", "organisation.team_added", "invitation.accepted", "setting.changed"):
        assert kind in taken
    assert "alice exported this record" in text_of(visit(RECORD, by="alice"))


def test_what_is_looked_for_narrows_the_record(visit: Visit, busy: Organisation) -> None:
    told = text_of(visit(f"{RECORD}?by=bob", by="alice"))

    assert "came by an invitation" in told
    assert "alice made the organisation" not in told
    assert "Put right what is marked above" in text_of(visit(f"{RECORD}?kind=%00", by="alice"))
