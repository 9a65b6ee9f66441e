"""Services and queries called as everybody, without the door in front of them: a gate behind another one counts too.

Each function of the rooms `services` and `queries` that takes who acts is in ACTS, with the permission that it asks for
itself and about what; in ANSWERS, with what it has to answer; or in UNASKED, with the reason why it asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.test import override_settings

from apps.access.policy import Permission, Role, Scope, Visibility, allows
from apps.accounts import services as accounts
from apps.accounts.actors import Actor
from apps.accounts.models import User
from apps.core.errors import Forbidden, NotFound, OwnlogError
from apps.erasure import queries as erasure
from apps.erasure.accounts import erase_account
from apps.erasure.services import erase_run
from apps.exports import queries as exports
from apps.exports.asking import ask_for, ask_for_account
from apps.exports.models import Export
from apps.exports.services import export_entity, export_project
from apps.files import backlog, sizes
from apps.files import queries as files
from apps.imports import queries as imports
from apps.imports.handed_in import require_still
from apps.imports.models import Import
from apps.imports.types import Clash, Origin
from apps.plans import services as plans
from apps.plans.models import Entitlement, PlanRequest
from apps.plans.types import Plan, RequestWords
from apps.projects import queries as projects
from apps.projects import seen
from apps.projects import services as project_acts
from apps.projects.models import Project
from apps.projects.services.retention import choose_retention, unset_retention
from apps.runs import queries as runs
from apps.runs import services as run_acts
from apps.runs.models import Run
from apps.runs.types import BranchPoint, RunPatch
from apps.teams import queries as teams
from apps.teams import services as acts
from apps.teams.choices import SettingName
from apps.teams.models import Entity
from apps.teams.services import suspending
from apps.teams.types import MemberRole, OrganisationRole
from apps.webhooks import queries as hooks
from tests.exports.conftest import make
from tests.factories import people, work
from tests.matrix.measure import FORBIDDEN, NOTHING, YES, is_inside
from tests.matrix.world import Asker, Place, World
from tests.mutations import artifacts, registries

P, M = Permission, MemberRole


@dataclass
class Scene:
    """The matrix's world, and what only these calls need."""

    world: World
    askers: list[Asker]
    shut: Entity
    ids: dict[str, str]
    robot: User  # a service account of the lab
    hidden: User  # somebody of the lab who hides
    role_of: dict[str, Role]  # what people are in the lab, by name

    def project(self, place: Place) -> Project:
        return Project.objects.select_related("entity").get(public_id=place.target.project_id)

    def run(self, place: Place) -> Run:
        return Run.objects.select_related("project__entity").get(public_id=place.target.run_id)

    def user(self, name: str) -> User:
        return User.objects.get(username=name)


