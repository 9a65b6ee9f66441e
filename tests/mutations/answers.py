"""What services and queries answer instead of refusing: lists, yes or no, what somebody is called. Asked as everybody."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from apps.access.policy import Permission, Role, Scope, Visibility, allows
from apps.accounts.actors import Actor
from apps.artifacts.queries import versions
from apps.code_saving import queries as code_saving
from apps.core import clock, jsontext
from apps.core.errors import OwnlogError
from apps.erasure import queries as erasure
from apps.exports import queries as exports
from apps.exports.contents.entities import entity_files
from apps.exports.contents.projects import project_files
from apps.exports.models import Export
from apps.exports.types import Member
from apps.imports import queries as imports
from apps.projects import queries as projects
from apps.projects import services as project_acts
from apps.projects.models import Project, ProjectMember
from apps.projects.services.projects import _name_maker
from apps.projects.types import NamedRole
from apps.runs import queries as runs
from apps.statistics import queries as statistics
from apps.statistics import reading
from apps.statistics.models import Release
from apps.teams import queries as teams
from apps.teams import services as acts
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.queries import effective, finding
from apps.teams.queries.hiding import hidden_among
from apps.teams.queries.settings import told_to
from apps.web import profile
from apps.web.code.switching import way_to_code
from apps.web.custody import Audience
from apps.web.finding import _acts_in
from apps.web.my_data import _others
from apps.web.secrets import written_makers
from tests.matrix.world import Asker, Place
from tests.mutations import artifacts, client, registries, waiting, webhooks
from tests.mutations.direct import Scene

P = Permission


@dataclass(frozen=True)
class Answer:
    """A function with what it answers, and what it should. Asked of each project, or once."""

    name: str
    call: Callable[[Scene, Place, Asker], Any]
    expected: Callable[[Scene, Place, Asker], Any]
    is_each: bool = False


def _reads(asker: Asker, place: Place) -> bool:
    return asker.may(P.PROJECT_READ, place)


def _inside(asker: Asker, permission: Permission = P.ENTITY_READ) -> bool:
    return allows(permission, role=asker.entity, scope=asker.scope)


def _mine(s: Scene, asker: Asker) -> set[str]:
    """The projects of the lab that are the asker's: they are of the team or named, not what anybody reads."""
    is_of = asker.entity in {Role.ADMIN, Role.MEMBER, Role.VIEWER} or asker.named is not None
    return {
        each.target.project
        for each in s.world.places
        if is_of and _reads(asker, each) and _is_of(asker, each)
    }


def _is_of(asker: Asker, place: Place) -> bool:
    return asker.entity is not Role.STRANGER or place.visibility is Visibility.RESTRICTED


def _listed(s: Scene, asker: Asker) -> set[str]:
    """A link lists nothing but what one would find without it."""
    public = {Visibility.PUBLIC, Visibility.OPEN}
    return {
        each.target.project
        for each in s.world.places
        if each.target.entity == "lab"
        and _reads(asker, each)
        and (not asker.has_link or each.visibility in public)
    }


def _names(opened: Any) -> set[str]:
    return {each.name for each in opened}


def _made_for_nobody(s: Scene, place: Place, asker: Asker) -> bool:
    """Who may make no project leaves none behind, whatever they are told."""
    with suppress(OwnlogError):
        project_acts.get_or_create_project(asker.actor, entity="lab", name="new")
    return projects.find_project(s.world.lab, "new") is not None


def _saves_code_of_suspended(s: Scene, place: Place, asker: Asker) -> bool:
    own = Entity.objects.filter(user__username=asker.actor.username).first()
    if own is not None:
        acts.choose(own, SettingName.CODE_SAVING, True, by=Actor.person(s.user(own.name)))
        Entity.objects.filter(pk=own.pk).update(suspended_at=clock.now())
    return code_saving.saves_own_code(asker.actor)


def _exports_account_of_suspended(s: Scene, place: Place, asker: Asker) -> bool:
    Entity.objects.filter(user__username=asker.actor.username).update(suspended_at=clock.now())
    return _told(lambda: exports.own_account(asker.actor)) == "yes"


