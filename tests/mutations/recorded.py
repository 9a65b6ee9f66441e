"""Which check sees which gate call taken out: one line each in seen.tsv, written by `make mutations`.

Two kinds of calls cannot be seen by themselves, and stand here by hand. `AGAIN`: what comes after asks the same once more;
taken out together with it, it is seen. `EQUAL`: taking it out changes no answer to anybody; each with the reason.
"""

from __future__ import annotations

from pathlib import Path

from tests.mutations.sites import Site

SEEN = Path(__file__).with_name("seen.tsv")

_ORGANISATION = "get_organisation(request.actor, Permission.ENTITY_ADMIN, name=organisation)"
_TEAM = "get_team(request.actor, Permission.ENTITY_ADMIN, name=entity)"
_PEOPLE = "_held(request, entity, organisation, Permission.ENTITY_ADMIN)"
_AT = "require_at(by, Permission.ENTITY_ADMIN, place)"
_SERVICES = "apps.teams.services.service_accounts _held: require(by, Permission.ENTITY_ADMIN, entity=place, what='team')"
_IN_ORGANISATION = "require_in_organisation(by, Permission.ENTITY_ADMIN, organisation="
# A view that asks before it shows anything, and the service behind it that asks before it does anything.
AGAIN: dict[str, str] = {
    f"apps.web.views.organisations settings: {_ORGANISATION}": f"apps.teams.services.settings choose: {_IN_ORGANISATION}owner)",
    f"apps.web.views.organisations let_go: {_ORGANISATION}": (
        f"apps.teams.services.organisations let_team_go: {_IN_ORGANISATION}organisation)"
    ),
    "apps.web.views.organisations add: get_team(request.actor, Permission.ENTITY_ADMIN, name=request.POST.get('team', ''))": (
        "apps.teams.services.organisations add_team: require(by, Permission.ENTITY_ADMIN, entity=held, what='team')"
    ),
    "apps.web.views.people go: _held(request, entity, organisation, Permission.ENTITY_READ)": (
        "apps.teams.services.members leave: require_at(by, Permission.ENTITY_READ, place)"
    ),
    f"apps.web.views.people remove: {_PEOPLE}": f"apps.teams.services.members remove_member: {_AT}",
    f"apps.web.views.people hand_over_to: {_PEOPLE}": f"apps.teams.services.members hand_over: {_AT}",
    f"apps.web.views.people revoke: {_PEOPLE}": f"apps.teams.services.invitations revoke_invitation: {_AT}",
    "apps.web.views.artifacts artifacts: get_project(request.actor, Permission.FILE_READ, entity=entity, name=project)": (
        "apps.artifacts.queries.versions collections_in: require(actor, Permission.FILE_READ, project, what='artifact')"
    ),
    "apps.wandb_protocol.graphql.artifact_acts delete_collection_of: _collection(info, _named_in(sent), Permission.FILE_ERASE)": (
        "apps.artifacts.queries.holders versions_to_erase: require_version(actor, Permission.FILE_ERASE, version)"
    ),
    f"apps.web.views.services remove: {_TEAM}": _SERVICES,
    f"apps.web.views.services revoke: {_TEAM}": _SERVICES,
    f"apps.web.views.services role: {_TEAM}": _SERVICES,
    f"apps.web.views.services revoke_left_over: {_TEAM}": _SERVICES,
    # Of keys that only read or write; one that is good for one entity alone is asked in tests/exports/test_account.py.
    "apps.exports.queries own_account: require_all_rights(actor)": (
        "apps.exports.queries own_account: gate.require(actor, Permission.ENTITY_ADMIN, entity=own, what='export')"
    ),
    "apps.plans.services.review approve_request: require_operator(by)": (
        "apps.plans.services.entitlements _require_operator: require_operator(by)"
    ),
}

_HELD = "In a project that was found to be read: whoever reads one reads what its runs left (test_recorded shows it)."
_MADE = "Of what the same request had to be allowed to make or change: whoever may that may read it (test_recorded shows it)."
EQUAL: dict[str, str] = {
    "apps.projects.services.projects create_project: get_project(actor, Permission.PROJECT_READ, entity=owner.name, name=name)": _MADE,
    "apps.api.views.projects ProjectView.patch: get_project_by_id(request.actor, Permission.PROJECT_READ, public_id=done.subject)": _MADE,
    "apps.api.views.runs _answer_done: get_run_by_id(request.actor, Permission.RUN_READ, public_id=done.subject)": _MADE,
    "apps.web.views.by_hand new_run: get_run_by_id(request.actor, Permission.RUN_WRITE, public_id=made)": _MADE,
    "apps.wandb_protocol.graphql.artifacts _named: get_version_in(actor_in(info), Permission.FILE_READ, project=held.project, name=name)": _HELD,
    "apps.wandb_protocol.graphql.artifacts project_collection: get_collection_in(actor_in(info), Permission.FILE_READ, project=held.project, name=name)": _HELD,
    "apps.web.views.by_hand new_project: get_project_by_id(request.actor, Permission.PROJECT_READ, public_id=made)": (
        "The form names an entity in which the asker may make projects, also when it is sent again."
    ),
    "apps.web.views.organisations organisation: get_organisation(request.actor, Permission.ENTITY_READ, name=organisation)": (
        "The page finds the asker among its people, or says that there is nothing."
    ),
    "apps.web.views.keeping notifications: keeping.owner_of(request.actor, Permission.ENTITY_READ, '')": (
        "One's own entity: without a name of a team there is nothing to ask."
    ),
    "apps.web.custody Audience.people: allows(Permission.PROJECT_READ, role=role, visibility=visibility)": (
        "Counts others, by roles of which each may read; it lets nobody in."
    ),
}


def read_seen() -> dict[str, str]:
    lines = SEEN.read_text().splitlines() if SEEN.exists() else []
    return dict(line.split("\t") for line in lines)


def write_seen(seen: dict[Site, str]) -> None:
    SEEN.write_text("".join(f"{site}\t{seen[site]}\n" for site in sorted(seen)))