def scene(world: World) -> Scene:
    """One more asker, a service that is an admin: its key may be in the hands of somebody who had to go."""
    by = Actor.person(world.users["alice"])
    service = acts.make_service_account(world.lab, "mark-robot", role=M.ADMIN, by=by)
    wanted = acts.KeyWanted(name="n", scope=Scope.ADMIN)
    key, secret_of_robot = acts.make_service_key(world.lab, service.public_id, wanted, by=by)
    robot = replace(
        world.asker("service account"),
        name="service that is an admin",
        actor=Actor.person(key.user, api_key=key),
        key=secret_of_robot,
        entity=Role.ADMIN,
        scope=Scope.ADMIN,
    )
    # Of a team alone that the operators have suspended: with whom nobody has anything in common.
    sam, shut = people.person("sam"), Entity.objects.get(name="shut")
    acts.add_member(shut, sam, role=M.MEMBER)
    hana = people.person("hana")
    acts.add_member(world.lab, hana, role=M.VIEWER)
    above, secret = acts.invite(world.institute, role=OrganisationRole.MEMBER, by=by)
    with override_settings(OWNLOG_HOSTED=True):
        asked = plans.ask_for_plan(Plan.ACADEMIC, RequestWords("https://a.example", "use", "why"), by=by)
    plans.grant_plan(world.users["alice"], Plan.ACADEMIC, by=Actor.system())
    bob = world.users["bob"]
    job = erase_run(
        work.run(Project.objects.get(public_id=world.places[0].target.project_id), "x", by=bob),
        by=Actor.person(bob),
    )
    ids = {
        "above": above.public_id,
        "secret": secret,
        "plan": str(asked.pk),
        "service": service.public_id,
        "job": job.public_id,
        "export": _exported(world.places[0], bob).public_id,
        "import": _imported(world.lab, bob).public_id,
        **artifacts.make(world),
        **registries.make(world),
    }
    people.person("hugo")  # of no team, and hidden
    acts.choose(
        Entity.objects.get(name="hugo"),
        SettingName.HIDDEN,
        True,
        by=Actor.person(User.objects.get(username="hugo")),
    )
    askers = [_by_browser(world, each) for each in world.askers if not each.is_refused_key]
    hers = work.project("hana", "hers", by=hana)
    project_acts.update_project(hers, by=Actor.person(hana), visibility=Visibility.PUBLIC)
    # One who may only look does not write to a run that they added when they were more.
    restricted = world.place("restricted project").target.run_id
    Run.objects.filter(public_id=restricted).update(created_by=world.users["vera"])
    # What she made in public is not told to be hers outside of the team.
    public = Project.objects.filter(public_id=world.place("public project").target.project_id)
    public.update(created_by=hana)
    Run.objects.filter(project__in=public).update(created_by=hana)
    own = Entity.objects.get(user=hana)
    acts.choose(own, SettingName.HIDDEN, True, by=Actor.person(hana))
    roles = {each.actor.username: each.entity for each in askers if each.cookies and each.actor.is_signed_in}
    return Scene(world, [*askers, robot], shut, ids, key.user, hana, roles)


def _exported(place: Place, by: User) -> Export:
    """The archive of a project of the lab, ready to be fetched."""
    project = Project.objects.select_related("entity").get(public_id=place.target.project_id)
    return make(export_project(project, by=Actor.person(by)))


def _imported(lab: Entity, by: User) -> Import:
    """One that somebody asked for, and that waits."""
    return Import.objects.create(
        entity=lab,
        origin=Origin.OWNLOG.value,
        clash=Clash.SKIP.value,
        fingerprint_index=b"f" * 16,
        asked_by=Actor.person(by).audit_id,
    )


def _with_record(lab: Entity) -> Export:
    """An archive that holds what is for admins alone."""
    export = export_entity(lab, [], by=Actor.system())
    export.has_record = True
    return export


def _by_browser(world: World, asker: Asker) -> Asker:
    """Whoever has both comes by the browser: an operator is none by a key."""
    user = world.users.get(asker.actor.username)
    if user is None or not asker.cookies:
        return asker
    # The first account owns the instance.
    return replace(asker, actor=Actor.person(user), is_operator=user.is_staff)


@dataclass(frozen=True)
class Act:
    """A function, the permission that it takes, and about what: the team, the organisation, each project, or nothing."""

    name: str
    level: str
    permission: Permission | None
    call: Callable[[Scene, Place, Actor], Any]
    is_person: bool = False  # no service account
    is_whole: bool = False  # no key that was given less
    is_run: bool = False
    past: Callable[[Asker], str] | None = None  # what comes past the gate, if that is not the same for all

    def expected(self, asker: Asker, place: Place) -> str:
        if self.level == "operator":
            return YES if asker.is_operator else FORBIDDEN
        if self.permission is not None and (refused := self._refused(asker, place)):
            return refused
        if (self.is_person and asker.is_service) or (self.is_whole and not asker.actor.has_all_rights):
            return FORBIDDEN
        return self.past(asker) if self.past else YES

    def _refused(self, asker: Asker, place: Place) -> str:
        assert self.permission is not None
        if self.level == "project" and place.is_suspended:
            return FORBIDDEN if is_inside(asker) else NOTHING
        if self.level == "project":
            may = asker.may(self.permission, place, is_run=self.is_run)
            sees = asker.may(P.PROJECT_READ, place)
        else:
            role = asker.entity if self.level == "team" else asker.organisation
            may = allows(self.permission, role=role, scope=asker.scope)
            sees = allows(P.ENTITY_READ, role=role, scope=asker.scope)
        return "" if may else FORBIDDEN if sees else NOTHING