def _link_of_kept_project(s: Scene, place: Place, asker: Asker) -> str:
    """What an organisation keeps to its own people no link opens."""
    by = Actor.person(s.user("alice"))
    acts.choose(s.world.institute, SettingName.PRIVATE_ONLY, True, by=by)
    return _link(s, place, asker) or "not_found"


def _told(call: Callable[[], Any]) -> str:
    try:
        call()
    except OwnlogError as error:
        return error.code
    return "yes"


def _sees_job(s: Scene, place: Place, asker: Asker) -> bool:
    return asker.name == "member" or _inside(asker, P.ENTITY_AUDIT)


def _sees_export(s: Scene, place: Place, asker: Asker) -> bool:
    return asker.name == "member" or _inside(asker, P.ENTITY_ADMIN)


def _exports_people(s: Scene, place: Place, asker: Asker) -> bool:
    """Whether an export tells them who is named in a project."""
    said, *_views = project_files(s.project(place).pk, asker.actor)
    return isinstance(said, Member) and "people" in jsontext.loads(b"".join(said.read()))


def _goes_to_lab(s: Scene, place: Place, asker: Asker) -> bool:
    """Where runs go that name no entity, for those who chose the lab when they might."""
    if not asker.actor.is_signed_in:
        return False
    for own in Entity.objects.filter(user__username=asker.actor.username):
        acts.choose(own, SettingName.DEFAULT_ENTITY, s.world.lab.public_id, by=Actor.person(s.user(own.name)))
    try:
        return teams.default_entity(asker.actor).name == "lab"
    except OwnlogError:
        return False


def _is_person(asker: Asker) -> bool:
    return bool(asker.cookies) and asker.actor.is_signed_in


def _may_go_to_lab(s: Scene, place: Place, asker: Asker) -> bool:
    return _is_person(asker) and _inside(asker, P.PROJECT_CREATE)


def _lab_is_offered(s: Scene, place: Place, asker: Asker) -> bool:
    found = profile._places(asker.actor).groups if _is_person(asker) else []
    return any(item.value == s.world.lab.public_id for _, items in found for item in items)


def _lab_is_taken(s: Scene, place: Place, asker: Asker) -> bool:
    save = profile._save_place
    return _is_person(asker) and _told(lambda: save(asker.actor, s.world.lab.public_id)) == "yes"


def _way_to_code(s: Scene, place: Place, asker: Asker) -> str:
    way = way_to_code(asker.actor, s.world.lab)
    return "whom to ask" if way.says else "a switch" if way.href else ""


def _role_of_maker(s: Scene, place: Place, asker: Asker) -> str:
    """What whoever makes a restricted project is named there."""
    made = s.project(s.world.places[1])
    ProjectMember.objects.filter(project=made).delete()
    _name_maker(made, by=asker.actor)
    return ",".join(ProjectMember.objects.filter(project=made).values_list("role", flat=True))


def _naming(s: Scene, place: Place, asker: Asker) -> str:
    try:
        named = project_acts.name_person(
            s.project(s.world.places[1]), username=asker.actor.username, role=NamedRole.VIEWER, by=asker.actor
        )
    except OwnlogError as error:
        return error.code
    return "outsider" if named.is_outsider else "of the team"


def _should_be_named(s: Scene, place: Place, asker: Asker) -> str:
    role = asker.entity if asker.is_service else s.role_of.get(asker.actor.username)
    if role is None or role is Role.ADMIN:
        return "invalid"
    return "outsider" if role is Role.STRANGER else "of the team"


def _only_entity(s: Scene, place: Place, asker: Asker) -> str:
    """A key is made for one entity that is the asker's, and for no other."""
    try:
        acts.make_key(asker.actor, acts.KeyWanted(name="x", only="lab"))
    except OwnlogError as error:
        return error.code
    return "made"


def _link(s: Scene, place: Place, asker: Asker) -> str:
    """By a secret one gets to its project while the link is good."""
    name = f"{asker.name}, {place.name}"
    if name not in s.world.secrets:
        return ""
    try:
        return projects.find_share_link(s.world.secrets[name]).project.public_id
    except OwnlogError as error:
        return error.code


