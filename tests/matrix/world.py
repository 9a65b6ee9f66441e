"""The world that the access matrix is measured in: one team with a project of each kind, and everybody who may ask."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.test import Client

from apps.access.policy import Permission, Role, Scope, Visibility, allows, standing
from apps.accounts.actors import Actor
from apps.accounts.middleware import SHARES
from apps.accounts.models import User
from apps.accounts.services import KeyTerms, issue_api_key, revoke_api_key
from apps.core import clock, jsontext
from apps.files.services import announce_files, store_file
from apps.projects.models import Project, ProjectMember, ShareLink
from apps.projects.services import make_share_link, name_person, save_view, update_project
from apps.projects.types import NamedRole
from apps.runs.alerts import raise_alert
from apps.runs.history import store
from apps.runs.models import Run
from apps.runs.types import AlertLevel, Lines, Stream, StreamRequest
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation, OrganisationMembership
from apps.teams.services import (
    KeyWanted,
    change_role,
    choose,
    invite,
    make_service_account,
    make_service_key,
    remove_member,
)
from apps.teams.services.suspending import suspend_entity
from apps.teams.types import MemberRole, OrganisationRole
from apps.wandb_protocol.ids import to_client
from apps.webhooks.services import make_hook
from apps.webhooks.types import Happening
from tests.factories import people, work
from tests.matrix import stored

BACKEND = "django.contrib.auth.backends.ModelBackend"
SUSPENDED = "suspended"
KEPT = "public project that an organisation keeps to its own people"


@dataclass(frozen=True)
class Target:
    """The names and ids of one thing as a request may carry them. A ghost's belong to nothing."""

    entity: str
    project: str
    run: str
    file: str
    project_id: str
    run_id: str
    file_id: str
    link_id: str
    api_key_id: str
    invitation: str
    version_id: str  # of an artifact, with a file of it and its list of files
    stored_id: str
    manifest_id: str
    begun_file_id: str  # of one that is being uploaded
    begun_manifest_id: str
    alert_id: str
    hook_id: str
    view_id: str
    organisation: str = "institute"
    person: str = "una"

    @property
    def words(self) -> list[str]:
        """What may differ between the answer about a thing and the answer about nothing, longest first."""
        found = {*vars(self).values(), *(to_client(*each) for each in self.client_ids)}
        return sorted(found - {"a.txt", self.person}, key=len, reverse=True)

    @property
    def client_ids(self) -> list[tuple[str, str]]:
        return [
            ("Project", self.project_id),
            ("Run", self.run_id),
            ("File", self.file_id),
            ("ApiKey", self.api_key_id),
        ]

    def as_the_client_says(self) -> Target:
        """The same with ids as the client keeps them."""
        ids = {f"{kind.lower()}_id": to_client(kind, value) for kind, value in self.client_ids[:3]}
        return Target(**vars(self) | ids | {"api_key_id": to_client("ApiKey", self.api_key_id)})


_NO_IDS = {each.name: letter * 20 for each, letter in zip(fields(Target)[4:], "prfkyvwsmbndhz", strict=False)}
GHOST = Target("nothere", "nosuchproject", "nosuchrun", "a.txt", organisation="noinstitute", **_NO_IDS)


@dataclass(frozen=True)
class Place:
    """One column: a project of some visibility, and a run in it that somebody added."""

    name: str
    visibility: Visibility
    mark: str  # stands in everything that somebody wrote there
    target: Target
    added_by: int
    is_suspended: bool = False
    is_kept: bool = False  # to the people of its team, whatever was chosen: as a private one to all


@dataclass(frozen=True)
class Asker:
    """One row: somebody, by what they come in, and what they are. What they are is said here, not asked of the code."""

    name: str
    actor: Actor
    entity: Role = Role.STRANGER
    organisation: Role = Role.STRANGER
    named: Role | None = None
    has_link: bool = False
    scope: Scope = Scope.ADMIN
    cookies: str = ""  # the browser's session; empty: has none
    key: str = ""  # an API key; empty: has none
    is_refused_key: bool = False
    is_operator: bool = False
    is_service: bool = False

    @property
    def by_key_alone(self) -> bool:
        return bool(self.key) and not self.cookies

    def may(self, permission: Permission, place: Place, *, is_run: bool = False) -> bool:
        """What the one table says of this project."""
        if place.is_suspended:
            return False
        # A service account is of the lab alone, and no link opens what is kept.
        entity = Role.NOBODY if place.is_kept and self.is_service else self.entity
        has_link = self.has_link and not place.is_kept
        role = standing(entity, visibility=place.visibility, named=self.named, holds_link=has_link)
        is_own = is_run and self.actor.user_id is not None and place.added_by == self.actor.user_id
        return allows(permission, role=role, visibility=place.visibility, scope=self.scope, is_own=is_own)