def _team(name: str, permission: Permission, call: Callable[[Scene, Actor], Any], **facts: Any) -> Act:
    return Act(name, "team", permission, lambda s, _, by: call(s, by), **facts)


def _above(name: str, permission: Permission, call: Callable[[Scene, Actor], Any], **facts: Any) -> Act:
    return Act(name, "organisation", permission, lambda s, _, by: call(s, by), **facts)


def _project(
    name: str, permission: Permission, call: Callable[[Scene, Place, Actor], Any], **facts: Any
) -> Act:
    return Act(name, "project", permission, call, **facts)


def _operator(name: str, call: Callable[[Scene, Actor], Any]) -> Act:
    return Act(name, "operator", None, lambda s, _, by: call(s, by))


def _whole(name: str, call: Callable[[Scene, Actor], Any], past: Callable[[Asker], str] | None = None) -> Act:
    return Act(name, "", None, lambda s, _, by: call(s, by), is_whole=True, past=past)


def _no_service(asker: Asker) -> str:
    """A service account is no person of the team, so there is none to take out."""
    return NOTHING if asker.is_service else YES


def _somebody(asker: Asker) -> str:
    return YES if asker.actor.is_signed_in else NOTHING


def _a_person(asker: Asker) -> str:
    """A service has no account."""
    return YES if asker.actor.is_signed_in and not asker.is_service else NOTHING


def _of_lab(asker: Asker) -> str:
    return YES if allows(P.ENTITY_ADMIN, role=asker.entity, scope=asker.scope) else FORBIDDEN


def _alice(other: str) -> Callable[[Asker], str]:
    return lambda asker: YES if asker.actor.username == "alice" else other


_TERMS = accounts.KeyTerms(scope=Scope.READ)
_WORDS = RequestWords("https://b.example", "use", "why")


def _asked(s: Scene) -> PlanRequest:
    return PlanRequest.objects.get(pk=s.ids["plan"])


