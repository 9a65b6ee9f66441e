"""What waits to be erased for good, closed by alice: who may take it back, or have it begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.access.policy import Permission, allows
from apps.accounts.actors import Actor
from apps.erasure.artifacts import erase_artifact, erase_versions
from apps.erasure.called import names_of
from apps.erasure.models import ErasureJob
from apps.erasure.organisations import erase_organisation
from apps.erasure.queries import job_that_closed
from apps.erasure.services import erase_files, erase_project, erase_run
from apps.erasure.taking_back import may_decide
from apps.erasure.teams import erase_team
from apps.erasure.types import Scope
from apps.files.queries import find_file
from apps.teams.choices import SettingName
from apps.teams.models import Entity, Organisation
from apps.teams.services import choose
from tests.mutations import artifacts

if TYPE_CHECKING:
    from tests.matrix.world import Asker, Place
    from tests.mutations.direct import Scene

TAKES = {
    Scope.FILES: Permission.FILE_ERASE,
    Scope.RUNS: Permission.RUN_ERASE,
    Scope.PROJECT: Permission.PROJECT_ERASE,
    Scope.TEAM: Permission.ENTITY_ADMIN,
    Scope.ORGANISATION: Permission.ENTITY_ADMIN,
    Scope.VERSIONS: Permission.FILE_ERASE,
    Scope.ARTIFACT: Permission.FILE_ERASE,
}
_OF_RUNS = {Scope.FILES, Scope.RUNS}
# Alice asked for it; by a key that carries less she sees her own request too.
KEYS_OF_WHO_ASKED = {"read-only key of an admin", "writing key of an admin"}


def decides(scope: Scope, s: Scene, place: Place, asker: Asker) -> bool:
    return may_decide(asker.actor, _closed(scope, s, place, Actor.person(s.user("alice"))))


def expected(scope: Scope, s: Scene, place: Place, asker: Asker) -> bool:
    permission = TAKES[scope]
    if scope is Scope.ORGANISATION:
        return allows(permission, role=asker.organisation, scope=asker.scope)
    if scope is Scope.TEAM:
        return allows(permission, role=asker.entity, scope=asker.scope)
    return asker.may(permission, place, is_run=scope in _OF_RUNS)


def named(s: Scene, place: Place, asker: Asker) -> bool:
    job = _closed(Scope.RUNS, s, place, Actor.person(s.user("alice")))
    return bool(names_of(asker.actor, [job]))


def led_to(s: Scene, place: Place, asker: Asker) -> bool:
    _closed(Scope.RUNS, s, place, Actor.person(s.user("alice")))
    to = place.target
    return job_that_closed(asker.actor, entity=to.entity, project=to.project, run=to.run) is not None


def _closed(scope: Scope, s: Scene, place: Place, by: Actor) -> ErasureJob:
    choose(s.world.lab, SettingName.GRACE_DAYS, 3, by=by)
    if scope is Scope.RUNS:
        return erase_run(s.run(place), by=by)
    if scope is Scope.FILES:
        return erase_files([find_file(s.run(place), place.target.file).file], by=by)
    if scope is Scope.VERSIONS:
        return erase_versions([artifacts.version(s, place)], by=by)
    if scope is Scope.ARTIFACT:
        return erase_artifact(artifacts.version(s, place).collection, by=by)
    if scope is Scope.ORGANISATION:
        return erase_organisation(Organisation.objects.get(pk=s.world.institute.pk), by=by)
    if scope is Scope.PROJECT:
        return erase_project(s.project(place), by=by)
    return erase_team(Entity.objects.get(pk=s.world.lab.pk), by=by)