@dataclass
class World:
    lab: Entity
    institute: Organisation
    places: list[Place]
    askers: list[Asker]
    secrets: dict[str, str]  # of share links
    users: dict[str, User]
    ids: dict[str, Any] = field(default_factory=dict)

    def place(self, name: str) -> Place:
        return next(each for each in self.places if each.name == name)

    def asker(self, name: str) -> Asker:
        return next(each for each in self.askers if each.name == name)


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is stored in here is gone after it."""
    with ExitStack() as stack:
        for alias in settings.DATABASES:
            block = transaction.atomic(using=alias)
            # As Django's own test cases mark theirs: what has to be the outermost transaction may be inside this one.
            block._from_testcase = True  # type: ignore[attr-defined]
            stack.enter_context(block)
        yield
        for alias in settings.DATABASES:
            transaction.set_rollback(True, using=alias)


def make_world() -> World:
    people.make_root()
    users = {
        name: people.person(name)
        for name in (
            "alice",
            "bob",
            "una",
            "vera",
            "fred",
            "nina",
            "mallory",
            "oscar",
            "ivan",
        )
    }
    users["oscar"].is_staff = users["oscar"].is_superuser = True
    users["oscar"].save(update_fields=["is_staff", "is_superuser"])
    alice = users["alice"]
    lab = people.team(
        "lab",
        admin=alice,
        members=[users["bob"], users["una"], users["fred"], users["ivan"]],
        viewers=[users["vera"]],
    )
    institute = people.organisation("institute", admin=alice, teams=[lab])
    OrganisationMembership.objects.create(
        organisation=institute, user=users["bob"], role=OrganisationRole.MEMBER.value
    )
    OrganisationMembership.objects.create(
        organisation=institute, user=users["una"], role=OrganisationRole.ADMIN.value
    )
    world = World(lab, institute, [], [], {}, users)
    _invite(world)
    places = [(f"{visibility.value} project", visibility, alice) for visibility in Visibility]
    projects = [_project(world, lab, each[0].split()[0], each[1]) for each in places]
    for (name, visibility, by), project in zip(places, projects, strict=True):
        world.places.append(_place(world, name, project, visibility, by))
    # Runs that the asker added: they may be changed by who may add runs here to this day, and by nobody who was.
    world.places.append(
        _place(
            world, "private project, a former member's run", projects[0], Visibility.PRIVATE, users["fred"]
        )
    )
    world.places.append(
        _place(world, "open project, a stranger's run", projects[3], Visibility.OPEN, users["mallory"])
    )
    world.places += [_kept(world), _suspended(world)]
    _name_people(world, projects[1])
    _askers(world, projects)
    return world


def _invite(world: World) -> None:
    by = Actor.person(world.users["alice"])
    made, _ = invite(world.lab, role=MemberRole.MEMBER, by=by, email="mark-invited@example.com")
    above, _ = invite(world.institute, role=OrganisationRole.MEMBER, by=by)
    hook, _ = make_hook(
        world.lab, "https://mark-team.example/hook", happenings=Happening.chosen_among(), by=by
    )
    world.ids["team webhook"] = hook.public_id
    world.ids |= {"team invitation": made.public_id, "organisation invitation": above.public_id}


def _project(world: World, entity: Entity, name: str, visibility: Visibility) -> Project:
    """Its name is said by everybody who asks for it; what else is written there holds its mark."""
    alice = world.users["alice"]
    made = work.project(entity.name, f"{name}-place", by=alice)
    return update_project(
        made, by=Actor.person(alice), description=f"mark-{visibility.value}", visibility=visibility
    )


def _place(world: World, name: str, project: Project, visibility: Visibility, by: User) -> Place:
    alice = Actor.person(world.users["alice"])
    mark, run = f"mark-{visibility.value}", f"run-of-{by.username}"
    made = work.run(
        project,
        run,
        by=world.users["alice"],
        display_name=f"{mark} title",
        notes=mark,
        tags=[mark],
        config_text=jsontext.dumps({"words": {"value": mark}}),
    )
    Run.objects.filter(pk=made.pk).update(created_by=by)
    made.refresh_from_db()
    rows = [jsontext.dumps({"loss": 1 / (n + 1), f"{mark} metric": n, "_step": n}) for n in range(6)]
    streams = {
        Stream.HISTORY: Lines(first=0, lines=rows),
        Stream.EVENTS: Lines(first=0, lines=[jsontext.dumps({"system.cpu": 1.5, "_runtime": 1.0})]),
        Stream.OUTPUT: Lines(first=0, lines=[f"{mark} line"]),
    }
    store.append(made, StreamRequest(streams=streams, summary_text=jsontext.dumps({"word": mark})))
    file = announce_files(made, ["a.txt"])[0].file
    assert file is not None
    store_file(file, io.BytesIO(mark.encode()))
    alert = raise_alert(made, title=mark, text=mark, level=AlertLevel.WARN, wait=timedelta(0), by=alice)
    assert alert is not None
    address = f"https://{mark}.example/hook"
    hook, _ = make_hook(project, address, happenings=Happening.chosen_among(), by=alice)
    view = save_view(project, name=f"{mark} {by.username}", table={"q": [mark]}, by=alice)
    link, secret = make_share_link(project, label=mark, days=7, by=alice)
    world.secrets[name] = secret
    key = issue_api_key(world.users["alice"], by=alice)[0]
    target = Target(
        project.entity.name,
        f"{visibility.value if project.entity_id == world.lab.pk else project.entity.name}-place",
        run,
        "a.txt",
        project.public_id,
        made.public_id,
        file.public_id,
        link.public_id,
        key.public_id,
        world.ids["team invitation"],
        **stored.make(project, mark, owner=world.users["alice"], by=by),
        alert_id=alert.public_id,
        hook_id=hook.public_id,
        view_id=view.public_id,
    )
    return Place(name, visibility, mark, target, by.pk)


def _suspended(world: World) -> Place:
    """A public project of a team that the operators have closed."""
    users = world.users
    shut = people.team(
        "shut",
        admin=users["alice"],
        members=[users["bob"], users["una"]],
        viewers=[users["vera"]],
    )
    made = work.project("shut", "shut-place", by=users["alice"])
    alice = Actor.person(users["alice"])
    made = update_project(made, by=alice, description="mark-shut", visibility=Visibility.PUBLIC)
    found = _place(world, SUSPENDED, made, Visibility.PUBLIC, users["alice"])
    suspend_entity(shut, by=Actor.person(users["oscar"]))
    return Place(**vars(found) | {"is_suspended": True, "mark": "mark-shut"})


def _kept(world: World) -> Place:
    """A project that was public before the organisation of its team said that there are only private ones."""
    users, alice = world.users, Actor.person(world.users["alice"])
    members = [users["bob"], users["una"]]
    trust = people.team("trust", admin=users["alice"], members=members, viewers=[users["vera"]])
    above = people.organisation("foundation", admin=users["alice"], teams=[trust])
    made = work.project("trust", "trust-place", by=users["alice"])
    made = update_project(made, by=alice, description="mark-trust", visibility=Visibility.PUBLIC)
    found = _place(world, KEPT, made, Visibility.PUBLIC, users["alice"])
    choose(above, SettingName.PRIVATE_ONLY, True, by=alice)
    return Place(**vars(found) | {"visibility": Visibility.PRIVATE, "is_kept": True, "mark": "mark-trust"})


def _name_people(world: World, restricted: Project) -> None:
    by, users = Actor.person(world.users["alice"]), world.users
    for name, role in {
        "bob": NamedRole.MEMBER,
        "vera": NamedRole.VIEWER,
        "nina": NamedRole.VIEWER,
        "fred": NamedRole.MEMBER,
    }.items():
        name_person(restricted, username=users[name].username, role=role, by=by)
    remove_member(world.lab, "fred", by=by)
    change_role(world.lab, "ivan", MemberRole.VIEWER, by=by)
    ProjectMember.objects.filter(user=users["ivan"]).delete()
    users["ivan"].is_active = False
    users["ivan"].save(update_fields=["is_active"])


def _askers(world: World, projects: list[Project]) -> None:
    users, alice = world.users, world.users["alice"]
    by = Actor.person(alice)
    elsewhere = Entity.objects.get(user=alice)
    world.askers += [
        Asker("nobody", Actor.nobody(), entity=Role.NOBODY, organisation=Role.NOBODY),
        _linked(world, "holder of links", has_link=True),
        _linked(world, "expired link", expires_at=clock.now() - timedelta(minutes=1)),
        _person(users["mallory"], "stranger"),
        _person(users["fred"], "former member"),
        _person(users["nina"], "named outsider", named=Role.VIEWER),
        _person(users["vera"], "viewer", entity=Role.VIEWER, named=Role.VIEWER),
        _person(users["bob"], "member", entity=Role.MEMBER, named=Role.MEMBER, organisation=Role.VIEWER),
        # Of the team and not of the restricted project; an admin of the organisation, which gives nothing in its teams.
        _person(users["una"], "restricted-project outsider", entity=Role.MEMBER, organisation=Role.ADMIN),
        _person(users["alice"], "admin", entity=Role.ADMIN, organisation=Role.ADMIN),
        _person(users["oscar"], "instance operator", is_operator=True),
        _suspended_person(users["ivan"]),
    ]
    whole = Asker("", by, entity=Role.ADMIN, organisation=Role.ADMIN)
    for name, terms, changes in (
        ("read-only key of an admin", KeyTerms(scope=Scope.READ), {"scope": Scope.READ}),
        ("writing key of an admin", KeyTerms(scope=Scope.WRITE), {"scope": Scope.WRITE}),
        (
            "admin's key for another entity",
            KeyTerms(only_entity=elsewhere.pk),
            {"entity": Role.NOBODY, "organisation": Role.NOBODY},
        ),
    ):
        key, secret = issue_api_key(alice, by=by, terms=terms)
        asker = {**vars(whole), "name": name, "key": secret, "actor": Actor.person(alice, api_key=key)}
        world.askers.append(Asker(**asker | changes))
    service = make_service_account(world.lab, "mark-robot", role=MemberRole.MEMBER, by=by)
    made, secret = make_service_key(world.lab, service.public_id, KeyWanted(name="night"), by=by)
    world.ids |= {"service": service.public_id, "service key": made.public_id}
    world.askers.append(
        Asker(
            "service account",
            Actor.person(made.user, api_key=made),
            entity=Role.MEMBER,
            organisation=Role.NOBODY,
            scope=Scope(made.scope),
            key=secret,
            is_service=True,
        )
    )
    key, secret = issue_api_key(alice, by=by)
    revoke_api_key(by, key.public_id)
    world.askers.append(
        Asker(
            "revoked key of an admin",
            Actor.person(alice, api_key=key),
            entity=Role.NOBODY,
            organisation=Role.NOBODY,
            key=secret,
            is_refused_key=True,
        )
    )


def _person(user: User, name: str, **facts: Any) -> Asker:
    key, secret = issue_api_key(user, by=Actor.person(user))
    client = Client()
    client.force_login(user, backend=BACKEND)
    people.has_signed_in(client, user, ago=-3600)  # the measure takes longer than a proof is good for
    return Asker(
        name,
        Actor.person(user, api_key=key),
        key=secret,
        cookies=client.cookies[settings.SESSION_COOKIE_NAME].value,
        **facts,
    )


def _suspended_person(user: User) -> Asker:
    """A viewer whom the operators have shut out; the browser and the key are those of before."""
    user.is_active = True
    user.save(update_fields=["is_active"])
    made = _person(user, "suspended viewer")
    user.is_active = False
    user.save(update_fields=["is_active"])
    return Asker(**vars(made) | {"entity": Role.NOBODY, "organisation": Role.NOBODY, "is_refused_key": True})


def _linked(world: World, name: str, *, has_link: bool = False, **ends: Any) -> Asker:
    """A browser that came by a link to every project; with `ends`, all of them have ended since."""
    links = []
    for place in world.places:
        project = Project.objects.get(public_id=place.target.project_id)
        if place.is_suspended or place.is_kept:
            links.append(place.target.link_id)
            continue
        link, secret = make_share_link(project, label="", days=7, by=Actor.person(world.users["alice"]))
        ShareLink.objects.filter(pk=link.pk).update(**ends) if ends else None
        world.secrets[f"{name}, {place.name}"] = secret
        links.append(link.public_id)
    client = Client()
    session = client.session
    session[SHARES] = links
    session.save()
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    actor = Actor.nobody(shares=frozenset(links))
    return Asker(name, actor, entity=Role.NOBODY, organisation=Role.NOBODY, has_link=has_link, cookies=cookie)