ACTS = [
    _team("members.change_role", P.ENTITY_ADMIN, lambda s, by: acts.change_role(s.world.lab, "bob", M.VIEWER, by=by), is_person=True),
    _above("members.change_role", P.ENTITY_ADMIN, lambda s, by: acts.change_role(s.world.institute, "bob", OrganisationRole.ADMIN, by=by)),
    _team("members.hand_over", P.ENTITY_ADMIN, lambda s, by: acts.hand_over(s.world.lab, to="bob", by=by), past=_no_service),
    _team("members.remove_member", P.ENTITY_ADMIN, lambda s, by: acts.remove_member(s.world.lab, "bob", by=by), is_person=True),
    _team("members.leave", P.ENTITY_READ, lambda s, by: acts.leave(s.world.lab, by=by), past=_no_service),
    _team("invitations.invite", P.ENTITY_ADMIN, lambda s, by: acts.invite(s.world.lab, role=M.VIEWER, by=by), is_person=True),
    _team("invitations.invite_by_mail", P.ENTITY_ADMIN, lambda s, by: acts.invite_by_mail(s.world.lab, to="a@example.com", role=M.VIEWER, by=by, url_of=str), is_person=True),
    _above("invitations.revoke_invitation", P.ENTITY_ADMIN, lambda s, by: acts.revoke_invitation(s.world.institute, s.ids["above"], by=by)),
    _team("invitations.revoke_invitation", P.ENTITY_ADMIN, lambda s, by: acts.revoke_invitation(s.world.lab, s.world.ids["team invitation"], by=by)),
    _whole("invitations.accept_invitation", lambda s, by: acts.accept_invitation(s.ids["secret"], by=by), _somebody),
    _above("organisations.add_team", P.ENTITY_ADMIN, lambda s, by: acts.add_team(s.world.institute, s.world.lab, by=by), past=_of_lab),
    _above("organisations.let_team_go", P.ENTITY_ADMIN, lambda s, by: acts.let_team_go(s.world.institute, "lab", by=by)),
    _team("service_accounts.change_service_role", P.ENTITY_ADMIN, lambda s, by: acts.change_service_role(s.world.lab, s.ids["service"], M.VIEWER, by=by), is_whole=True),
    _team("service_accounts.make_service_account", P.ENTITY_ADMIN, lambda s, by: acts.make_service_account(s.world.lab, "x", role=M.VIEWER, by=by), is_whole=True),
    _team("service_accounts.make_service_key", P.ENTITY_ADMIN, lambda s, by: acts.make_service_key(s.world.lab, s.ids["service"], acts.KeyWanted(name="x"), by=by), is_whole=True),
    _team("service_accounts.remove_service_account", P.ENTITY_ADMIN, lambda s, by: acts.remove_service_account(s.world.lab, s.ids["service"], by=by), is_whole=True),
    _team("service_accounts.revoke_left_over_keys", P.ENTITY_ADMIN, lambda s, by: acts.revoke_left_over_keys(s.world.lab, by=by), is_whole=True),
    _team("service_accounts.revoke_service_key", P.ENTITY_ADMIN, lambda s, by: acts.revoke_service_key(s.world.lab, s.world.ids["service"], s.world.ids["service key"], by=by), is_whole=True),
    _team("settings.choose", P.ENTITY_ADMIN, lambda s, by: acts.choose(s.world.lab, SettingName.CODE_SAVING, True, by=by)),
    _above("settings.choose", P.ENTITY_ADMIN, lambda s, by: acts.choose(s.world.institute, SettingName.CODE_SAVING, True, by=by)),
    _team("settings.unset", P.ENTITY_ADMIN, lambda s, by: acts.unset(s.world.lab, SettingName.CODE_SAVING, by=by)),
    _above("settings.unset", P.ENTITY_ADMIN, lambda s, by: acts.unset(s.world.institute, SettingName.CODE_SAVING, by=by)),
    _team("entities.get_entity", P.ENTITY_ADMIN, lambda s, by: teams.get_entity(by, P.ENTITY_ADMIN, name="lab")),
    _team("people.get_team", P.ENTITY_READ, lambda s, by: teams.get_team(by, P.ENTITY_READ, name="lab")),
    _above("people.get_organisation", P.ENTITY_ADMIN, lambda s, by: teams.get_organisation(by, P.ENTITY_ADMIN, name="institute")),
    _team("seen.audited_entity", P.ENTITY_AUDIT, lambda s, by: seen.audited_entity(by, "lab")),
    _above("seen.audited_organisation", P.ENTITY_AUDIT, lambda s, by: seen.audited_organisation(by, "institute")),
    _team("projects.create_project", P.PROJECT_CREATE, lambda s, by: project_acts.create_project(by, entity="lab", name="new")),
    _team("projects.create_project", P.PROJECT_SHARE, lambda s, by: project_acts.create_project(by, entity="lab", name="new", visibility=Visibility.PUBLIC)),
    _team("projects.get_or_create_project", P.PROJECT_CREATE, lambda s, by: project_acts.get_or_create_project(by, entity="lab", name="new")),
    _project("projects.get_or_create_project", P.RUN_CREATE, lambda s, p, by: project_acts.get_or_create_project(by, entity=p.target.entity, name=p.target.project)),
    _project("queries.get_project", P.PROJECT_WRITE, lambda s, p, by: projects.get_project(by, P.PROJECT_WRITE, entity=p.target.entity, name=p.target.project)),
    _project("queries.get_project_by_id", P.PROJECT_READ, lambda s, p, by: projects.get_project_by_id(by, P.PROJECT_READ, public_id=p.target.project_id)),
    _project("queries.get_run", P.RUN_WRITE, lambda s, p, by: runs.get_run(by, P.RUN_WRITE, entity=p.target.entity, project=p.target.project, name=p.target.run), is_run=True),
    _project("queries.get_run_again", P.RUN_WRITE, lambda s, p, by: runs.get_run_again(by, P.RUN_WRITE, entity=p.target.entity, project=p.target.project, name=p.target.run), is_run=True),
    _project("queries.get_run_in", P.RUN_READ, lambda s, p, by: runs.get_run_in(by, P.RUN_READ, project=s.project(p), name=p.target.run)),
    _project("queries.get_runs_in", P.RUN_WRITE, lambda s, p, by: runs.get_runs_in(by, P.RUN_WRITE, project=s.project(p), names=[p.target.run]), is_run=True),
    _project("queries.get_run_by_id", P.RUN_WRITE, lambda s, p, by: runs.get_run_by_id(by, P.RUN_WRITE, public_id=p.target.run_id), is_run=True),
    _project("queries.get_file", P.FILE_WRITE, lambda s, p, by: files.get_file(by, P.FILE_WRITE, public_id=p.target.file_id), is_run=True),
    _project("queries.get_files", P.FILE_ERASE, lambda s, p, by: files.get_files(by, P.FILE_ERASE, public_ids=[p.target.file_id]), is_run=True),
    _project("queries.require_run", P.RUN_WRITE, lambda s, p, by: runs.require_run(by, P.RUN_WRITE, s.run(p)), is_run=True),
    _project("queries.find_hook", P.PROJECT_ADMIN, lambda s, p, by: hooks.find_hook(by, p.target.hook_id)),
    _team("queries.find_hook", P.ENTITY_ADMIN, lambda s, by: hooks.find_hook(by, s.world.ids["team webhook"])),
    _project("queries.files_to_erase", P.FILE_ERASE, lambda s, p, by: erasure.files_to_erase(by, public_ids=[p.target.file_id]), is_run=True),
    _project("queries.require_all", P.PROJECT_EXPORT, lambda s, p, by: exports.require_all(by, export_project(s.project(p), by=Actor.system()))),
    _team("queries.require_all", P.ENTITY_READ, lambda s, by: exports.require_all(by, export_entity(s.world.lab, [], by=Actor.system()))),
    _team("queries.require_all", P.ENTITY_AUDIT, lambda s, by: exports.require_all(by, _with_record(s.world.lab))),
    _team("queries.entity_to_import_into", P.PROJECT_CREATE, lambda s, by: imports.entity_to_import_into(by, name="lab")),
    _team("handed_in.require_still", P.PROJECT_CREATE, lambda s, by: require_still(Import.objects.get(public_id=s.ids["import"]), by)),
    _project("asking.ask_for", P.PROJECT_EXPORT, lambda s, p, by: ask_for(by, entity=p.target.entity, project=p.target.project)),
    _whole("queries.own_account", lambda s, by: exports.own_account(by), _a_person),
    _whole("asking.ask_for_account", lambda s, by: ask_for_account(by), _a_person),
    _team("asking.ask_for", P.ENTITY_READ, lambda s, by: ask_for(by, entity="lab")),
    _project("retention.choose_retention", P.PROJECT_ADMIN, lambda s, p, by: choose_retention(s.project(p), 30, by=by)),
    _project("retention.unset_retention", P.PROJECT_ADMIN, lambda s, p, by: unset_retention(s.project(p), by=by)),
    _project("services.start_run", P.RUN_WRITE, lambda s, p, by: run_acts.start_run(s.project(p), name=p.target.run, by=by, patch=RunPatch(notes="x")), is_run=True),
    _project("services.create_run", P.RUN_READ, lambda s, p, by: run_acts.create_run(s.project(p), name=None, by=by, patch=RunPatch(branch_point=BranchPoint(p.target.run, 2)))),
    _whole("services.issue_api_key", lambda s, by: accounts.issue_api_key(s.user("sam"), by=by, terms=_TERMS)),
    _whole("services.revoke_api_key", lambda s, by: accounts.revoke_api_key(by, "k" * 20), lambda _: NOTHING),
    _whole("accounts.erase_account", lambda s, by: erase_account(s.user("alice"), by=by), _alice(FORBIDDEN)),
    _whole("organisations.create_organisation", lambda s, by: acts.create_organisation("made", by=by), _alice(FORBIDDEN)),
    _whole("entities.found_team", lambda s, by: acts.found_team("made", by=by), _alice(FORBIDDEN)),
    _whole("requests.ask_for_plan", lambda s, by: plans.ask_for_plan(Plan.ACADEMIC, _WORDS, by=by), _somebody),
    _whole("requests.answer_question", lambda s, by: plans.answer_question(_asked(s), "x", by=by), _alice(NOTHING)),
    _whole("requests.withdraw_request", lambda s, by: plans.withdraw_request(_asked(s), by=by), _alice(NOTHING)),
    _operator("services.suspend_account", lambda s, by: accounts.suspend_account(s.user("sam"), by=by)),
    _operator("services.reactivate_account", lambda s, by: accounts.reactivate_account(s.user("sam"), by=by)),
    _operator("suspending.suspend_entity", lambda s, by: suspending.suspend_entity(s.world.lab, by=by)),
    _operator("suspending.reactivate_entity", lambda s, by: suspending.reactivate_entity(s.shut, by=by)),
    _operator("review.read_request", lambda s, by: plans.read_request(int(s.ids["plan"]), by=by)),
    _operator("review.ask_question", lambda s, by: plans.ask_question(_asked(s), "x", by=by)),
    _operator("review.approve_request", lambda s, by: plans.approve_request(_asked(s), by=by)),
    _operator("review.decline_request", lambda s, by: plans.decline_request(_asked(s), by=by)),
    _operator("entitlements.grant_plan", lambda s, by: plans.grant_plan(s.user("sam"), Plan.ACADEMIC, by=by)),
    *(_project(name, permission, call) for name, permission, call in artifacts.CALLS),
    _operator("entitlements.withdraw_plan", lambda s, by: plans.withdraw_plan(Entitlement.objects.get(user__username="alice"), by=by)),
    _operator("backlog.work_that_waits", lambda s, by: backlog.work_that_waits(by)),
    _operator("sizes.sizes_of_entities", lambda s, by: sizes.sizes_of_entities(by)),
]  # fmt: skip