def _signed_in(s: Scene, place: Place, asker: Asker) -> str:
    return "yes" if asker.actor.is_signed_in else "not_found"


def _released_month(s: Scene, place: Place, asker: Asker) -> str:
    month = date(2026, 5, 1)
    Release.objects.create(
        month=month, libraries=1, epsilon=1, delta=0, minimum=1, names_on=month, released_on=month
    )
    return _told(lambda: statistics.get_release(asker.actor, month=month))


def _link_leads(s: Scene, place: Place, asker: Asker) -> str:
    if asker.name == "holder of links" and not place.is_suspended:
        return place.target.project_id
    return "not_found" if asker.name == "expired link" and not place.is_suspended else ""


ANSWERS = [
    Answer("queries.may_do", lambda s, p, a: runs.may_do(a.actor, P.RUN_WRITE, s.run(p)), lambda s, p, a: a.may(P.RUN_WRITE, p, is_run=True), is_each=True),
    Answer("queries.where_may_do", lambda s, p, a: bool(runs.where_may_do(a.actor, P.RUN_WRITE, [s.run(p)])), lambda s, p, a: a.may(P.RUN_WRITE, p, is_run=True), is_each=True),
    Answer("queries.last_seen_run", lambda s, p, a: runs.last_seen_run(a.actor, entity=s.world.lab) is not None, lambda s, p, a: any(a.may(P.RUN_READ, each) for each in s.world.places if each.target.entity == "lab")),
    Answer("reading.read_by", lambda s, p, a: bool(reading.read_by(a.actor, [s.project(p)])), lambda s, p, a: a.may(P.RUN_READ, p), is_each=True),
    Answer("queries.releases", lambda s, p, a: _told(lambda: statistics.releases(a.actor)), _signed_in),
    Answer("queries.months_released", lambda s, p, a: _told(lambda: statistics.months_released(a.actor)), _signed_in),
    Answer("queries.get_release", _released_month, _signed_in),
    Answer("queries.last_seen_run 2", lambda s, p, a: runs.last_seen_run(a.actor, entity=s.shut) is not None, lambda s, p, a: False),
    Answer("queries.projects_of", lambda s, p, a: _names(projects.projects_of(a.actor, s.world.lab)), lambda s, p, a: _listed(s, a)),
    Answer("queries.my_projects", lambda s, p, a: _names(projects.my_projects(a.actor)), lambda s, p, a: _mine(s, a)),
    Answer("queries.has_projects", lambda s, p, a: projects.has_projects(a.actor, entity="lab"), lambda s, p, a: bool(_mine(s, a))),
    Answer("queries.has_projects 2", lambda s, p, a: projects.has_projects(a.actor, entity="shut"), lambda s, p, a: False),
    Answer("queries.readable_projects", lambda s, p, a: {each.public_id for each in projects.readable_projects(a.actor, [p.target.project_id])}, lambda s, p, a: {p.target.project_id} if _reads(a, p) else set(), is_each=True),
    Answer("entities.entities_where", lambda s, p, a: {each.name for each in teams.entities_where(a.actor, P.PROJECT_CREATE)} & {"lab", "shut"}, lambda s, p, a: {"lab"} if _inside(a, P.PROJECT_CREATE) else set()),
    Answer("finding.found_people", lambda s, p, a: [each.username for each in teams.found_people(a.actor, "una")], lambda s, p, a: ["una"] if _inside(a) and a.actor.username != "una" else []),
    Answer("finding.found_people 2", lambda s, p, a: [each.username for each in teams.found_people(a.actor, "sam")], lambda s, p, a: []),
    Answer("finding.person_in_common", lambda s, p, a: finding.person_in_common(a.actor, "sam"), lambda s, p, a: None),
    Answer("finding.teams_in_common", lambda s, p, a: [each.name for each in teams.teams_in_common(a.actor, s.user("una"))], lambda s, p, a: ["lab", "trust"][: 1 if a.is_service else 2] if _inside(a) else []),
    Answer("finding.teams_in_common 2", lambda s, p, a: [each.name for each in teams.teams_in_common(a.actor, s.user("sam"))], lambda s, p, a: []),
    Answer("service_accounts.author_names", lambda s, p, a: "mark-robot" in teams.author_names(a.actor, [s.robot.pk]).values(), lambda s, p, a: _inside(a)),
    Answer("service_accounts.author_names 2", lambda s, p, a: bool(teams.author_names(a.actor, [s.hidden.pk])), lambda s, p, a: _inside(a)),
    Answer("service_accounts.audited_names", lambda s, p, a: "mark-robot" in teams.audited_names(a.actor, [s.robot.public_id]).values(), lambda s, p, a: _inside(a)),
    Answer("hiding.hidden_from", lambda s, p, a: bool(teams.hidden_from(a.actor, [s.hidden.pk])), lambda s, p, a: not _inside(a)),
    Answer("people.my_teams", lambda s, p, a: {each.name: each.role for each in teams.my_teams(a.actor)}.get("lab"), lambda s, p, a: a.entity if _inside(a) else None),
    Answer("projects._name_maker", _role_of_maker, lambda s, p, a: "" if a.entity is Role.ADMIN or not a.actor.is_signed_in else "member"),
    Answer("sharing.name_person", _naming, _should_be_named),
    Answer("keys.make_key", _only_entity, lambda s, p, a: "made" if _inside(a) and a.actor.has_all_rights else "forbidden" if _inside(a) else "invalid"),
    Answer("queries.find_share_link", _link, _link_leads, is_each=True),
    Answer("queries.find_share_link kept", _link_of_kept_project, lambda s, p, a: "not_found"),
    Answer("queries.share_links", lambda s, p, a: bool({each.public_id for each in projects.share_links(s.project(p))} & a.actor.shares), lambda s, p, a: a.has_link or (a.name == "expired link" and p.is_suspended), is_each=True),
    Answer("queries.projects_of somebody who hides", lambda s, p, a: _names(projects.projects_of(a.actor, Entity.objects.get(name="hana"))), lambda s, p, a: {"hers"} if _inside(a) else set()),
    Answer("projects.get_or_create_project leaves", _made_for_nobody, lambda s, p, a: _inside(a, P.PROJECT_CREATE)),
    Answer("custody.is_guest", lambda s, p, a: Audience(a.actor).is_guest(s.project(p)), lambda s, p, a: a.has_link and not p.is_suspended and p.visibility in {Visibility.PRIVATE, Visibility.RESTRICTED}, is_each=True),
    Answer("finding._acts_in", lambda s, p, a: bool(list(_acts_in(a.actor, projects.open_project(s.project(p))))), lambda s, p, a: a.may(P.RUN_CREATE, p), is_each=True),
    Answer("queries.saves_own_code of who is suspended", _saves_code_of_suspended, lambda s, p, a: False),
    Answer("versions.version_by_client_id", lambda s, p, a: _told(lambda: versions.version_by_client_id(a.actor, artifacts.client_id(p))), lambda s, p, a: "yes" if a.may(P.FILE_READ, p) else "not_found", is_each=True),
    Answer("versions.version_by_client_id of what is begun", lambda s, p, a: _told(lambda: versions.version_by_client_id(a.actor, "client of what is begun")), lambda s, p, a: "yes" if a.may(P.FILE_WRITE, p) else "not_found"),
    Answer("versions.resolve_client_path", lambda s, p, a: _told(lambda: artifacts.is_led(a.actor, f"wandb-client-artifact://{artifacts.client_id(p)}/a.txt", p)), lambda s, p, a: "yes" if a.may(P.FILE_READ, p) else "not_found", is_each=True),
    Answer("versions.resolve_client_path by collection", lambda s, p, a: _told(lambda: artifacts.is_led(a.actor, f"wandb-client-artifact://{artifacts.client_id(p)} c:latest/a.txt", p)), lambda s, p, a: "yes" if a.may(P.FILE_READ, p) else "not_found", is_each=True),
    Answer("lineage.made_by", lambda s, p, a: artifacts.lineage.made_by(a.actor, artifacts.version(s, p)) is not None, lambda s, p, a: a.may(P.RUN_READ, p), is_each=True),
    Answer("lineage.makers_of", lambda s, p, a: bool(artifacts.lineage.makers_of(a.actor, [artifacts.version(s, p)])), lambda s, p, a: a.may(P.RUN_READ, p), is_each=True),
    Answer("lineage.used_by", lambda s, p, a: bool(artifacts.lineage.used_by(a.actor, artifacts.version(s, s.world.places[1]))), lambda s, p, a: a.may(P.RUN_READ, s.world.places[1])),
    Answer("lineage.versions_of_run", lambda s, p, a: artifacts.used_of_elsewhere(s, a.actor), lambda s, p, a: 2 if a.may(P.FILE_READ, p) else 1),
    Answer("graph.lineage_of", lambda s, p, a: artifacts.reached(s, a.actor), lambda s, p, a: 2 if a.may(P.FILE_READ, p) else 1),
    Answer("holders.read_by_runs", lambda s, p, a: bool(artifacts.holders.read_by_runs(a.actor, [artifacts.version(s, s.world.places[1])])), lambda s, p, a: a.may(P.RUN_READ, s.world.places[1])),
    Answer("secrets.written_makers", lambda s, p, a: bool(written_makers(a.actor, artifacts.version(s, s.world.place("private project")))), lambda s, p, a: a.may(P.RUN_WRITE, s.world.place("private project"), is_run=True)),
    Answer("holders.may_erase", lambda s, p, a: artifacts.holders.may_erase(a.actor, artifacts.version(s, p)), lambda s, p, a: a.may(P.FILE_ERASE, p), is_each=True),
    Answer("holders.may_erase_all", lambda s, p, a: artifacts.holders.may_erase_all(a.actor, artifacts.version(s, p).collection.project), lambda s, p, a: a.may(P.FILE_ERASE, p), is_each=True),
    Answer("collections.may_add_to", lambda s, p, a: artifacts.may_add_to(a.actor, artifacts.version(s, p).collection), lambda s, p, a: a.may(P.FILE_WRITE, p), is_each=True),
    Answer("sharing.name_person somebody who hides", lambda s, p, a: _told(lambda: project_acts.name_person(s.project(s.world.places[1]), username="hugo", role=NamedRole.VIEWER, by=a.actor)), lambda s, p, a: "invalid"),
    Answer("hiding.hidden_among", lambda s, p, a: bool(hidden_among(a.actor, [s.hidden.public_id])), lambda s, p, a: not _inside(a)),
    Answer("settings.told_to", lambda s, p, a: told_to(a.actor, [effective(Entity.objects.get(name="hana"), SettingName.HIDDEN)])[0].set_by_name, lambda s, p, a: "hana" if _inside(a) else ""),
    Answer("custody.hides_owner", lambda s, p, a: Audience(a.actor).hides_owner(Project.objects.get(entity__name="hana")), lambda s, p, a: not _inside(a)),
    Answer("queries.runs_to_erase", lambda s, p, a: _told(lambda: erasure.runs_to_erase(a.actor, s.project(p), public_ids=[p.target.run_id])), lambda s, p, a: "yes" if a.may(P.RUN_ERASE, p, is_run=True) else "forbidden", is_each=True),
    Answer("queries.uses_of", lambda s, p, a: bool(erasure.uses_of(a.actor, [artifacts.version(s, s.world.places[1])]).read), lambda s, p, a: a.may(P.RUN_READ, s.world.places[1])),
    Answer("queries.get_job", lambda s, p, a: _told(lambda: erasure.get_job(a.actor, public_id=s.ids["job"])) == "yes", _sees_job),
    Answer("queries.jobs_seen_by", lambda s, p, a: bool(erasure.jobs_seen_by(a.actor)), _sees_job),
    Answer("queries.jobs_on_their_way", lambda s, p, a: bool(erasure.jobs_on_their_way(a.actor, most=5)), _sees_job),
    Answer("queries.job_that_closed", waiting.led_to, lambda s, p, a: _inside(a, P.ENTITY_AUDIT) or a.name in waiting.KEYS_OF_WHO_ASKED),
    Answer("called.names_of", waiting.named, lambda s, p, a: a.may(P.RUN_READ, p)),
    Answer("queries.get_export", lambda s, p, a: _told(lambda: exports.get_export(a.actor, public_id=s.ids["export"])) == "yes", _sees_export),
    Answer("queries.get_export_to_end", lambda s, p, a: _told(lambda: exports.get_export_to_end(a.actor, public_id=s.ids["export"])) == "yes", lambda s, p, a: _sees_export(s, p, a) and a.scope is not Scope.READ),
    Answer("queries.exports_seen_by", lambda s, p, a: bool(exports.exports_seen_by(a.actor)), _sees_export),
    Answer("queries.get_archive", lambda s, p, a: _told(lambda: exports.get_archive(a.actor, public_id=s.ids["export"])) == "yes", lambda s, p, a: a.name == "member"),
    Answer("queries.is_fetched_by", lambda s, p, a: exports.is_fetched_by(a.actor, Export.objects.get(public_id=s.ids["export"])), lambda s, p, a: a.name == "member"),
    Answer("queries.get_import", lambda s, p, a: _told(lambda: imports.get_import(a.actor, public_id=s.ids["import"])) == "yes", _sees_export),
    Answer("queries.get_import_to_end", lambda s, p, a: _told(lambda: imports.get_import_to_end(a.actor, public_id=s.ids["import"])) == "yes", lambda s, p, a: _sees_export(s, p, a) and a.scope is not Scope.READ),
    Answer("queries.imports_seen_by", lambda s, p, a: bool(imports.imports_seen_by(a.actor)), _sees_export),
    Answer("queries.own_account of who is suspended", _exports_account_of_suspended, lambda s, p, a: False),
    Answer("queries.projects_to_export", lambda s, p, a: s.project(p) in exports.projects_to_export(a.actor, s.project(p).entity), lambda s, p, a: a.may(P.PROJECT_EXPORT, p) and not p.is_suspended, is_each=True),
    Answer("contents.projects", _exports_people, lambda s, p, a: a.may(P.PROJECT_SHARE, p) and not p.is_suspended, is_each=True),
    Answer("contents.entities", lambda s, p, a: any(isinstance(each, Member) for each in entity_files(s.world.lab, a.actor) if each.path == "audit.jsonl"), lambda s, p, a: _inside(a, P.ENTITY_AUDIT)),
    *(Answer(f"taking_back.may_decide {scope}", partial(waiting.decides, scope), partial(waiting.expected, scope)) for scope in waiting.TAKES),
    Answer("entities.default_entity", _goes_to_lab, lambda s, p, a: a.is_service or _may_go_to_lab(s, p, a) or (a.name == "writing key of an admin")),
    Answer("profile._places", _lab_is_offered, _may_go_to_lab),
    Answer("profile._save_place", _lab_is_taken, _may_go_to_lab),
    Answer("my_data._others", lambda s, p, a: "lab" in {each.name for each in _others(a.actor)}, lambda s, p, a: _inside(a, P.ENTITY_ADMIN)),
    Answer("switching.way_to_code", _way_to_code, lambda s, p, a: "a switch" if _inside(a, P.ENTITY_ADMIN) else "whom to ask" if _inside(a) else ""),
    *(Answer(f"client {name}", partial(client.heard, field), partial(client.expected, field), is_each=field.is_each) for name, field in client.FIELDS.items()),
    Answer("client models", client.listed, lambda s, p, a: _listed(s, replace(a, has_link=False))),
    *(Answer(name, call, should) for name, (call, should) in registries.CHECKS.items()),
    *(Answer(name, call, should, is_each=True) for name, (call, should) in webhooks.CHECKS.items()),
    Answer("client download_by_digest", client.downloaded, client.may_download),
    Answer("queries.saves_own_code", lambda s, p, a: code_saving.saves_own_code(a.actor), lambda s, p, a: False),
]  # fmt: skip