def outcome(act: Act, s: Scene, place: Place, by: Actor) -> str:
    """What came of it in one word. What is refused past the gate was allowed by it."""
    try:
        act.call(s, place, by)
    except NotFound:
        return NOTHING
    except Forbidden:
        return FORBIDDEN
    except OwnlogError:
        return YES
    return YES


# What takes who acts and asks nobody, by the reason why.
UNASKED = {
    "tells or changes what is the asker's own": """
        entities.own_entity entities.entities_of entities.closed_entities_of entities.role_counts entities.teams_of keys.keys_of
        people.joined_by people.my_organisations people.organisations_of people.seen_organisations queries.api_keys_of queries.entities_named_in
        queries.entitlement_of queries.is_counted queries.is_entitled queries.kept_requests_of queries.named_counts queries.newest_request queries.open_request_of
        queries.own_contributions
        queries.user_of services.change_appearance services.change_time_zone services.require_room
    """,
    "takes what was held with the permission for it": """
        bringing.bring_collection bringing.bring_link bringing.bring_project bringing.bring_version collections.make_collection
        committing.publish_whole services.ask_for_import services.bring services.give_up uploads.insert_version
        by_hand.make_version changing.add_aliases changing.remove_aliases changing.update_version closing.close_published
        collections.update_collection
        collections.portfolio_to_link_to linking.add_link_aliases linking.cut_links linking.end_links linking.remove_link_aliases
        linking.unlink_version links.promotions_of looks.keep_look projects.create_registry_project projects.rename_registry_project
        registries.rename_registry registries.unname_called registries.unname_in_registry registries.update_registry
        committing.commit_version deleting.close_collection deleting.leave_collection linking.require_may_end_links
        deleting.leave_versions services.export_account services.export_entity services.export_project services.export_runs
        services.note_fetched services.retry services.take_exports services.new_job uploads.start_version
        invitations.withdraw_all_of invitations.withdraw_all_to keys.make_key_of organisations.let_all_teams_go requests.withdraw_of projects.note projects.update_project services.add_history
        services.change_tags services.close_service services.dismiss_findings services.end_key services.erase_files
        services.make_hook services.remove_hook services.renew_secret services.switch_hook
        services.erase_project services.erase_run services.erase_runs services.erase_value services.finish_run services.request_stop
        services.rewind_run services.set_summary services.update_run sharing.make_share_link
        service_accounts.keys_with_makers sharing.revoke_share_link sharing.unname_person steps.add_step
        views.change_view views.delete_view views.save_view
    """,
    "is for commands, for sign-up, and for those that ask first": """
        entities.create_account_with_key entities.create_team invitations.take_up services.make_operator
        services.note_maker_back services.note_maker_left
    """,
    "is the question itself, asked in front of others": """
        entities.require_may_create_team places.require_person queries.require_operator services.require_all_rights
    """,
}
